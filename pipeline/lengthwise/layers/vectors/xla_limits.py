"""What XLA can compile: on TensorFlow dense numbers and ids. It has no strings, tables, sparse or ragged tensors."""

import keras

from lengthwise.columns import HashColumn, LayerFeature, VocabularyColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import FeatureTensor, FeatureTensors
from lengthwise.layers.planning.layer_plan import LayerPlan
from lengthwise.layers.reading.batch_inputs import tensors_by_key
from lengthwise.layers.reading.row_lengths import tensor_layout
from lengthwise.layers.tracing import is_compiled


def may_look_up(plan: LayerPlan) -> bool:
    """Whether columns have values that the layer looks up. They may receive ids instead."""
    has_lookups = any(isinstance(source, HashColumn | VocabularyColumn) for source in plan.sources)
    return has_lookups and keras.backend.backend() == "tensorflow"


def xla_hindrances(plan: LayerPlan, features: FeatureTensors | FeatureTensor) -> list[str]:
    """The features, symbolic or real, that XLA cannot compile, for messages.

    Raises:
        ConfigError: the features are not a dict, or lack a key that the columns read.
    """
    if keras.backend.backend() != "tensorflow":
        return []
    features = tensors_by_key(plan, features)
    hindrances = []
    for source in plan.sources:
        value = features[source.key]
        layout = tensor_layout(value)
        if layout != "dense":
            hindrances.append(f"{layout} {source.key!r}")
        elif _is_looked_up(source, keras.backend.standardize_dtype(value.dtype)):
            hindrances.append(f"{source.key!r} to be looked up")
    return hindrances


def refuse_to_compile(layer: str, hindrances: list[str]) -> None:
    """Raises ConfigError in code that XLA compiles; it names the layer and what cannot be compiled."""
    if is_compiled():
        raise ConfigError(
            f"{layer}: expected dense numbers and ids in code that XLA compiles, received {', '.join(hindrances)}; "
            "pass jit_compile=False to the model's compile(), or prepared data to columns of "
            "lengthwise.looked_up(columns)"
        )


def _is_looked_up(source: LayerFeature, dtype: str) -> bool:
    if dtype == "string" or not isinstance(source, HashColumn | VocabularyColumn):
        return dtype == "string"
    # Integers of a string column are ids. Floats are too, except when Keras builds a loaded model, without dtypes.
    return source.dtype != "string" or ("int" not in dtype and not is_compiled())
