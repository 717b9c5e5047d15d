"""The features that the feed reads and yields, derived once from the columns."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import tensorflow as tf

from lengthwise.columns import (
    RESERVED_KEY,
    AnyColumn,
    NumericColumn,
    context_features,
    groups,
    leading_length_key,
    length_key,
    sequence_features,
)
from lengthwise.columns.numeric_columns import Decode
from lengthwise.records.rows.row_features import BYTES, LENGTH, step_features
from lengthwise.tensor.tensor_types import DType, Tensor, TensorSpec

Batch = dict[str, Tensor]
"""Dense tensors by key, including `sequence_length`."""


@dataclass(frozen=True, slots=True)
class SequenceSpec:
    """A sequence feature of the batches: ids, numbers, weights or bytes.

    Attributes:
        key: its name.
        shape: of one step: `()` for tensors of `[B, T]`, `(3,)` for tensors of `[B, T, 3]`.
        width: values per step.
        dtype: of the values; `int64`, `float32` or `string` in prepared data.
        padding: the value of the steps after a sequence's end.
        absent: the value of the steps of a sequence without the feature.
        is_number: whether it is a number, not an id, weight or string.
        length: the feature that has the lengths of its group.
        decode: how stored numbers of blocks become numbers of batches, if they differ.
    """

    key: str
    shape: tuple[int, ...]
    width: int
    dtype: DType
    padding: float | str
    absent: float | str
    is_number: bool
    length: str = RESERVED_KEY
    decode: Decode | None = None


class ContextSpec(Protocol):
    """A feature of the whole sequence: a context column, or a tensor of another dataset."""

    @property
    def key(self) -> str: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> DType | str: ...


@dataclass(frozen=True, slots=True)
class Features:
    """All features of one data set.

    Attributes:
        sequences: the sequence features, weights included, sorted by key.
        context: the context features, sorted by key, including the lengths of further groups.
        length_keys: the features that have the lengths of each group, the leading group first.
    """

    sequences: tuple[SequenceSpec, ...]
    context: tuple[ContextSpec, ...]
    length_keys: tuple[str, ...]

    @classmethod
    def of(cls, columns: Iterable[AnyColumn]) -> "Features":
        """The features that `columns` read."""
        columns = tuple(columns)
        leading = leading_length_key(columns)
        numbers = [c for c in sequence_features(columns) if isinstance(c, NumericColumn)]
        shapes = {key: c.shape for c in numbers for key in (c.key, c.observed_key) if key is not None}
        keys = {c.key for c in numbers}
        specs = []
        for step in step_features(columns):
            dtype = {"<f4": tf.float32, BYTES: tf.string}.get(step.dtype, tf.int64)
            shape = shapes.get(step.key, (step.width,))
            shape = () if shape == (1,) else shape
            is_number = step.key in keys
            length = leading if step.length == LENGTH else step.length
            padding, absent = ("", "") if step.is_bytes else (step.padding, step.absent)
            specs.append(
                SequenceSpec(step.key, shape, step.width, dtype, padding, absent, is_number, length, step.decode)
            )
        return cls(tuple(specs), context_features(columns), tuple(map(length_key, groups(columns))) or (leading,))

    @property
    def length_key(self) -> str:
        """The feature that has the lengths of the leading group."""
        return self.length_keys[0]

    @property
    def has_groups(self) -> bool:
        """Whether a column names a group."""
        return self.length_keys != (RESERVED_KEY,)

    def of_length(self, key: str) -> tuple[SequenceSpec, ...]:
        """The sequence features of the group whose lengths are in the feature of that key."""
        return tuple(spec for spec in self.sequences if spec.length == key)

    @property
    def batch_spec(self) -> dict[str, TensorSpec]:
        """A `tf.TensorSpec` for each key of a batch, with B and T unknown."""
        sequences = {spec.key: tf.TensorSpec([None, None, *spec.shape], spec.dtype) for spec in self.sequences}
        context = {column.key: tf.TensorSpec([None, *column.shape], context_dtype(column)) for column in self.context}
        return {**sequences, **context, self.length_key: tf.TensorSpec([None], tf.int64)}


class Flat(NamedTuple):
    """The values of one sequence feature: those of row i are `values[splits[i]:splits[i + 1]]`."""

    values: Tensor
    splits: Tensor

    def at(self, positions: Tensor) -> "Flat":
        """The rows at these positions."""
        gathered = tf.raw_ops.RaggedGather(
            params_nested_splits=[self.splits],
            params_dense_values=self.values,
            indices=positions,
            OUTPUT_RAGGED_RANK=1,
        )
        return Flat(gathered.output_dense_values, gathered.output_nested_splits[0])


@dataclass(frozen=True, slots=True)
class Rows:
    """Unpadded sequences.

    Attributes:
        sequences: the values of each sequence feature, by key: row after row, without gaps.
        lengths: int64 `[n]`, in steps; of the leading group.
        context: `[n, *shape]` of each context feature, by key.
        keep: bool `[n]`: the rows to use; None for all.
    """

    sequences: dict[str, Flat]
    lengths: Tensor
    context: dict[str, Tensor]
    keep: Tensor | None = None

    def lengths_of(self, spec: SequenceSpec) -> Tensor:
        """int64 `[n]`: the lengths of the feature's group."""
        return self.context.get(spec.length, self.lengths)


def context_dtype(column: ContextSpec) -> DType:
    """The TensorFlow dtype of a context feature."""
    return tf.as_dtype(column.dtype)
