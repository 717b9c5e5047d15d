"""The static output shape, from symbolic or real features, or from their shapes alone."""

from collections.abc import Collection, Mapping

from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import FeatureTensor, FeatureTensors, StaticShape
from lengthwise.layers.planning.layer_plan import LayerPlan
from lengthwise.layers.reading.batch_inputs import tensors_by_key
from lengthwise.layers.reading.row_lengths import tensor_layout, values_per_step

BatchAndSteps = tuple[int | None, int | None]
"""The batch size and T, None if they are known only at run time."""


def output_shape(plan: LayerPlan, features: FeatureTensors | FeatureTensor) -> BatchAndSteps:
    """The output's batch size and T for these features."""
    features = tensors_by_key(plan, features)
    keys = {source.key for source in plan.sources}
    shapes = {key: features[key].shape for key in keys}
    return _batch_and_steps(plan, shapes, {key for key in keys if tensor_layout(features[key]) == "dense"})


def output_shape_of_shapes(plan: LayerPlan, shapes: Mapping[str, StaticShape] | StaticShape) -> BatchAndSteps:
    """The same from the features' shapes, which are used as those of dense features.

    Args:
        plan: lists the sources.
        shapes: by feature key; or one shape: that of the only feature, or `[batch, T, ...]` for all.

    Raises:
        ConfigError: a shape is missing, or has fewer than two axes.
    """
    keys = {source.key for source in plan.sources}
    if not isinstance(shapes, Mapping):
        _require_steps("features_shape", shapes)
        if len(keys) > 1:
            return shapes[0], shapes[1]
        shapes = dict.fromkeys(keys, shapes)
    missing = sorted(keys - set(shapes))
    if missing:
        raise ConfigError(f"features_shape: expected the keys {sorted(keys)}, received {sorted(shapes)}")
    for key in keys:
        _require_steps(key, shapes[key])
    return _batch_and_steps(plan, shapes, keys)


def _require_steps(name: str, shape: StaticShape) -> None:
    try:
        rank = len(shape)
    except (TypeError, ValueError):  # not a shape, or a tf.TensorShape of unknown rank
        rank = 0
    if rank < 2:
        raise ConfigError(f"shape of {name!r}: expected [batch, T, ...], received {shape!r}")


def _batch_and_steps(plan: LayerPlan, shapes: Mapping[str, StaticShape], dense: Collection[str]) -> BatchAndSteps:
    batch, count = None, None
    for source in plan.sources:
        shape = shapes[source.key]
        batch = shape[0] if batch is None else batch
        if source.key in dense and count is None and len(shape) > 1:
            width, size = shape[1], values_per_step(source)
            count = -(-width // size) if len(shape) == 2 and width is not None else width
    return batch, count
