"""Reading through a tf.data service: its processes, its jobs, and what arrives from it."""

from lengthwise.feed.service.service_processes import start_dispatcher, start_worker

__all__ = ["start_dispatcher", "start_worker"]
