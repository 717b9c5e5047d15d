"""Elements of anyone's dataset -> rows; batches of rows -> the elements' structure.

    ({"id": [T], "user": []}, [])  ─ row ─>  features/id, features/user, labels  ─ structure ─>  ({"id": [B, T], ...

A tensor whose first dimension is open is per step. A scalar, or a tensor of a fixed shape, belongs to the whole
sequence.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from lengthwise.columns import RESERVED_KEY
from lengthwise.columns.field_errors import did_you_mean, show
from lengthwise.errors import ConfigError
from lengthwise.feed.rows.feed_features import Batch, Features, Flat, Rows, SequenceSpec

_PARTS = ("features", "labels", "weights")
_LENGTH = f"features/{RESERVED_KEY}"


class Elements:
    """What the elements of a dataset hold.

    Args:
        spec: the dataset's `element_spec`.
        padding_values: of what is per step, by the same structure; parts and keys may be left out.

    Attributes:
        features: all tensors by their path, such as `features/id`.
        weights: by path, whether these weights are per step, and whether their labels are. Labels without weights are
            here as if they had one for all.
    """

    def __init__(self, spec: Any, padding_values: Any = None) -> None:
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
                "expected features of variable length, with an open first dimension, found none; cut padded ones to "
                "their lengths in a map (value[:length]), or take dataset.batch where all have one length"
            )
        padding = dict(_paths(padding_values if isinstance(padding_values, tuple) else (padding_values or {},)))
        for path in padding.keys() - steps.keys():
            raise ConfigError(f"padding_values: {path} is not per step in the elements; {did_you_mean(path, steps)}")
        self.features = Features(
            tuple(_sequence(path, spec, padding.get(path)) for path, spec in steps.items()),
            tuple(_Whole(path, tuple(spec.shape), spec.dtype) for path, spec in tensors.items() if path not in steps),
            (RESERVED_KEY,),
        )

        labels = {path: path in steps for path in tensors if path.startswith("labels")}
        weights = [path for path in tensors if path.startswith("weights")] or ["weights"][: len(labels)]
        self.weights = {path: (path in steps, _have_steps(path, labels)) for path in weights}

    @property
    def has_labels(self) -> bool:
        return len(self._spec) > 1

    def pack(self, *element: Any) -> dict[str, Any]:
        """An element in a form that can be batched: what is per step in variants. An op each, as there are many."""
        steps = {spec.key for spec in self.features.sequences}
        return {path: _variant(value) if path in steps else value for path, value in _paths(element)}

    def rows(self, packed: dict[str, Any]) -> Rows:
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
        return Rows(sequences, lengths, {one.key: packed[one.key] for one in self.features.context})

    def structure(self, batch: Batch) -> list[Any]:
        """The batch's features, and labels and weights where there are any."""
        parts = [_restore(name, part, batch) for name, part in zip(_PARTS, self._spec, strict=False)]
        features = {**parts[0], RESERVED_KEY: batch[RESERVED_KEY]}
        made = [batch["weights"]] if len(parts) == 2 and batch["weights"] is not None else []
        return [features, *parts[1:], *made]


class _Whole(NamedTuple):
    """A tensor that belongs to the whole sequence."""

    key: str
    shape: tuple[int, ...]
    dtype: Any


def _paths(parts: Any) -> Iterator[tuple[str, Any]]:
    """Each tensor, and its path."""

    def walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:
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
    mine = {steps for label, steps in labels.items() if f"{label}/".startswith(f"{path}/")} or set(labels.values())
    if len(mine) > 1:
        raise ConfigError(
            "labels: expected either all of them per step, or none, as they share weights; give each its own"
        )
    return mine == {True}


def _restore(path: str, spec: Any, batch: Batch) -> Any:
    if not isinstance(spec, Mapping):
        return batch[path]
    return {key: _restore(f"{path}/{key}", inner, batch) for key, inner in spec.items() if f"{path}/{key}" != _LENGTH}


def _is_per_step(path: str, spec: Any) -> bool:
    """Whether it is per step.

    Raises:
        ConfigError: that cannot be told, or it is no tensor that could be padded.
    """
    if not isinstance(spec, tf.TensorSpec | tf.RaggedTensorSpec):
        kind = type(spec).__name__.removesuffix("Spec")
        raise ConfigError(f"{path}: expected a tensor or a ragged tensor, received a {kind}; make it dense in a map")
    if spec.shape.rank is None:
        raise ConfigError(f"{path}: expected a tensor of known rank; say its shape by tf.ensure_shape in a map")
    if None in spec.shape[1:]:
        raise ConfigError(
            f"{path}: expected steps of a fixed shape, received {spec.shape}; pad the steps' values in a map, "
            "by values.to_tensor(shape=[None, 5])"
        )
    return spec.shape.rank > 0 and spec.shape[0] is None


def _sequence(path: str, spec: Any, padding: Any) -> SequenceSpec:
    shape, dtype = tuple(spec.shape[1:]), spec.dtype
    if padding is None:
        padding = {tf.string: "", tf.bool: False}.get(dtype, 0)
    try:
        value = tf.constant(padding, dtype).numpy()
    except (TypeError, ValueError) as error:
        raise ConfigError(f"padding_values: {path}: expected a {dtype.name}, received {show(padding)}") from error
    return SequenceSpec(path, shape, int(np.prod(shape)), dtype, value, value, dtype.is_floating)


def _variant(values: Any) -> Any:
    return tf.raw_ops.RaggedTensorToVariant(rt_nested_splits=[], rt_dense_values=values, batched_input=False)


def _ragged(variants: Any, spec: SequenceSpec) -> Any:
    """The rows `[n, None, *shape]` of variants `[n]`."""
    joined = tf.raw_ops.RaggedTensorFromVariant(
        encoded_ragged=variants, input_ragged_rank=0, output_ragged_rank=1, Tvalues=spec.dtype, Tsplits=tf.int64
    )
    values = tf.ensure_shape(joined.output_dense_values, [None, *spec.shape])
    return tf.RaggedTensor.from_row_splits(values, joined.output_nested_splits[0], validate=False)


def _cut(rows: Any, lengths: Any) -> Any:
    """The first steps of each row, as many as `lengths` says, or all if these are fewer."""

    def cut() -> Any:
        place = tf.range(tf.size(rows.value_rowids(), tf.int64)) - tf.gather(rows.row_starts(), rows.value_rowids())
        return tf.ragged.boolean_mask(rows, rows.with_values(place < tf.gather(lengths, rows.value_rowids())))

    return tf.cond(tf.reduce_all(rows.row_lengths() == lengths), lambda: rows, cut)


def _check_equal(path: str, counts: Any, other: str, lengths: Any) -> Any:
    """An op that fails where numbers of steps differ."""
    wrong = counts != lengths
    place = tf.argmax(wrong)
    message = f"{path}: expected as many steps in each element as {other} says, found and expected:"
    return tf.debugging.Assert(~tf.reduce_any(wrong), [message, counts[place], lengths[place]])
