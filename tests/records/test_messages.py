"""Messages made for thousands of rows at once are, byte for byte, those that tfx-bsl's encoder writes."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tfx_bsl.coders import example_coder

from lengthwise.records.arrays.proto_messages import feature_parts, join_parts
from lengthwise.records.container.frame_writing import frame, frame_array

_TYPES = {"float32": pa.float32(), "int32": pa.int64(), "int64": pa.int64()}
_SHAPES = st.tuples(st.integers(1, 8), st.integers(1, 200))
_CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])  # tfx-bsl truncates names at a zero


def by_tfx_bsl(key: str, values: np.ndarray) -> list[bytes]:
    lists = pa.array(values.tolist(), pa.large_list(_TYPES[values.dtype.name]))
    return example_coder.RecordBatchToExamplesEncoder().encode(pa.RecordBatch.from_pydict({key: lists}))


@given(
    st.sampled_from(sorted(_TYPES)).flatmap(lambda kind: arrays.arrays(kind, _SHAPES)),
    st.text(_CHARACTERS, max_size=200),
)
def test_any_numbers_under_any_name(values: np.ndarray, key: str) -> None:
    assert join_parts(feature_parts(key, values)).to_pylist() == by_tfx_bsl(key, values)


@pytest.mark.parametrize("bits", range(64))
def test_integers_around_every_power_of_two(bits: int) -> None:
    around = [number for number in (2**bits - 1, 2**bits, -(2**bits)) if -(2**63) <= number < 2**63]
    for some in (around, around[:1]):
        values = np.array([some, [0] * len(some)], np.int64)
        assert join_parts(feature_parts("id", values)).to_pylist() == by_tfx_bsl("id", values)


@pytest.mark.parametrize("count", [1, 10, 126, 127, 128, 5_000, 200_000])
def test_sizes_of_one_to_three_bytes(count: int) -> None:
    values = np.arange(count, dtype=np.float32).reshape(1, -1)
    assert join_parts(feature_parts("x", values)).to_pylist() == by_tfx_bsl("x", values)


@given(st.lists(st.binary(max_size=300)), st.integers(0, 3))
def test_frames_of_an_array_are_those_of_a_list(records: list[bytes], skipped: int) -> None:
    array = pa.array(records, pa.large_binary()).slice(skipped)
    assert frame_array(array) == frame(records[skipped:])
