"""The look-ups of raw values that the sources need, on the TensorFlow backend."""

from functools import cache
from typing import Any

import keras

from lengthwise.columns import HashColumn, IdentityColumn, VocabularyColumn
from lengthwise.columns.vocabulary_file import vocabulary_version
from lengthwise.layers.tables.layer_plan import LayerPlan


def make_lookups(plan: LayerPlan) -> list[Any]:
    """For each source its `IdLookup`; None where it needs none, and on other backends."""
    if keras.backend.backend() != "tensorflow":
        return [None] * len(plan.sources)
    return [_lookup(source) for source in plan.sources]


def kept_lookups(plan: LayerPlan) -> list[Any]:
    """The same for eager code and `tf.function`s that have no object to keep tables alive: the process keeps them."""
    import tensorflow as tf

    with tf.init_scope():
        # Within a `tf.Graph` it is the graph that keeps them.
        if not tf.executing_eagerly():
            return [_lookup(source) for source in plan.sources]
        return [_kept_lookup(source, _version(source)) for source in plan.sources]


@cache
def _kept_lookup(source: Any, version: str) -> Any:  # noqa: ARG001 (a part of the key)
    return _lookup(source)


def _version(source: Any) -> str:
    """What changes when the source's vocabulary file does."""
    path = source.vocabulary_file if isinstance(source, VocabularyColumn) else None
    return vocabulary_version(path) if path is not None else ""


def _lookup(source: Any) -> Any:
    if not isinstance(source, IdentityColumn | HashColumn | VocabularyColumn):
        return None
    from lengthwise.tensor.tensor_lookup import make_lookup

    return make_lookup(source)
