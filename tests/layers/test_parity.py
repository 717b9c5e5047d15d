"""Equal to `tf_keras.experimental.SequenceFeatures`: random columns, random sparse features, weights copied over.

Each column list is one layer and one graph of the peer, run on many batches: 24 x 100 cases.
"""

import random

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings

from layers.random_batches import random_columns, random_ranks, sparse_batches
from layers.tensorflow_peer import Peer, dtypes_of, peer_columns
from lengthwise import columns as lw
from lengthwise.layers import SequenceFeatures


def of_ours(layer, ranks):
    """The layer as a function that is traced once for all batches."""
    dtypes = dtypes_of(layer.columns)
    signature = {key: tf.SparseTensorSpec([None] * ranks[key], dtype) for key, dtype in dtypes.items()}
    return tf.function(layer, input_signature=[signature])


def padding_of(columns):
    """The value of each element of the D axis on padding."""
    return np.concatenate(
        [np.full(c.num_elements, c.default_value if isinstance(c, lw.NumericColumn) else 0.0) for c in columns]
    )


@pytest.mark.parametrize("seed", range(24))
def test_outputs_and_lengths_equal_those_of_tensorflow(seed):
    columns = random_columns(random.Random(seed))
    ranks = random_ranks(random.Random(seed), columns)
    peer, layer = Peer(columns, ranks), SequenceFeatures(columns, return_lengths=True)
    for name, table in peer.tables.items():
        layer.tables[name].assign(table)
    ours = of_ours(layer, ranks)

    @settings(max_examples=100, database=None, suppress_health_check=list(HealthCheck))
    @given(features=sparse_batches(columns, ranks))
    def check(features):
        inputs, lengths = (output.numpy() for output in ours(features))
        try:
            expected, expected_lengths = peer(features)
        except tf.errors.InvalidArgumentError:
            # The peer's own limit: it cannot reshape the numbers of an empty batch. Ours stays empty.
            assert not lengths.any()
            assert any(isinstance(column, lw.NumericColumn) for column in columns)
            assert inputs.shape == (len(lengths), 0, layer._plan.num_elements)
            return
        np.testing.assert_array_equal(lengths, expected_lengths)
        steps = lengths.max(initial=0)
        assert inputs.shape == (len(lengths), steps, layer._plan.num_elements)
        np.testing.assert_allclose(inputs, expected[:, :steps], rtol=1e-5, atol=1e-6)
        rest = expected[:, steps:]
        np.testing.assert_array_equal(rest, np.broadcast_to(padding_of(layer.columns), rest.shape))

    check()


@pytest.mark.parametrize("seed", range(24))
def test_columns_of_tensorflow_are_converted_to_ours(seed):
    columns = random_columns(random.Random(seed))
    if not any(getattr(feature, "weight_key", None) for feature in lw.sequence_features(columns)):
        with tf.Graph().as_default():
            theirs = peer_columns(columns)
        assert SequenceFeatures(theirs).columns == SequenceFeatures(columns).columns
