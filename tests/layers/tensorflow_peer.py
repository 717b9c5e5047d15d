"""The peer: `tf_keras.experimental.SequenceFeatures`, in a separate graph, with columns built from ours."""

import numpy as np
import tensorflow as tf
import tf_keras
from tensorflow.python.feature_column import feature_column_v2

from lengthwise import columns as lw

fc = tf.feature_column


def peer_columns(columns):
    """TensorFlow's objects for columns of ours. Weights on sequences exist there, but have no public function."""
    made = {}
    for column in columns:
        if isinstance(column, lw.SharedEmbeddingColumn):
            made.setdefault(column.shared, []).append(column)
    shared = {
        column.name: peer
        for spec, group in made.items()
        for column, peer in zip(
            group,
            fc.shared_embeddings(
                [_categorical(column.categorical_column) for column in group],
                spec.dimension,
                spec.combiner,
                shared_embedding_collection_name=spec.name,
                max_norm=spec.max_norm,
            ),
            strict=True,
        )
    }
    return [shared.get(column.name) or _single(column) for column in columns]


def _single(column):
    match column:
        case lw.NumericColumn():
            return fc.sequence_numeric_column(
                column.key, column.shape, column.default_value, tf.dtypes.as_dtype(column.dtype)
            )
        case lw.EmbeddingColumn():
            return fc.embedding_column(
                _categorical(column.categorical_column), column.dimension, column.combiner, max_norm=column.max_norm
            )
        case lw.IndicatorColumn():
            return fc.indicator_column(_categorical(column.categorical_column))


def _categorical(column):
    unweighted = _unweighted_categorical(column)
    if column.weight_key is None:
        return unweighted
    weighted = fc.weighted_categorical_column(unweighted.categorical_column, column.weight_key)
    return feature_column_v2.SequenceCategoricalColumn(weighted)


def _unweighted_categorical(column):
    match column:
        case lw.IdentityColumn():
            return fc.sequence_categorical_column_with_identity(column.key, column.num_buckets, column.default_value)
        case lw.HashColumn():
            dtype = tf.dtypes.as_dtype(column.dtype)
            return fc.sequence_categorical_column_with_hash_bucket(column.key, column.hash_bucket_size, dtype)
        case lw.VocabularyColumn():
            return fc.sequence_categorical_column_with_vocabulary_list(
                column.key,
                column.vocabulary_list,
                tf.dtypes.as_dtype(column.dtype),
                column.default_value,
                column.num_oov_buckets,
            )


class Peer:
    """Runs TensorFlow's layer on sparse features; `tables` are its weights by our tables' names."""

    def __init__(self, columns, ranks):
        """`ranks`: the rank of each feature's sparse input, by key."""
        with tf.Graph().as_default() as graph:
            self._inputs = {
                key: tf.compat.v1.sparse_placeholder(dtype, [None] * ranks[key])
                for key, dtype in dtypes_of(columns).items()
            }
            layer = tf_keras.experimental.SequenceFeatures(peer_columns(columns))
            self._outputs = layer(self._inputs, training=False)
            variables = tf.compat.v1.global_variables()
            self._session = tf.compat.v1.Session(graph=graph)
            self._session.run([tf.compat.v1.global_variables_initializer(), tf.compat.v1.tables_initializer()])
            values = self._session.run(variables)
            self.tables = {_table_name(variable.name): value for variable, value in zip(variables, values, strict=True)}

    def __call__(self, features):
        feed = {self._inputs[key]: _value(features[key]) for key in self._inputs}
        return self._session.run(self._outputs, feed)


def dtypes_of(columns):
    """The dtypes of the features that the columns read, by key."""
    dtypes = {}
    for feature in lw.sequence_features(columns):
        dtypes[feature.key] = tf.dtypes.as_dtype(feature.dtype)
        if getattr(feature, "weight_key", None):
            dtypes[feature.weight_key] = tf.float32
    return dtypes


def _table_name(variable):
    parts = variable.removesuffix(":0").removesuffix("/embedding_weights").split("/")
    return parts[-1]


def _value(sparse):
    return tf.compat.v1.SparseTensorValue(
        *(np.asarray(part) for part in (sparse.indices, sparse.values, sparse.dense_shape))
    )
