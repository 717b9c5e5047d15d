"""A dict of features to dense steps, lengths and one T.

features ─ read each source ─┬─ steps (dense | sparse | ragged)
sequence_length | mask ──────┴─ lengths, all the same ─ T ─ cut and pad to T ─ Batch
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import ops

from lengthwise.columns import LayerFeature, NumericColumn
from lengthwise.errors import ConfigError, ConfigTypeError
from lengthwise.layers.reading.batch_checks import Checks, NoChecks
from lengthwise.layers.reading.batch_lengths import common_lengths, told_lengths
from lengthwise.layers.reading.bytes_inputs import decoded, is_stored
from lengthwise.layers.reading.dense_inputs import dense_ids, dense_numbers
from lengthwise.layers.reading.dense_steps import DenseSteps, fit, to_left
from lengthwise.layers.reading.gap_inputs import without_gaps
from lengthwise.layers.reading.number_dtypes import exact_default
from lengthwise.layers.reading.row_extents import extent_of, layout, rank_of, values_per_step
from lengthwise.layers.tables.layer_plan import LayerPlan
from lengthwise.padding_side import Padding, is_real
from lengthwise.tensor import MISSING


@dataclass(frozen=True)
class Batch:
    """All sources of a batch.

    Attributes:
        steps: in the order of the plan's sources, all with T steps.
        lengths: integers `[B]`.
        valid: bool `[B,T]`: false on padding.
        checks: what the data must meet, to be tied to the outputs.
    """

    steps: tuple[DenseSteps, ...]
    lengths: Any
    valid: Any
    checks: Checks


def read_batch(plan: LayerPlan, features: Any, mask: Any, lookups: Sequence[Any]) -> Batch:
    """The batch of the features that the plan's sources name.

    Args:
        plan: names the sources.
        features: tensors by key; a bare tensor where one key is all that is read.
        mask: None, bool `[B,T]`, or a dict of masks by key with None where there is none.
        lookups: for each source its `IdLookup`, or None.

    Raises:
        ConfigError: a feature is missing, of a wrong shape or dtype, or dense without lengths.
    """
    checks = Checks()
    features = _by_rank(plan, features, checks)
    lengths, count = _lengths(plan, features, mask, checks)
    steps = []
    for source, lookup in zip(plan.sources, lookups, strict=True):
        one = _read(source, features, lookup, checks)
        if layout(features[source.key]) != "dense":
            one = _fitted(one, source, count)
            one = one if plan.padding == "right" else to_left(one, lengths)
        steps.append(one)
    # Whatever needs `valid` waits for the checks, and so does not fail first in words of its own.
    (lengths,) = checks.attach(lengths)
    return Batch(tuple(steps), lengths, step_mask(lengths, count, plan.padding), checks)


def read_mask(plan: LayerPlan, features: Any, mask: Any) -> Any:
    """What `read_batch` gives as `valid`, without reading the values."""
    checks = NoChecks()
    lengths, count = _lengths(plan, _by_rank(plan, features, checks), mask, checks)
    return step_mask(lengths, count, plan.padding)


def step_mask(lengths: Any, count: Any, padding: Padding) -> Any:
    """Bool `[B,count]`: true on each row's `lengths` steps, and false on padding on this side."""
    places, size = ops.expand_dims(ops.arange(count, dtype=lengths.dtype), 0), ops.cast(count, lengths.dtype)
    return is_real(places, ops.expand_dims(lengths, 1), size, padding)


def by_key(plan: LayerPlan, features: Any) -> Mapping[str, Any]:
    """The features as a dict.

    Raises:
        ConfigError: they are no dict, or lack a key that the columns read.
    """
    keys = keys_read(plan)
    if not isinstance(features, Mapping):
        if len(keys) != 1 or not hasattr(features, "shape"):
            raise ConfigError(f"features: expected a dict of tensors with the keys {keys}, received {type(features)}")
        features = {keys[0]: features}
    missing = [key for key in keys if key not in features]
    if missing:
        raise ConfigError(
            f"features: expected the keys {keys}, which the columns read; received {sorted(features)}, "
            f"without {missing}"
        )
    return features


def _lengths(plan: LayerPlan, features: Mapping[str, Any], mask: Any, checks: Checks) -> tuple[Any, Any]:
    if plan.padding == "left":
        _require_whole_steps(plan, features, checks)
    extents = [extent_of(source, features[source.key]) for source in plan.sources]
    told = told_lengths(features, mask, keys_read(plan), plan.padding, checks, plan.length_key)
    return common_lengths(extents, told, checks, plan.length_key)


