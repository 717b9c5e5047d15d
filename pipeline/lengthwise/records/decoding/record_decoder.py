"""Serialized records -> Arrow lists, by tfx-bsl's C++ decoders, with every undecodable record isolated.

Sequences in the usual form are read by `wire_reader`, with equal results; tfx-bsl then only reads the contexts.

tfx-bsl fails a whole batch on its first bad record without saying which, and its decoders can stay broken after a
failure (rows of the failed batch reappear, good batches fail). So after any failure a new decoder is created, the batch
is divided until the bad records are isolated, and the number of rows is always checked.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from tensorflow_metadata.proto.v0 import schema_pb2

from lengthwise.columns import (
    AnyColumn,
    ContextColumn,
    ContextFeature,
    NumericColumn,
    SequenceFeature,
    raw_context,
    sequence_features,
)
from lengthwise.config import RecordFormat
from lengthwise.records.arrays.arrow_batches import concat_batches, merge_batches
from lengthwise.records.arrays.tfx_bsl_coders import example_coder, sequence_example_coder
from lengthwise.records.decoding.example_protos import Example, SequenceExample
from lengthwise.records.decoding.misplaced_features import find_misplaced
from lengthwise.records.decoding.wide_integers import SEQUENCES, WideIntegers
from lengthwise.records.decoding.wire_reader import WireReader
from lengthwise.reject_reasons import RejectReason

_Kind = Literal["int64", "float", "bytes"]
_Finish = Callable[[pa.RecordBatch, list[bytes]], pa.RecordBatch]
_FEW = 16  # records that are decoded one by one if one of them is bad
_KINDS = {"int64": schema_pb2.INT, "float": schema_pb2.FLOAT, "bytes": schema_pb2.BYTES}


@dataclass(frozen=True, slots=True)
class RecordFault:
    """The fault of one record of a block: its row there, the reason, the feature and a description."""

    row: int
    reason: RejectReason
    column: str
    detail: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded block.

    Attributes:
        batch: a context feature is a `large_list<T>`; sequence features are the fields of the struct column
            `##SEQUENCE##`, `large_list<large_list<T>>` (in a tf.Example: `large_list<T>` columns like the rest).
        rows: int64 `[batch.num_rows]`: the position in the block of each decoded record.
        faults: the records that could not be decoded.
    """

    batch: pa.RecordBatch
    rows: np.ndarray
    faults: list[RecordFault]


class _Coder(Protocol):
    def DecodeBatch(self, records: list[bytes]) -> pa.RecordBatch: ...  # noqa: N802 (tfx-bsl's name)


