"""The processes of a tf.data service: one dispatcher, which keeps a journal, and any number of workers."""

from importlib import import_module
from typing import Any

from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.feed.options.cache_options import Cache

_CALLED = (
    "lengthwise.feed.reading.remote_files",
    "lengthwise.feed.reading.shard_checksums",
    "lengthwise.feed.reading.frame_claims",
)
"""What holds the Python functions that datasets call: a worker must know them."""


def start_dispatcher(port: int, work_dir: str) -> Any:
    """Starts a dispatcher. Restarted with the same port and journal, it continues where it stopped.

    Args:
        port: 0 for any that is free.
        work_dir: the folder of the journal, on a file system that outlives the process.

    Returns:
        The server: `target` is its address, `join()` waits for its end.

    Raises:
        ConfigError: there is no folder for the journal, without which a restart would lose every job.
        EnvironmentFailure: the server cannot start.
    """
    import tensorflow as tf

    if not work_dir:
        raise ConfigError("work_dir: expected a folder for the dispatcher's journal, received none; name one")
    service = tf.data.experimental.service
    config = service.DispatcherConfig(port=port, work_dir=work_dir, fault_tolerant_mode=True)
    return _start("dispatcher", port, lambda: service.DispatchServer(config))


def start_worker(dispatcher: str, port: int = 0, host: str = "localhost", cache: Cache | None = None) -> Any:
    """Starts a worker, which tells the dispatcher that it is there.

    Args:
        dispatcher: the dispatcher's address, such as `10.0.0.2:5050`.
        port: 0 for any that is free.
        host: the name by which trainers reach this machine.
        cache: where it keeps copies of remote files; None where `Cache` does. One for all workers of this process.

    Returns:
        The server: `join()` waits for its end.

    Raises:
        EnvironmentFailure: the server cannot start.
    """
    import tensorflow as tf

    for name in _CALLED:
        import_module(name)
    from lengthwise.feed.reading.remote_files import keep_copies_in

    if cache is not None:
        keep_copies_in(cache)
    service = tf.data.experimental.service
    address = f"{host}:{port}" if port else f"{host}:%port%"
    config = service.WorkerConfig(
        dispatcher_address=dispatcher.removeprefix("grpc://"), worker_address=address, port=port
    )
    return _start("worker", port, lambda: service.WorkerServer(config))


def _start(what: str, port: int, start: Any) -> Any:
    try:
        return start()
    except Exception as error:  # whatever TensorFlow's server raises
        raise EnvironmentFailure(f"the {what} cannot start on port {port}: {error}") from error
