"""`tf.contrib.feature_column.sequence_input_layer` of TF 1.15, from the classes that TF 2 still has."""

import tensorflow as tf
from tensorflow.python.feature_column import feature_column as v1

_variable_scope = tf.compat.v1.variable_scope


def contrib_sequence_input_layer(features, feature_columns, weight_collections=None, trainable=True):
    with _variable_scope(None, default_name="sequence_input_layer", values=features.values()):
        builder = v1._LazyBuilder(features)
        outputs, lengths = [], []
        for column in sorted(feature_columns, key=lambda column: column.name):
            with _variable_scope(None, default_name=column._var_scope_name):
                dense, length = column._get_sequence_dense_tensor(
                    builder, weight_collections=weight_collections, trainable=trainable
                )
                shape = tf.shape(dense)
                size = column._variable_shape.num_elements()
                outputs.append(tf.reshape(dense, [shape[0], shape[1], size]))
                lengths.append(length)
        return tf.concat(outputs, -1), lengths[0]
