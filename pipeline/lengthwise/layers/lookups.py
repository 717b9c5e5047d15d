"""The look-ups of raw values that the sources need, on the TensorFlow backend."""

from functools import cache
from typing import Any

import keras

from lengthwise.columns import HashColumn, IdentityColumn, VocabularyColumn
from lengthwise.layers.plan import LayerPlan


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
        find = _kept_lookup if tf.executing_eagerly() else _lookup
        return [find(source) for source in plan.sources]


@cache
def _kept_lookup(source: Any) -> Any:
    return _lookup(source)


def _lookup(source: Any) -> Any:
    if not isinstance(source, IdentityColumn | HashColumn | VocabularyColumn):
        return None
    from lengthwise.tensor.lookup import make_lookup

    return make_lookup(source)
