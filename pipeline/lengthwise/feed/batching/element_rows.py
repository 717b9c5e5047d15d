"""Elements of any dataset -> rows; batches of rows -> the elements' structure.

    ({"id": [T], "user": []}, [])  ─ row ─>  features/id, features/user, labels  ─ structure ─>  ({"id": [B, T], ...

A tensor whose first dimension is unknown is per step. A scalar, or a tensor of a fixed shape, belongs to the whole
sequence.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lengthwise.columns import RESERVED_KEY
from lengthwise.columns.field_errors import did_you_mean, show
from lengthwise.errors import ConfigError
from lengthwise.feed.rows.feed_features import Batch, Features, Flat, Rows, SequenceSpec
from lengthwise.feed.rows.row_chunks import joined_variants, scalar_variant
from lengthwise.tensor.tensor_types import (
    DType,
    Operation,
    RaggedTensor,
    Structure,
    StructureSpec,
    Tensor,
    TensorLike,
    TensorSpec,
)

_PARTS = ("features", "labels", "weights")
_LENGTH = f"features/{RESERVED_KEY}"


class Elements:
    """The structure of a dataset's elements.

    Args:
        spec: the dataset's `element_spec`.
        padding_values: of the tensors per step, in the same structure; parts and keys are optional.

    Attributes:
        features: all tensors by their path, such as `features/id`.
        weights: by path, whether these weights are per step, and whether their labels are. Labels without weights
            are included as if they shared one tensor of weights.
    """

    def __init__(self, spec: StructureSpec, padding_values: Structure = None) -> None:
        self._spec = spec if isinstance(spec, tuple) else (spec,)
        if not isinstance(self._spec[0], Mapping) or len(self._spec) > len(_PARTS):
            raise ConfigError(
                "expected elements that are a dict of features, or a tuple of it, labels and weights, "
                f"received {show(spec)}; name the features by a map"
            )
        tensors = dict(_paths(self._spec))
        self._says_length = tensors.pop(_LENGTH, None) is not None
        steps = {path: spec for path, spec in tensors.items() if _is_per_step(path, spec)}
        if not steps:
            raise ConfigError(
                "expected features of variable length, with an unknown first dimension, received none; cut padded "
                "tensors to their lengths in a map (value[:length]), or use dataset.batch if all have one length"
            )
        padding = dict(_paths(padding_values if isinstance(padding_values, tuple) else (padding_values or {},)))
        for path in padding.keys() - steps.keys():
            raise ConfigError(f"padding_values: {path} is not per step in the elements; {did_you_mean(path, steps)}")
        sequences = tuple(_sequence(path, spec, padding.get(path)) for path, spec in steps.items())
        whole = {path: spec for path, spec in tensors.items() if path not in steps}
        context = tuple(_ContextTensor(path, tuple(spec.shape), spec.dtype) for path, spec in whole.items())
        self.features = Features(sequences, context, (RESERVED_KEY,))
        labels = {path: path in steps for path in tensors if path.startswith("labels")}
        weights = [path for path in tensors if path.startswith("weights")] or ["weights"][: len(labels)]
        self.weights = {path: (path in steps, _have_steps(path, labels)) for path in weights}

    @property
    def has_labels(self) -> bool:
        return len(self._spec) > 1

    def pack(self, *element: Structure) -> dict[str, Tensor]:
        """An element in a form that can be batched: tensors per step as variants, with one op each."""
        steps = {spec.key for spec in self.features.sequences}
        return {path: scalar_variant(value) if path in steps else value for path, value in _paths(element)}

    def rows(self, packed: dict[str, Tensor]) -> Rows:
        """A batch of packed elements as rows."""
        ragged = {spec.key: _ragged(packed[spec.key], spec) for spec in self.features.sequences}
        counts = {path: values.row_lengths() for path, values in ragged.items()}
        first, lengths = next(iter(counts.items()))
        if self._says_length:
            first, lengths = _LENGTH, tf.cast(packed[_LENGTH], tf.int64)
            ragged = {path: _cut(values, lengths) for path, values in ragged.items()}
            counts = {path: values.row_lengths() for path, values in ragged.items()}
        with tf.control_dependencies([_check_equal(path, count, first, lengths) for path, count in counts.items()]):
            lengths = tf.identity(lengths)
        sequences = {path: Flat(tf.reshape(rows.values, [-1]), rows.row_splits) for path, rows in ragged.items()}
        return Rows(sequences, lengths, {feature.key: packed[feature.key] for feature in self.features.context})

    def structure(self, batch: Batch) -> list[Structure]:
        """The batch's features, and its labels and weights if it has any."""
        parts = [_restore(name, part, batch) for name, part in zip(_PARTS, self._spec, strict=False)]
        features = {**parts[0], RESERVED_KEY: batch[RESERVED_KEY]}
        if len(parts) == 2 and batch["weights"] is not None:
            return [features, parts[1], batch["weights"]]
        return [features, *parts[1:]]


