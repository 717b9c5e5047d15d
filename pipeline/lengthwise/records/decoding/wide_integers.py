"""Integers of more than 32 bits in the sequences of tf.SequenceExamples, which tfx-bsl truncates silently.

Its `IntListDecoder` copies each value through a C++ `int`, so 2**32 + 5 becomes 5. The few records that can contain
such a value are found by their bytes, and read again. tf.Examples and context features are not affected.
Source: tfx_bsl/cc/coders/example_decoder.cc, `for (int value : feature.int64_list().value())`.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from google.protobuf.message import DecodeError

from lengthwise.records.decoding.example_protos import FlatFeatureList, RawSequences, SequenceExample

SEQUENCES = "##SEQUENCE##"
"""tfx-bsl's name for the struct of all sequence features."""


class WideIntegers:
    """Restores the values of which tfx-bsl kept only the lower 32 bits."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._keys = tuple(keys)

    def restore(self, batch: pa.RecordBatch, records: list[bytes]) -> pa.RecordBatch:
        """The batch that tfx-bsl decoded from `records`, with complete values.

        Raises:
            RuntimeError: the two parsers of protocol buffers disagree on a record, so it cannot be compared.
        """
        if not self._keys or not records:
            return batch
        try:
            return self._restore(batch, records)
        except DecodeError as error:
            raise RuntimeError(f"protobuf's parsers disagree on a record: {error}") from error

    def _restore(self, batch: pa.RecordBatch, records: list[bytes]) -> pa.RecordBatch:
        lists = [raw for record in records for raw in self._lists(record)]  # the integers of all records, undecoded
        sizes = np.fromiter(map(len, lists), np.int64, len(lists))
        at = batch.schema.get_field_index(SEQUENCES)
        fields = {field.name: batch.column(at).field(field.name) for field in batch.schema.field(at).type}
        for number, key in enumerate(self._keys):
            if (np.diff(fields[key].offsets.to_numpy())[sizes[number :: len(self._keys)] == 0] > 0).any():
                raise RuntimeError("a map entry with unknown fields: protobuf's parsers disagree on it")
        places = _suspects(lists, sizes)
        if len(places) == 0:
            return batch
        for number, key in enumerate(self._keys):
            rows = places[places % len(self._keys) == number] // len(self._keys)
            if len(rows):
                fields[key] = _restore_values(fields[key], key, rows, lists[number :: len(self._keys)], records)
        sequences = pa.StructArray.from_arrays(list(fields.values()), fields=list(batch.schema.field(at).type))
        return batch.set_column(at, batch.schema.field(at), sequences)

    def _lists(self, record: bytes) -> list[bytes]:
        by_key = RawSequences.FromString(record).feature_lists.feature_list
        return [by_key.get(key, b"") for key in self._keys]


def _suspects(lists: list[bytes], sizes: np.ndarray) -> np.ndarray:
    """The lists with four consecutive bytes that have the continuation bit: every number of 2**28 or more has them."""
    more = np.frombuffer(b"".join(lists), np.int8) < 0
    runs = np.flatnonzero(more[:-3] & more[1:-2] & more[2:-1] & more[3:])
    return np.unique(np.searchsorted(np.cumsum(sizes), runs, side="right"))


def _restore_values(
    column: pa.LargeListArray, key: str, rows: np.ndarray, lists: list[bytes], records: list[bytes]
) -> pa.LargeListArray:
    values = column.values.values.to_numpy().copy()
    bounds = column.values.offsets.to_numpy()[column.offsets.to_numpy()]
    for row in rows.tolist():
        start, stop = bounds[row], bounds[row + 1]
        whole = FlatFeatureList.FromString(lists[row]).feature.int64_list.value
        if len(whole) != stop - start:  # lists within a step, of which the last one counts
            whole = _read_slowly(records[row], key)
        values[start:stop] = whole
    return _with_values(column, _with_values(column.values, pa.array(values)))


def _read_slowly(record: bytes, key: str) -> list[int]:
    steps = SequenceExample.FromString(record).feature_lists.feature_list[key].feature
    return [value for step in steps for value in step.int64_list.value]


def _with_values(lists: pa.LargeListArray, values: pa.Array) -> pa.LargeListArray:
    """The same lists with other values."""
    return pa.LargeListArray.from_buffers(
        lists.type, len(lists), lists.buffers()[:2], lists.null_count, lists.offset, [values]
    )
