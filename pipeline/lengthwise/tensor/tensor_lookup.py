"""Raw values to ids as TensorFlow ops: what `records/rows/id_lookup` does offline, for tf.data and for the layer.

    raw values (string or int64, any shape)  ->  ids, int64, same shape
        [0, num_buckets)   the id
        MISSING   (-1)     no id: the zero vector, counted in the length
        REFUSED   (-2)     out of range or vocabulary under `oov="error"`: the feed rejects it, the layer asserts

Equal to TensorFlow's own: hashes to `tf.strings.to_hash_bucket_fast`, vocabularies to `tf.lookup.StaticHashTable` and
`tf.lookup.StaticVocabularyTable`.
"""

from typing import Any

import tensorflow as tf

from lengthwise.columns import HashColumn, IdColumn, IdentityColumn, VocabularyColumn
from lengthwise.errors import ConfigError
from lengthwise.tensor import MISSING, REFUSED

__all__ = ["MISSING", "REFUSED", "IdLookup", "hash_bucket", "make_lookup"]


class IdLookup(tf.Module):
    """The look-up of one categorical column. A `tf.Module`, so that a model's export finds the table inside it.

    Works eagerly, in `tf.function`, in a `tf.data` map and in a `tf.Graph` (there the table's initializer is in the
    graph's TABLE_INITIALIZERS collection).

    Attributes:
        column: whose values are looked up.
        table: the vocabulary's table; None for other kinds.
    """

    def __init__(self, column: IdColumn) -> None:
        super().__init__(name=f"{column.key}_lookup")
        self.column = column
        self.table = _make_table(column) if isinstance(column, VocabularyColumn) else None

    @tf.autograph.experimental.do_not_convert  # type: ignore[misc, unused-ignore]
    def __call__(self, values: Any) -> Any:
        """The ids of the values.

        Args:
            values: a tensor of any shape, of strings or of integers as the column's dtype says.

        Returns:
            int64, of the same shape: ids, MISSING or REFUSED.

        Raises:
            ConfigError: the values' dtype is not the column's.
        """
        values = _as_declared(values, self.column)
        match self.column:
            case IdentityColumn():
                return _identity(values, self.column)
            case HashColumn():
                return hash_bucket(values, self.column.hash_bucket_size)
            case VocabularyColumn():
                return self._vocabulary_ids(values, self.column)

    def _vocabulary_ids(self, values: Any, column: VocabularyColumn) -> Any:
        assert self.table is not None
        ids = self.table.lookup(values)
        if column.oov == "zero":
            return ids
        return tf.where(tf.equal(ids, MISSING), _outside_vocabulary(values, column), ids)


def make_lookup(column: IdColumn) -> IdLookup:
    """The look-up of the column: a callable from raw values to ids, made once and used for every batch.

    Raises:
        ConfigError: the column's vocabulary file cannot be used.
    """
    return IdLookup(column)


def hash_bucket(values: Any, num_buckets: int) -> Any:
    """FarmHash Fingerprint64 of the string, or of the integer's decimal text, modulo `num_buckets`, as int64."""
    text = values if values.dtype == tf.string else tf.strings.as_string(values)
    return tf.strings.to_hash_bucket_fast(text, num_buckets)


def _make_table(column: VocabularyColumn) -> Any:
    # The entries themselves, not the file's path: an exported model then needs no file beside it.
    entries = tf.constant(column.vocabulary, tf.string if column.dtype == "string" else tf.int64)
    ids = tf.range(tf.size(entries, out_type=tf.int64))
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(entries, ids), default_value=MISSING)


def _outside_vocabulary(values: Any, column: VocabularyColumn) -> Any:
    match column.oov:
        case "buckets":
            return column.size + hash_bucket(values, column.num_oov_buckets)
        case "default":
            return tf.constant(column.default_value, tf.int64)
        case _:
            return tf.constant(REFUSED, tf.int64)


def _identity(values: Any, column: IdentityColumn) -> Any:
    outside = {"error": REFUSED, "zero": MISSING, "default": column.default_value}[column.oov]
    in_range = (values >= 0) & (values < column.num_buckets)
    return tf.where(in_range, values, tf.constant(outside, tf.int64))


def _as_declared(values: Any, column: IdColumn) -> Any:
    values = tf.convert_to_tensor(values)
    if column.dtype == "int64" and values.dtype.is_integer:
        return tf.cast(values, tf.int64)
    if column.dtype == "string" and values.dtype == tf.string:
        return values
    raise ConfigError(
        f"feature {column.key!r}: expected values of dtype {column.dtype}, as its column says, received "
        f"{values.dtype.name}; convert the feature or declare the column's dtype"
    )
