"""The ledger of an epoch through a tf.data service: the number of rows that each consumer received, a file each.

This runs in the trainers, never in the service's workers, so it can use Python functions. Files are written atomically:
a consumer that ends at the same time reads a number, or finds no file yet.
"""

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lengthwise.feed.options.service_options import Service
from lengthwise.storage import files
from lengthwise.tensor.tensor_types import Tensor


def exchange(rows: Tensor, service: Service, job_name: Tensor | str) -> Tensor:
    """Writes this consumer's number of rows; returns the numbers of all consumers that have ended.

    Args:
        rows: int64 `[]`.
        service: defines the ledger and its consumers.
        job_name: of this epoch, a string tensor.

    Returns:
        int64 `[n]`, of the `n` consumers that have ended, including this one.
    """

    def write_and_read(rows: npt.NDArray[np.int64], job_name: npt.ArrayLike) -> npt.NDArray[np.int64]:
        assert service.ledger is not None
        name = np.asarray(job_name).item().decode()  # scalars come as bytes, or as arrays
        paths = [files.join(service.ledger, f"{name}-{index}") for index in range(service.num_consumers)]
        files.write_bytes(paths[service.consumer_index], str(int(rows)).encode(), durable=False)
        return np.array([int(files.read_bytes(path)) for path in paths if files.exists(path)], np.int64)

    numbers = tf.numpy_function(write_and_read, [rows, job_name], tf.int64)
    return tf.ensure_shape(numbers, [None])
