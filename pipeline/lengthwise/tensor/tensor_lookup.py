"""Raw values to ids as TensorFlow ops, for tf.data and for the layers; `records/rows/id_lookup` does the same offline.

    raw values (string or int64, any shape)  ->  ids, int64, same shape
        [0, num_buckets)   the id
        MISSING   (-1)     no id: the zero vector, counted in the length
        REFUSED   (-2)     out of range or vocabulary under `oov="error"`: the feed rejects it, the layer asserts

The ids are equal to TensorFlow's: hashes to those of `tf.strings.to_hash_bucket_fast`, vocabularies to those of
`tf.lookup.StaticHashTable` and `tf.lookup.StaticVocabularyTable`.
"""

import tensorflow as tf

from lengthwise.columns import HashColumn, IdColumn, IdentityColumn, VocabularyColumn
from lengthwise.errors import ConfigError
from lengthwise.tensor import MISSING, REFUSED
from lengthwise.tensor.tensor_types import Tensor, TensorLike


class IdLookup(tf.Module):
    """The lookup of one id column. A `tf.Module`, so that a model's export finds the table inside it.

    It works eagerly, in `tf.function`, in a `tf.data` map and in a `tf.Graph` (there the table's initializer is in the
    graph's TABLE_INITIALIZERS collection). Create it once and use it for every batch.

    Args:
        column: the column whose values are looked up.

    Attributes:
        column: the column whose values are looked up.
        table: the vocabulary's table; None for other columns.

    Raises:
        ConfigError: the column's vocabulary file cannot be used.
    """

    def __init__(self, column: IdColumn) -> None:
        super().__init__(name=f"{column.key}_lookup")
        self.column = column
        self.table = _vocabulary_table(column) if isinstance(column, VocabularyColumn) else None

    @tf.autograph.experimental.do_not_convert  # type: ignore[misc, unused-ignore]
    def __call__(self, values: TensorLike) -> Tensor:
        """The ids of the values.

        Args:
            values: a tensor of any shape, of strings or of integers as the column's dtype says.

        Returns:
            int64, of the same shape: ids, MISSING or REFUSED.

        Raises:
            ConfigError: the values' dtype is not the column's.
        """
        values = _in_column_dtype(values, self.column)
        match self.column:
            case IdentityColumn():
                return _identity_ids(values, self.column)
            case HashColumn():
                return hash_bucket(values, self.column.hash_bucket_size)
            case VocabularyColumn():
                return self._vocabulary_ids(values, self.column)

    def _vocabulary_ids(self, values: Tensor, column: VocabularyColumn) -> Tensor:
        assert self.table is not None
        ids: Tensor = self.table.lookup(values)
        if column.oov == "zero":
            return ids
        return tf.where(tf.equal(ids, MISSING), _ids_outside_vocabulary(values, column), ids)


def hash_bucket(values: Tensor, num_buckets: int) -> Tensor:
    """FarmHash Fingerprint64 of the string, or of the integer's decimal text, modulo `num_buckets`, as int64."""
    text = values if values.dtype == tf.string else tf.strings.as_string(values)
    return tf.strings.to_hash_bucket_fast(text, num_buckets)


def _vocabulary_table(column: VocabularyColumn) -> tf.lookup.StaticHashTable:
    # The entries themselves, not the file's path: an exported model then needs no file next to it.
    entries = tf.constant(column.vocabulary, tf.string if column.dtype == "string" else tf.int64)
    ids = tf.range(tf.size(entries, out_type=tf.int64))
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(entries, ids), default_value=MISSING)


def _ids_outside_vocabulary(values: Tensor, column: VocabularyColumn) -> Tensor:
    match column.oov:
        case "buckets":
            return hash_bucket(values, column.num_oov_buckets) + column.size
        case "default":
            return tf.constant(column.default_value, tf.int64)
        case _:
            return tf.constant(REFUSED, tf.int64)


def _identity_ids(values: Tensor, column: IdentityColumn) -> Tensor:
    outside = {"error": REFUSED, "zero": MISSING, "default": column.default_value}[column.oov]
    in_range = tf.logical_and(values >= 0, values < column.num_buckets)
    return tf.where(in_range, values, tf.constant(outside, tf.int64))


def _in_column_dtype(values: TensorLike, column: IdColumn) -> Tensor:
    values = tf.convert_to_tensor(values)
    if column.dtype == "int64" and values.dtype.is_integer:
        return tf.cast(values, tf.int64)
    if column.dtype == "string" and values.dtype == tf.string:
        return values
    raise ConfigError(
        f"feature {column.key!r}: expected values of dtype {column.dtype}, as in its column, received "
        f"{values.dtype.name}; convert the feature or declare the column's dtype"
    )
