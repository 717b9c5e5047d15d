"""The buffers of blocks: of the narrowest dtype, compressed if that halves them, and of bounded size when read."""

import zlib

import numpy as np
import pytest

from lengthwise import columns as lw
from lengthwise.records.encoding.block_buffers import pack_buffer, unpack_buffer
from lengthwise.records.encoding.example_encoder import block_dtypes

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("buckets", "dtype"),
    [(1, "<i1"), (128, "<i1"), (129, "<i2"), (2**15, "<i2"), (2**15 + 1, "<i4"), (2**31, "<i4"), (2**31 + 1, "<i8")],
)
def test_ids_have_the_narrowest_dtype_that_fits_them_and_the_missing_id(buckets, dtype):
    assert block_dtypes([lw.sequence_categorical_column_with_identity("a", buckets)])["a"] == dtype
    for value in (-1, buckets - 1):
        assert unpack_buffer(pack_buffer(np.array([value]), dtype, compress=True), dtype, 1).tolist() == [value]


@pytest.mark.parametrize(
    ("values", "dtype", "packed"),
    [
        (np.zeros(0), "<f4", False),
        (np.zeros(3), "<f4", False),  # a stream would be longer
        (np.zeros(10_000), "<f4", True),
        (RNG.integers(0, 5, 9_000) / 2, "<f4", True),
        (RNG.random(10_000), "<f4", False),
        (RNG.integers(0, 128, 10_000), "<i1", False),
        (np.arange(256), "<i8", True),
    ],
)
def test_a_buffer_is_compressed_if_that_halves_it(values, dtype, packed):
    plain, buffer = (pack_buffer(values, dtype, compress=compress) for compress in (False, True))
    assert plain == values.astype(dtype).tobytes()
    assert (2 * len(buffer) < len(plain)) == packed
    assert (buffer if not packed else zlib.decompress(buffer)) == plain
    assert unpack_buffer(buffer, dtype, len(values)).tolist() == values.astype(dtype).tolist()


@pytest.mark.parametrize(
    ("buffer", "message"),
    [
        (b"\0" * 404, "expected 400 bytes for 100 values of <f4, found 404 or more"),
        (zlib.compress(b"\0" * 396), "expected 400 bytes for 100 values of <f4, found 396 or more"),
        (zlib.compress(b"\0" * 2**28)[:399], "expected 400 bytes for 100 values of <f4, found 401 or more"),
        (b"\0" * 396, "or a zlib stream of them: Error -3"),
        (b"", "expected 400 bytes for 100 values of <f4, found 0 or more"),
    ],
    ids=["too long", "a stream of too few values", "a decompression bomb", "not a stream", "empty"],
)
def test_a_buffer_with_another_number_of_values_is_refused(buffer, message):
    with pytest.raises(ValueError, match=message):
        unpack_buffer(buffer, "<f4", 100)
