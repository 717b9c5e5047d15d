"""The lookups of raw values that a plan's sources need, on the TensorFlow backend."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import keras

from lengthwise.columns import HashColumn, IdentityColumn, LayerFeature, VocabularyColumn
from lengthwise.columns.vocabulary_file import vocabulary_version
from lengthwise.layers.planning.layer_plan import LayerPlan

if TYPE_CHECKING:
    from lengthwise.tensor.tensor_lookup import IdLookup

Lookups = Sequence["IdLookup | None"]


def make_lookups(plan: LayerPlan) -> Lookups:
    """The `IdLookup` of each source; None if the source needs none, and on other backends."""
    if keras.backend.backend() != "tensorflow":
        return [None] * len(plan.sources)
    return [_lookup(source) for source in plan.sources]


def cached_lookups(plan: LayerPlan) -> Lookups:
    """The same for eager code and `tf.function`s without an object that keeps the tables: the process keeps them."""
    import tensorflow as tf

    with tf.init_scope():
        # Within a `tf.Graph` the graph keeps them.
        if not tf.executing_eagerly():
            return make_lookups(plan)
        return [_cached_lookup(source, _version(source)) for source in plan.sources]


@cache
def _cached_lookup(source: LayerFeature, version: str) -> "IdLookup | None":  # noqa: ARG001 (a part of the key)
    return _lookup(source)


def _version(source: LayerFeature) -> str:
    """A string that changes when the source's vocabulary file does."""
    path = source.vocabulary_file if isinstance(source, VocabularyColumn) else None
    return vocabulary_version(path) if path is not None else ""


def _lookup(source: LayerFeature) -> "IdLookup | None":
    if not isinstance(source, IdentityColumn | HashColumn | VocabularyColumn):
        return None
    from lengthwise.tensor.tensor_lookup import IdLookup

    return IdLookup(source)