class Decoder:
    """Decodes the features that `columns` read, out of records of one container format. Not for several threads."""

    def __init__(self, columns: Iterable[AnyColumn], container: RecordFormat) -> None:
        columns = tuple(columns)
        self._container = container
        flat = [feature for feature in sequence_features(columns) if feature.from_ == "context"]
        self._context = _kinds_of([*raw_context(columns), *flat])
        self._sequences = _kinds_of(feature for feature in sequence_features(columns) if feature not in flat)
        integers = [key for key, kind in self._sequences.items() if kind == "int64"]
        self._wire = WireReader(self._sequences if container == "sequence_example" else {})
        self._wide = WideIntegers(integers if container == "sequence_example" else ())
        self._schema = self._make_schema().SerializeToString()
        self._coder = self._make_coder()

    def decode(self, records: list[bytes]) -> Decoded:
        """Decodes a block; each record that cannot be decoded becomes a fault, the others a row."""
        usual = self._wire.read(records)
        if usual is None:
            batch, rows = self._parse(records, self._wide.restore)
        elif len(usual.rows) == len(records):
            contexts, rows = self._parse(usual.contexts)
            batch = usual.complete(contexts, rows)
        else:
            contexts, kept = self._parse(usual.contexts)
            others = np.delete(np.arange(len(records)), usual.rows)
            rest, places = self._parse([records[row] for row in others.tolist()], self._wide.restore)
            batch, rows = merge_batches(usual.complete(contexts, kept), usual.rows[kept], rest, others[places])
        bad = np.delete(np.arange(len(records)), rows) if len(rows) < len(records) else rows[:0]
        return Decoded(batch, rows, [self._explain(row, records[row]) for row in bad.tolist()])

    def explain_absence(self, row: int, key: str, record: bytes) -> RecordFault | None:
        """Why a record lacks a required feature, if it has it in another place; None if it has it nowhere."""
        misplaced = find_misplaced(record, key, self._container, self._sequences, self._context)
        if misplaced is None:
            return None
        reason, detail = misplaced
        return RecordFault(row, reason, key, detail)

    def _parse(
        self, records: list[bytes], finish: _Finish = lambda batch, _: batch
    ) -> tuple[pa.RecordBatch, np.ndarray]:
        """The records that can be decoded, and their positions, increasing."""
        batches: list[pa.RecordBatch] = []
        rows: list[np.ndarray] = []
        pending = [(0, len(records))]
        while pending:
            start, stop = pending.pop()
            batch = self._try(records[start:stop], finish)
            if batch is not None:
                batches.append(batch)
                rows.append(np.arange(start, stop))
            elif stop - start > 1:
                size = (stop - start + 1) // 2 if stop - start > _FEW else 1
                pending += [(at, min(at + size, stop)) for at in range(start, stop, size)][::-1]
        if not batches:
            batches, rows = [self._coder.DecodeBatch([])], [np.arange(0)]
        return batches[0] if len(batches) == 1 else concat_batches(batches), np.concatenate(rows)

    def _try(self, records: list[bytes], finish: _Finish) -> pa.RecordBatch | None:
        try:
            batch = self._coder.DecodeBatch(records)
            if batch.num_rows == len(records):
                return finish(batch, records)
        except RuntimeError:  # tfx-bsl raises it for all errors
            pass
        self._coder = self._make_coder()
        return None

    def _explain(self, row: int, record: bytes) -> RecordFault:
        message_type = Example if self._container == "example" else SequenceExample
        try:
            message = message_type.FromString(record)
        except Exception as error:  # noqa: BLE001 (protobuf raises DecodeError, UnicodeDecodeError and others)
            return RecordFault(
                row, RejectReason.UNPARSABLE, "", f"expected a tf.train.{message_type.__name__}: {error}"
            )
        for key, expected, actual in self._kinds_of_message(message):
            if actual not in (None, f"{expected}_list"):
                detail = f"expected a {expected}_list, received a {actual}"
                return RecordFault(row, RejectReason.WRONG_DTYPE, key, detail)
        return RecordFault(row, RejectReason.UNPARSABLE, "", "tfx-bsl cannot decode the record")

    def _kinds_of_message(self, message: Any) -> Iterable[tuple[str, str, str | None]]:
        flat = message.features.feature if self._container == "example" else message.context.feature
        contexts = {**self._context, **self._sequences} if self._container == "example" else self._context
        for key, kind in sorted(contexts.items()):
            if key in flat:
                yield key, kind, flat[key].WhichOneof("kind")
        if self._container == "sequence_example":
            lists = message.feature_lists.feature_list
            for key, kind in sorted(self._sequences.items()):
                for feature in lists[key].feature if key in lists else ():
                    yield key, kind, feature.WhichOneof("kind")

    def _make_schema(self) -> schema_pb2.Schema:
        schema = schema_pb2.Schema()
        for key, kind in self._context.items():
            schema.feature.add(name=key, type=_KINDS[kind])
        sequences = schema.feature
        if self._container == "sequence_example" and self._sequences:
            struct = schema.feature.add(name=SEQUENCES, type=schema_pb2.STRUCT)
            sequences = struct.struct_domain.feature
        for key, kind in self._sequences.items():
            sequences.add(name=key, type=_KINDS[kind])
        return schema

    def _make_coder(self) -> _Coder:
        if self._container == "example":
            return example_coder.ExamplesToRecordBatchDecoder(self._schema)
        return sequence_example_coder.SequenceExamplesToRecordBatchDecoder(SEQUENCES, self._schema)


def _kind_of(column: AnyColumn) -> _Kind:
    """The kind of list of a tf.train.Feature that the column reads."""
    match column:
        case NumericColumn() if column.decode is not None:
            return "bytes"
        case NumericColumn():
            return "int64" if column.is_integer else "float"
        case ContextColumn(dtype="float32"):
            return "float"
        case _:
            return "bytes" if getattr(column, "dtype", "int64") == "string" else "int64"


def _kinds_of(features: Iterable[SequenceFeature | ContextFeature]) -> dict[str, _Kind]:
    """The kind of each feature, weights included, by key."""
    kinds: dict[str, _Kind] = {}
    for feature in features:
        kinds[feature.key] = _kind_of(feature)
        weight_key = getattr(feature, "weight_key", None)
        if weight_key is not None:
            kinds[weight_key] = "float"
    return kinds