class _ContextTensor(NamedTuple):
    """A tensor that belongs to the whole sequence."""

    key: str
    shape: tuple[int, ...]
    dtype: DType


def _paths(parts: Structure) -> Iterator[tuple[str, Structure]]:
    """Each tensor with its path."""

    def walk(path: str, value: Structure) -> Iterator[tuple[str, Structure]]:
        if not isinstance(value, Mapping):
            yield path, value
            return
        for key, inner in value.items():
            yield from walk(f"{path}/{key}", inner)

    for name, part in zip(_PARTS, parts, strict=False):
        yield from walk(name, part)


def _have_steps(weights: str, labels: dict[str, bool]) -> bool:
    """Whether the labels that have these weights are per step."""
    path = weights.replace("weights", "labels", 1)
    per_step = {steps for label, steps in labels.items() if f"{label}/".startswith(f"{path}/")} or set(labels.values())
    if len(per_step) > 1:
        raise ConfigError(
            "labels: expected either all of them per step, or none, as they share weights; give each separate weights"
        )
    return per_step == {True}


def _restore(path: str, spec: StructureSpec, batch: Batch) -> Structure:
    if not isinstance(spec, Mapping):
        return batch[path]
    return {key: _restore(f"{path}/{key}", inner, batch) for key, inner in spec.items() if f"{path}/{key}" != _LENGTH}


def _is_per_step(path: str, spec: tf.TypeSpec) -> bool:
    """Whether a tensor is per step.

    Raises:
        ConfigError: this cannot be determined, or the tensor cannot be padded.
    """
    if not isinstance(spec, tf.TensorSpec | tf.RaggedTensorSpec):
        kind = type(spec).__name__.removesuffix("Spec")
        raise ConfigError(f"{path}: expected a tensor or a ragged tensor, received a {kind}; make it dense in a map")
    if spec.shape.rank is None:
        raise ConfigError(f"{path}: expected a tensor of known rank; set its shape with tf.ensure_shape in a map")
    if None in spec.shape[1:]:
        raise ConfigError(
            f"{path}: expected steps of a fixed shape, received {spec.shape}; pad the steps' values in a map, "
            "with values.to_tensor(shape=[None, 5])"
        )
    return spec.shape.rank > 0 and spec.shape[0] is None


def _sequence(path: str, spec: TensorSpec, padding: TensorLike) -> SequenceSpec:
    shape, dtype = tuple(spec.shape[1:]), spec.dtype
    if padding is None:
        padding = {tf.string: "", tf.bool: False}.get(dtype, 0)
    try:
        value = tf.constant(padding, dtype).numpy()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"padding_values: {path}: expected a {dtype.name}, received {show(padding)}") from error
    return SequenceSpec(path, shape, int(np.prod(shape)), dtype, value, value, dtype.is_floating)


def _ragged(variants: Tensor, spec: SequenceSpec) -> RaggedTensor:
    """The rows `[n, None, *shape]` of variants `[n]`."""
    flat = joined_variants(variants, spec.dtype, spec.shape)
    return tf.RaggedTensor.from_row_splits(flat.values, flat.splits, validate=False)


def _cut(rows: RaggedTensor, lengths: Tensor) -> RaggedTensor:
    """The first `lengths` steps of each row, or all steps of rows that have fewer."""

    def cut() -> RaggedTensor:
        position = tf.range(tf.size(rows.value_rowids(), tf.int64)) - tf.gather(rows.row_starts(), rows.value_rowids())
        return tf.ragged.boolean_mask(rows, rows.with_values(position < tf.gather(lengths, rows.value_rowids())))

    return tf.cond(tf.reduce_all(rows.row_lengths() == lengths), lambda: rows, cut)


def _check_equal(path: str, counts: Tensor, other: str, lengths: Tensor) -> Operation:
    """An op that fails if numbers of steps differ."""
    wrong = counts != lengths
    position = tf.argmax(wrong)
    message = f"{path}: expected the same number of steps in each element as {other}, received and expected:"
    return tf.debugging.Assert(~tf.reduce_any(wrong), [message, counts[position], lengths[position]])
