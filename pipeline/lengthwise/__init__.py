"""Length-bucketed, padded sequence data for TensorFlow, Keras, Beam and TFX.

    columns ─┐  (what a sequence is: specs in YAML or Python)
    raw TFRecords ─ read ─ decode ─ validate ─ bucket ─ pad ─ write ─ manifest     lengthwise.job       Beam, offline
                                      └─ rejects
    manifest or raw TFRecords ─ read ─ batch by length ─ features                  lengthwise.feed      tf.data
    features ─ SequenceFeatures / sequence_input_layer ─ [B,T,D], lengths          lengthwise.layers    Keras 3

Importing this package imports neither TensorFlow nor Beam nor Keras: each public name is loaded at its first use.
As soon as a program imports Keras 3, before or after this package, the layers are imported too: `load_model` finds only
classes that are imported.
"""

from importlib import import_module
from typing import Any

from wrapt import register_post_import_hook

__version__ = "0.1.0"

_NAMES = {
    "lengthwise.buckets": ("BucketPlan", "LengthHistogram"),
    "lengthwise.columns": (
        "categorical_column_with_hash_bucket",
        "categorical_column_with_identity",
        "categorical_column_with_vocabulary_file",
        "categorical_column_with_vocabulary_list",
        "context_column",
        "embedding_column",
        "indicator_column",
        "looked_up",
        "make_parse_example_spec",
        "sequence_bucketized_column",
        "sequence_bytes_column",
        "sequence_categorical_column_with_hash_bucket",
        "sequence_categorical_column_with_identity",
        "sequence_categorical_column_with_vocabulary_file",
        "sequence_categorical_column_with_vocabulary_list",
        "sequence_numeric_column",
        "shared_embedding_columns",
    ),
    "lengthwise.data_set": ("DataSet", "drop", "export", "open", "prepare", "verify"),
    "lengthwise.config": ("JobConfig", "Sequences", "load_config"),
    "lengthwise.feed": (
        "BatchStats",
        "Cache",
        "Options",
        "Service",
        "batch_by_steps",
        "count_raw",
        "read_prepared",
        "read_raw",
        "serving_fn",
        "steps_per_epoch",
    ),
    "lengthwise.layers": (
        "ContextFeatures",
        "SegmentMask",
        "SegmentPooling",
        "SequenceFeatures",
        "concatenate_context_input",
        "inputs",
        "sequence_input_layer",
    ),
    "lengthwise.manifest": ("Manifest", "load_manifest"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lengthwise' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def _register_layers(keras: Any) -> None:
    """Imports the layers, so that `keras.saving.load_model` finds their classes."""
    if hasattr(keras, "ops"):  # Keras 3
        import_module("lengthwise.layers")


register_post_import_hook(_register_layers, "keras")
