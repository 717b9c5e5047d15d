"""The ledger of an epoch through a tf.data service: how many rows each of its consumers got, a file each.

This runs in the trainers, never in the service's workers, so that it may be Python. A file gets its name when its
content is whole: whoever ends at the same time reads a number, or finds no file yet.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from lengthwise.feed.options.service_options import Service
from lengthwise.storage import files


def exchange(rows: Any, service: Service, job_name: Any) -> Any:
    """Writes this consumer's number of rows; gives those of all that have ended.

    Args:
        rows: int64 `[]`.
        service: names the ledger and its consumers.
        job_name: of this epoch, a string tensor.

    Returns:
        int64 `[n]`, of the `n` consumers that have ended, this one among them.
    """

    def write_and_read(rows: Any, job_name: Any) -> np.ndarray:
        assert service.ledger is not None
        name = np.asarray(job_name).item().decode()  # scalars come as bytes, or as arrays
        paths = [files.join(service.ledger, f"{name}-{index}") for index in range(service.num_consumers)]
        files.write_bytes(paths[service.consumer_index], str(int(rows)).encode(), durable=False)
        return np.array([int(files.read_bytes(path)) for path in paths if files.exists(path)], np.int64)

    numbers = tf.numpy_function(write_and_read, [rows, job_name], tf.int64)
    return tf.ensure_shape(numbers, [None])
