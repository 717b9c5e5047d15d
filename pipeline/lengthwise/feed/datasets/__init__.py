"""Tools for `tf.data` that know no records: transformations, seeds of epochs, parallelism."""
