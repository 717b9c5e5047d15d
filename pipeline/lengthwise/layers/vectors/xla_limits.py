"""What XLA can compile: on TensorFlow dense numbers and ids. It has no strings, tables, sparse or ragged tensors."""

from typing import Any

import keras

from lengthwise.columns import HashColumn, LayerFeature, VocabularyColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.reading.batch_inputs import by_key
from lengthwise.layers.reading.row_extents import layout
from lengthwise.layers.tables.layer_plan import LayerPlan
from lengthwise.layers.vectors.xla_tracing import is_compiled


def may_look_up(plan: LayerPlan) -> bool:
    """Whether columns have values to be looked up in the layer. They may be given ids instead."""
    known = any(isinstance(source, HashColumn | VocabularyColumn) for source in plan.sources)
    return known and keras.backend.backend() == "tensorflow"


def not_compilable(plan: LayerPlan, features: Any) -> list[str]:
    """What of the features, symbolic or real, XLA cannot compile; to be shown.

    Raises:
        ConfigError: the features are no dict, or lack a key that the columns read.
    """
    if keras.backend.backend() != "tensorflow":
        return []
    features, found = by_key(plan, features), []
    for source in plan.sources:
        value = features[source.key]
        if (kind := layout(value)) != "dense":
            found.append(f"{kind} {source.key!r}")
        elif _is_raw(source, keras.backend.standardize_dtype(value.dtype)):
            found.append(f"{source.key!r} to be looked up")
    return found


def refuse_to_compile(layer: str, hindrances: list[str]) -> None:
    """Raises ConfigError in code that XLA compiles: it names the layer and what cannot be compiled."""
    if is_compiled():
        raise ConfigError(
            f"{layer}: expected dense numbers and ids in code that XLA compiles, received {', '.join(hindrances)}; "
            "give jit_compile=False to the model's compile(), or prepared data to columns of "
            "lengthwise.looked_up(columns)"
        )


def _is_raw(source: LayerFeature, dtype: str) -> bool:
    if dtype == "string" or not isinstance(source, HashColumn | VocabularyColumn):
        return dtype == "string"
    # Integers of a string column are ids. So are floats, except where Keras builds a loaded model and knows no better.
    return source.dtype != "string" or ("int" not in dtype and not is_compiled())