def _require_whole_steps(plan: LayerPlan, features: Mapping[str, Any], checks: Checks) -> None:
    """Demands that dense rows `[B, N]` of several values a step end with a whole step, from which steps are counted."""
    for source in plan.sources:
        values, size = features[source.key], values_per_step(source)
        if size == 1 or len(values.shape) != 2 or layout(values) != "dense":
            continue
        width = ops.shape(values)[1]
        message = f"feature {source.key!r}: expected, with padding on the left, whole steps of {size} values, received"
        if not isinstance(width, int):
            checks.require(ops.expand_dims(ops.equal(width % size, 0), 0), message, width, "values")
        elif width % size:
            raise ConfigError(f"{message} {width} values; give shape [batch, T, {size}]")


def keys_read(plan: LayerPlan) -> list[str]:
    """What the plan reads, weights too."""
    pairs = ((source.key, getattr(source, "weight_key", None)) for source in plan.sources)
    return sorted({key for pair in pairs for key in pair if key is not None})


def _by_rank(plan: LayerPlan, features: Any, checks: Checks) -> Mapping[str, Any]:
    """The features as a dict; those that the plan reads of a known rank of at least 2, and numbers where bytes were."""
    features = by_key(plan, features)
    read = {key: _of_known_rank(key, features[key]) for key in keys_read(plan)}
    read |= {one.key: decoded(read[one.key], one, checks) for one in plan.sources if is_stored(read[one.key], one)}
    return {**features, **read}


def _of_known_rank(key: str, value: Any) -> Any:
    rank = rank_of(value)
    if rank is None and layout(value) == "sparse":  # as of `tf.compat.v1.sparse_placeholder(dtype)`
        from lengthwise.layers.reading.sparse_inputs import on_three_axes

        return on_three_axes(value)
    if rank is None or rank < 2:
        received = f"a {layout(value)} tensor of unknown rank; set its shape" if rank is None else tuple(value.shape)
        raise ConfigError(f"feature {key!r}: expected shape [batch, T, ...], received {received}")
    return value


def _read(source: LayerFeature, features: Mapping[str, Any], lookup: Any, checks: Checks) -> DenseSteps:
    values = features[source.key]
    kind = layout(values)
    if isinstance(source, NumericColumn):
        return _read_numbers(values, kind, source, checks)
    weights = None if source.weight_key is None else features[source.weight_key]
    if weights is not None and layout(weights) != kind:
        raise ConfigError(
            f"feature {source.weight_key!r}: expected {kind} weights, as {source.key!r} is, received {layout(weights)}"
        )
    if kind == "dense":
        return dense_ids(values, weights, source, lookup, checks)
    if kind == "sparse":
        from lengthwise.layers.reading.sparse_inputs import sparse_ids

        return sparse_ids(values, weights, source, lookup, checks)
    from lengthwise.layers.reading.ragged_inputs import ragged_ids

    return ragged_ids(values, weights, source, lookup, checks)


def _read_numbers(values: Any, kind: str, source: NumericColumn, checks: Checks) -> DenseSteps:
    if keras.backend.standardize_dtype(values.dtype) == "string":
        raise ConfigTypeError(f"feature {source.key!r}: expected numbers, as its column says, received dtype string")
    return without_gaps(_steps_of_numbers(values, kind, source, checks), source)


def _steps_of_numbers(values: Any, kind: str, source: NumericColumn, checks: Checks) -> DenseSteps:
    if kind == "dense":
        return dense_numbers(values, source)
    if kind == "sparse":
        from lengthwise.layers.reading.sparse_inputs import sparse_numbers

        return sparse_numbers(values, source)
    from lengthwise.layers.reading.ragged_inputs import ragged_numbers

    return ragged_numbers(values, source, checks)


def _fitted(steps: DenseSteps, source: LayerFeature, count: Any) -> DenseSteps:
    fill: float | int = MISSING
    if isinstance(source, NumericColumn):
        fill = exact_default(source, keras.backend.standardize_dtype(steps.values.dtype)) or 0
    return replace(
        steps,
        values=fit(steps.values, count, fill),
        weights=fit(steps.weights, count, 0),
        present=fit(steps.present, count, False),
    )
