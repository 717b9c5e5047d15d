"""Tools for `tf.data` that do not depend on records: transformations, seeds of epochs, parallelism."""
