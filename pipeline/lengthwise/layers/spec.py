"""The static output shape, from symbolic or real features."""

from typing import Any

from lengthwise.layers.extents import layout, values_per_step
from lengthwise.layers.inputs import by_key
from lengthwise.layers.plan import LayerPlan


def output_shape(plan: LayerPlan, features: Any) -> tuple[int | None, int | None]:
    """The batch size and T, None where they are known only at run time."""
    features = by_key(plan, features)
    batch, count = None, None
    for source in plan.sources:
        value = features[source.key]
        batch = batch or value.shape[0]
        if layout(value) == "dense" and count is None and len(value.shape) > 1:
            size = values_per_step(source)
            flat = len(value.shape) == 2
            count = -(-value.shape[1] // size) if flat and value.shape[1] is not None else value.shape[1]
    return batch, count
