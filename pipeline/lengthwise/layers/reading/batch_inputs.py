"""A dict of features to dense steps, lengths and one T.

features ─ read each source ─┬─ steps (dense | sparse | ragged)
sequence_length | mask ──────┴─ lengths, equal for all ─ T ─ cut and pad to T ─ LayerBatch
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import keras
from keras import ops

from lengthwise.columns import LayerFeature, NumericColumn
from lengthwise.errors import ConfigError, ConfigTypeError
from lengthwise.layers.keras_types import BackendTensor, FeatureTensor, FeatureTensors, Size
from lengthwise.layers.planning.layer_plan import LayerPlan
from lengthwise.layers.reading.batch_checks import Checks, NoChecks
from lengthwise.layers.reading.batch_lengths import Masks, common_lengths, given_lengths
from lengthwise.layers.reading.bytes_inputs import is_stored, stored_numbers
from lengthwise.layers.reading.column_lookups import Lookups
from lengthwise.layers.reading.dense_inputs import dense_ids, dense_numbers
from lengthwise.layers.reading.dense_steps import DenseSteps, cut_or_pad, with_left_padding
from lengthwise.layers.reading.gap_inputs import without_gaps
from lengthwise.layers.reading.number_dtypes import exact_default
from lengthwise.layers.reading.row_lengths import rank_of, read_row_lengths, tensor_layout, values_per_step
from lengthwise.padding_side import Padding, is_real
from lengthwise.tensor import MISSING

if TYPE_CHECKING:
    from lengthwise.tensor.tensor_lookup import IdLookup


@dataclass(frozen=True)
class LayerBatch:
    """All sources of a batch.

    Attributes:
        steps: in the order of the plan's sources, all with T steps.
        lengths: integers `[B]`.
        valid: bool `[B,T]`: false on padding.
        checks: the conditions on the data, to be tied to the outputs.
    """

    steps: tuple[DenseSteps, ...]
    lengths: BackendTensor
    valid: BackendTensor
    checks: Checks


def read_batch(plan: LayerPlan, features: FeatureTensors | FeatureTensor, mask: Masks, lookups: Lookups) -> LayerBatch:
    """Reads the features of the plan's sources.

    Args:
        plan: lists the sources.
        features: tensors by key; a single tensor if only one key is read.
        mask: None, bool `[B,T]`, or a dict of masks by key, with None for features without a mask.
        lookups: the lookup of each source, or None.

    Raises:
        ConfigError: a feature is missing, has a wrong shape or dtype, or is dense without lengths.
    """
    checks = Checks()
    features = _read_by_key(plan, features, checks)
    lengths, count = _lengths(plan, features, mask, checks)
    steps = []
    for source, lookup in zip(plan.sources, lookups, strict=True):
        source_steps = _read_source(source, features, lookup, checks)
        if tensor_layout(features[source.key]) != "dense":
            source_steps = _cut_or_padded(source_steps, source, count)
            if plan.padding == "left":
                source_steps = with_left_padding(source_steps, lengths)
        steps.append(source_steps)
    # Operations that use `valid` wait for the checks, so that they do not fail first with their own message.
    (lengths,) = checks.attach(lengths)
    return LayerBatch(tuple(steps), lengths, mask_of_lengths(lengths, count, plan.padding), checks)


def read_mask(plan: LayerPlan, features: FeatureTensors | FeatureTensor, mask: Masks) -> BackendTensor:
    """The `valid` of `read_batch`, without reading the values."""
    checks = NoChecks()
    lengths, count = _lengths(plan, _read_by_key(plan, features, checks), mask, checks)
    return mask_of_lengths(lengths, count, plan.padding)


def mask_of_lengths(lengths: BackendTensor, count: Size, padding: Padding) -> BackendTensor:
    """Bool `[B,count]`: true on each row's `lengths` steps, false on the padding, which is on the given side."""
    positions = ops.expand_dims(ops.arange(count, dtype=lengths.dtype), 0)
    return is_real(positions, ops.expand_dims(lengths, 1), ops.cast(count, lengths.dtype), padding)


def tensors_by_key(plan: LayerPlan, features: FeatureTensors | FeatureTensor) -> FeatureTensors:
    """The features as a dict.

    Raises:
        ConfigError: they are not a dict, or lack a key that the columns read.
    """
    keys = feature_keys(plan)
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


def feature_keys(plan: LayerPlan) -> list[str]:
    """The keys that the plan reads, those of weights included, sorted."""
    keys = {source.key for source in plan.sources}
    for source in plan.sources:
        weight_key = getattr(source, "weight_key", None)
        if weight_key is not None:
            keys.add(weight_key)
    return sorted(keys)


