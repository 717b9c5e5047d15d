"""A block's buffers: the values of one feature of all rows, little-endian; compressed if that halves it.

The uncompressed size follows from the rows' lengths. So a shorter buffer is a zlib
stream of its values, and needs no other mark.
"""

import zlib

import numpy as np

_LEVEL = 1  # higher levels take longer, and save 1% more
_SAMPLE = 1024  # bytes


def pack_buffer(values: np.ndarray, dtype: str, *, compress: bool) -> bytes:
    """The buffer of these values; with `compress` a zlib stream if that is less than half as long."""
    content = np.ascontiguousarray(values, dtype).tobytes()
    if compress and _halves(content[:_SAMPLE]):
        packed = zlib.compress(content, _LEVEL)
        return packed if 2 * len(packed) < len(content) else content
    return content


def unpack_buffer(buffer: bytes, dtype: str, count: int) -> np.ndarray:
    """The `count` values of a buffer. No more than their size is decompressed.

    Raises:
        ValueError: it contains another number of values.
    """
    size = count * np.dtype(dtype).itemsize
    if len(buffer) >= size:
        content = buffer
    else:
        try:
            content = zlib.decompressobj().decompress(buffer, size + 1)
        except zlib.error as error:
            raise ValueError(f"expected {count} values of {dtype}, or a zlib stream of them: {error}") from error
    if len(content) != size:
        raise ValueError(f"expected {size} bytes for {count} values of {dtype}, found {len(content)} or more")
    return np.frombuffer(content, dtype)


def _halves(content: bytes) -> bool:
    return 2 * len(zlib.compress(content, _LEVEL)) < len(content)
