"""The processes of a tf.data service: one dispatcher, which keeps a journal, and any number of workers."""

from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf

from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.feed.options.cache_options import Cache

# Datasets call the Python functions of these modules: a worker must import them.
from lengthwise.feed.reading import frame_claims, remote_files, shard_checksums  # noqa: F401

Server = TypeVar("Server")


def start_dispatcher(port: int, work_dir: str) -> tf.data.experimental.service.DispatchServer:
    """Starts a dispatcher. Restarted with the same port and journal, it continues where it stopped.

    Args:
        port: 0 for any free port.
        work_dir: the folder of the journal, on a file system that survives the process.

    Returns:
        The server: `target` is its address, `join()` waits for its end.

    Raises:
        ConfigError: no folder for the journal is given; without it, a restart would lose every job.
        EnvironmentFailure: the server cannot start.
    """
    if not work_dir:
        raise ConfigError("work_dir: expected a folder for the dispatcher's journal, received none; name one")
    service = tf.data.experimental.service
    config = service.DispatcherConfig(port=port, work_dir=work_dir, fault_tolerant_mode=True)
    return _start("dispatcher", port, lambda: service.DispatchServer(config))


def start_worker(
    dispatcher: str, port: int = 0, host: str = "localhost", cache: Cache | None = None
) -> tf.data.experimental.service.WorkerServer:
    """Starts a worker, which registers with the dispatcher.

    Args:
        dispatcher: the dispatcher's address, such as `10.0.0.2:5050`.
        port: 0 for any free port.
        host: the name by which trainers reach this machine.
        cache: where it keeps copies of remote files; None for the default of `Cache`. One for all workers of this
            process.

    Returns:
        The server: `join()` waits for its end.

    Raises:
        EnvironmentFailure: the server cannot start.
    """
    if cache is not None:
        remote_files.keep_copies_in(cache)
    service = tf.data.experimental.service
    address = f"{host}:{port}" if port else f"{host}:%port%"
    config = service.WorkerConfig(
        dispatcher_address=dispatcher.removeprefix("grpc://"), worker_address=address, port=port
    )
    return _start("worker", port, lambda: service.WorkerServer(config))


def _start(what: str, port: int, start: Callable[[], Server]) -> Server:
    try:
        return start()
    except Exception as error:  # any error of TensorFlow's server
        raise EnvironmentFailure(f"the {what} cannot start on port {port}: {error}") from error
