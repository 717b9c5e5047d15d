"""Rows of one bucket -> serialized tf.Examples, in one of two layouts.

    example   a tf.Example per sequence, padded to the boundary
    block     a tf.Example per block of sequences, unpadded: buffers of all their values, and the lengths that divide
              them; strings remain a list of strings

Numbers and buffers are encoded by `proto_messages`, strings by tfx-bsl's encoder, with equal bytes. tfx-bsl writes the
features of a message in an order that changes from process to process. So that equal input has equal bytes, each
feature is encoded as a separate message, and these are joined in the order of their keys: consecutive
protocol buffers are one merged message, also for TensorFlow's fast parser.
Source: protobuf.dev/programming-guides/encoding#last-one-wins, tensorflow/core/util/example_proto_fast_parsing.cc.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from lengthwise.columns import AnyColumn, ContextColumn, context_features, leading_length_key
from lengthwise.records.arrays.arrow_lists import list_values, string_bytes, strings_at
from lengthwise.records.arrays.proto_messages import Part, bytes_message, feature_parts, join_parts
from lengthwise.records.arrays.tfx_bsl_coders import example_coder
from lengthwise.records.encoding.block_buffers import pack_buffer
from lengthwise.records.encoding.bucket_padding import Padder
from lengthwise.records.rows.row_features import LENGTH, StepFeature, length_columns, lengths_of, step_features


class ExampleEncoder:
    """Encodes rows as one padded tf.Example each. Not for use by several threads."""

    def __init__(self, columns: Iterable[AnyColumn]) -> None:
        columns = tuple(columns)
        self._steps = step_features(columns)
        self._context = context_features(columns)
        self._length_key = leading_length_key(columns)
        self._lengths = tuple(length_columns(columns).values())
        self._coder = example_coder.RecordBatchToExamplesEncoder()

    def encode(self, rows: pa.RecordBatch, boundaries: Sequence[int]) -> pa.LargeBinaryArray:
        """The serialized examples of rows, in their order; `boundaries`: the maximum steps of each group."""
        lengths = rows.column(LENGTH).to_numpy()
        parts = {self._length_key: feature_parts(self._length_key, lengths.reshape(-1, 1))}
        padders = {
            column: Padder(lengths_of(rows, column), boundary)
            for column, boundary in zip(self._lengths, boundaries, strict=True)
        }
        for step in self._steps:
            if step.is_bytes:
                parts[step.key] = self._parts_of_strings(step, rows, padders[step.length])
                continue
            numbers = step.numbers(list_values(rows.column(step.key)))
            padded = padders[step.length].pad(numbers, step.width, step.padding)
            parts[step.key] = feature_parts(step.key, padded)
        for column in self._context:
            parts[column.key] = self._context_parts(column, rows)
        return join_parts([part for key in sorted(parts) for part in parts[key]])

    def _context_parts(self, column: ContextColumn, rows: pa.RecordBatch) -> list[Part]:
        lists = rows.column(column.key)
        if column.dtype != "string":
            return feature_parts(column.key, list_values(lists).reshape(-1, column.num_elements))
        return self._encoded(column.key, lists)

    def _parts_of_strings(self, step: StepFeature, rows: pa.RecordBatch, padder: Padder) -> list[Part]:
        strings = rows.column(step.key).flatten()
        places = padder.pad(np.arange(len(strings)), step.width, step.padding)
        offsets = np.arange(len(places) + 1) * places.shape[1]
        return self._encoded(step.key, pa.LargeListArray.from_arrays(offsets, strings_at(strings, places.reshape(-1))))

    def _encoded(self, key: str, lists: pa.Array) -> list[Part]:
        """Lists of strings as one feature, each in a message."""
        encoded = self._coder.encode(pa.RecordBatch.from_pydict({key: lists}))
        return [pa.array(encoded, pa.large_binary())]


_BLOCK_BYTES = 2**24
"""The strings of a block have no more bytes than this, unless one sequence has: messages have at most 2 GiB."""


class BlockEncoder:
    """Encodes rows as blocks, one tf.Example each. Not for use by several threads."""

    def __init__(self, columns: Iterable[AnyColumn], block_sequences: int, *, compress: bool) -> None:
        """With `compress`, buffers are zlib streams where that halves them: see `block_buffers`."""
        columns = tuple(columns)
        self._size = block_sequences
        self._compress = compress
        self._dtypes = block_dtypes(columns)
        self._length_key = leading_length_key(columns)
        self._strings = [step.key for step in step_features(columns) if step.is_bytes]
        self._keys = [step.key for step in step_features(columns)]
        self._keys += [column.key for column in context_features(columns)]
        self._coder = example_coder.RecordBatchToExamplesEncoder()

    def encode(self, rows: pa.RecordBatch) -> Iterator[bytes]:
        """The serialized blocks of rows, of `block_sequences`; fewer in the last, and where strings are large."""
        sizes = np.zeros(rows.num_rows, np.int64)
        for key in self._strings:
            sizes += string_bytes(rows.column(key))
        ends, start = np.cumsum(sizes), 0
        while start < rows.num_rows:
            before = ends[start] - sizes[start]
            fitting = int(np.searchsorted(ends, before + _BLOCK_BYTES, side="right")) - start
            count = min(max(fitting, 1), self._size)
            yield self._encode_block(rows.slice(start, count))
            start += count

    def _encode_block(self, block: pa.RecordBatch) -> bytes:
        lengths = pack_buffer(block.column(LENGTH).to_numpy(), self._dtypes[self._length_key], compress=False)
        features = {self._length_key: bytes_message(self._length_key, lengths)}
        for key in self._keys:
            if key in self._dtypes:
                buffer = pack_buffer(list_values(block.column(key)), self._dtypes[key], compress=self._compress)
                features[key] = bytes_message(key, buffer)
            else:
                values = block.column(key).flatten()
                lists = pa.LargeListArray.from_arrays(pa.array([0, len(values)]), values)
                [features[key]] = self._coder.encode(pa.RecordBatch.from_pydict({key: lists}))
        return b"".join(message for _, message in sorted(features.items()))


def block_dtypes(columns: Iterable[AnyColumn]) -> dict[str, str]:
    """The numpy dtype of each raw buffer of the block layout, by key."""
    columns = tuple(columns)
    dtypes = {step.key: step.block_dtype for step in step_features(columns) if not step.is_bytes}
    dtypes[leading_length_key(columns)] = "<i4"
    for column in context_features(columns):
        if column.dtype != "string":
            dtypes[column.key] = "<f4" if column.dtype == "float32" else "<i8"
    return dict(sorted(dtypes.items()))
