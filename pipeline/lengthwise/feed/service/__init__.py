"""Reading through a tf.data service: its processes, its jobs, and the batches that it sends."""

from lengthwise.feed.service.service_processes import start_dispatcher, start_worker

__all__ = ["start_dispatcher", "start_worker"]