def _lengths(plan: LayerPlan, features: FeatureTensors, mask: Masks, checks: Checks) -> tuple[BackendTensor, Size]:
    if plan.padding == "left":
        _require_whole_steps(plan, features, checks)
    rows = [read_row_lengths(source, features[source.key]) for source in plan.sources]
    given = given_lengths(features, mask, feature_keys(plan), plan.padding, checks, plan.length_key)
    return common_lengths(rows, given, checks, plan.length_key)


def _require_whole_steps(plan: LayerPlan, features: FeatureTensors, checks: Checks) -> None:
    """Requires that dense rows `[B, N]` of several values per step end with a whole step: steps are counted from there.

    Raises:
        ConfigError: N is known and not a multiple of the values per step.
    """
    for source in plan.sources:
        values, size = features[source.key], values_per_step(source)
        if size == 1 or len(values.shape) != 2 or tensor_layout(values) != "dense":
            continue
        width = ops.shape(values)[1]
        message = f"feature {source.key!r}: expected, with padding on the left, whole steps of {size} values, received"
        if not isinstance(width, int):
            checks.require(ops.expand_dims(ops.equal(width % size, 0), 0), message, width, "values")
        elif width % size:
            raise ConfigError(f"{message} {width} values; pass shape [batch, T, {size}]")


def _read_by_key(plan: LayerPlan, features: FeatureTensors | FeatureTensor, checks: Checks) -> FeatureTensors:
    """The features as a dict. Those of the plan have a known rank of at least 2, and numbers in place of bytes."""
    features = tensors_by_key(plan, features)
    read = {key: _of_known_rank(key, features[key]) for key in feature_keys(plan)}
    for source in plan.sources:
        if is_stored(read[source.key], source):
            read[source.key] = stored_numbers(read[source.key], source, checks)
    return {**features, **read}


def _of_known_rank(key: str, value: FeatureTensor) -> FeatureTensor:
    rank = rank_of(value)
    if rank is None and tensor_layout(value) == "sparse":  # such as `tf.compat.v1.sparse_placeholder(dtype)`
        from lengthwise.layers.reading.sparse_inputs import on_three_axes

        return on_three_axes(value)
    if rank is None:
        received = f"a {tensor_layout(value)} tensor of unknown rank; set its shape"
    elif rank < 2:
        received = str(tuple(value.shape))
    else:
        return value
    raise ConfigError(f"feature {key!r}: expected shape [batch, T, ...], received {received}")


def _read_source(
    source: LayerFeature, features: FeatureTensors, lookup: "IdLookup | None", checks: Checks
) -> DenseSteps:
    values = features[source.key]
    if isinstance(source, NumericColumn):
        return _read_numbers(values, source, checks)
    layout = tensor_layout(values)
    weights = None if source.weight_key is None else features[source.weight_key]
    if weights is not None and tensor_layout(weights) != layout:
        raise ConfigError(
            f"feature {source.weight_key!r}: expected {layout} weights, as {source.key!r} is, received "
            f"{tensor_layout(weights)}"
        )
    if layout == "dense":
        return dense_ids(values, weights, source, lookup, checks)
    if layout == "sparse":
        from lengthwise.layers.reading.sparse_inputs import sparse_ids

        return sparse_ids(values, weights, source, lookup, checks)
    from lengthwise.layers.reading.ragged_inputs import ragged_ids

    return ragged_ids(values, weights, source, lookup, checks)


def _read_numbers(values: FeatureTensor, source: NumericColumn, checks: Checks) -> DenseSteps:
    if keras.backend.standardize_dtype(values.dtype) == "string":
        raise ConfigTypeError(f"feature {source.key!r}: expected numbers, as in its column, received dtype string")
    return without_gaps(_steps_of_numbers(values, source, checks), source)


def _steps_of_numbers(values: FeatureTensor, source: NumericColumn, checks: Checks) -> DenseSteps:
    layout = tensor_layout(values)
    if layout == "dense":
        return dense_numbers(values, source)
    if layout == "sparse":
        from lengthwise.layers.reading.sparse_inputs import sparse_numbers

        return sparse_numbers(values, source)
    from lengthwise.layers.reading.ragged_inputs import ragged_numbers

    return ragged_numbers(values, source, checks)


def _cut_or_padded(steps: DenseSteps, source: LayerFeature, count: Size) -> DenseSteps:
    fill: float | int = MISSING
    if isinstance(source, NumericColumn):
        fill = exact_default(source, keras.backend.standardize_dtype(steps.values.dtype)) or 0
    return replace(
        steps,
        values=cut_or_pad(steps.values, count, fill),
        weights=None if steps.weights is None else cut_or_pad(steps.weights, count, 0),
        present=None if steps.present is None else cut_or_pad(steps.present, count, False),
    )
