"""Raw values to ids: looked up, except for integers of a string column, which are ids already."""

from typing import Any

import keras
from keras import ops

from lengthwise.columns import HashColumn, IdColumn, IdentityColumn, VocabularyColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.reading.batch_checks import Checks, is_known
from lengthwise.layers.reading.length_dtypes import length_dtype
from lengthwise.tensor import MISSING, REFUSED

_EXACT = {"float64": 2**53, "float32": 2**24, "float16": 2**11, "bfloat16": 2**8}
"""Up to where a float dtype holds every integer."""


def ids_of(values: Any, column: IdColumn, lookup: Any, checks: Checks, *, has_slots: bool = False) -> Any:
    """The ids of raw values, in their shape: int32 or int64.

    Floats that are whole numbers are taken for integers, as `keras.layers.Embedding` does, where no two ids become
    one: Keras gives floats where an Input has no dtype, and where it builds a model that is loaded.

    Args:
        values: a tensor of any shape.
        column: says what the values are.
        lookup: the `lengthwise.tensor.tensor_lookup.IdLookup` of the column; None where the backend has none.
        checks: gets what only the running code can tell.
        has_slots: whether each step has the same number of values, with -1, or the empty string, where it has fewer.

    Raises:
        ConfigError: a look-up is needed and there is none, or a dtype that rounds the column's values.
    """
    dtype = keras.backend.standardize_dtype(values.dtype)
    if "float" in dtype:
        values = _whole(values, column, dtype, checks)
    elif "int" in dtype and dtype not in ("int32", "int64"):
        values = ops.cast(values, length_dtype())
    ids = _find(values, column, lookup)
    if not has_slots:
        return ids
    return ops.where(ops.equal(values, "" if dtype == "string" else MISSING), MISSING, ids)


def _find(values: Any, column: IdColumn, lookup: Any) -> Any:
    dtype = keras.backend.standardize_dtype(values.dtype)
    is_integer = "int" in dtype
    if isinstance(column, IdentityColumn) and is_integer:
        return _by_policy(values, column)
    if isinstance(column, HashColumn | VocabularyColumn) and column.dtype == "string" and is_integer:
        return ops.where(values < MISSING, REFUSED, ops.where(values < column.num_buckets, values, REFUSED))
    if lookup is None:
        raise ConfigError(
            f"feature {column.key!r}: expected ids, received raw values of dtype {dtype}, whose look-up needs "
            f"TensorFlow (Keras runs on {keras.backend.backend()!r}); feed prepared data to the columns "
            "lengthwise.looked_up(columns)"
        )
    return lookup(values)


def _whole(values: Any, column: IdColumn, dtype: str, checks: Checks) -> Any:
    """The integers that floats stand for; REFUSED for other numbers, and for all where the dtype rounds integers."""
    integers = ops.cast(values, length_dtype())
    is_raw = not isinstance(column, IdentityColumn) and column.dtype == "int64"
    if not is_raw and column.num_buckets <= _EXACT.get(dtype, 0):
        return ops.where(ops.equal(ops.floor(values), values), integers, REFUSED)
    message = (
        f"feature {column.key!r}: expected integers, received {dtype}, which rounds large ones to others; give its "
        "keras.Input dtype='int64', or cast the feature"
    )
    if is_known(values):
        raise ConfigError(message)
    # Not now: Keras traces a model that it loads with floats, and never runs that.
    checks.require(ops.zeros((1,), "bool"), message)
    return ops.full_like(integers, REFUSED)


def _by_policy(values: Any, column: IdentityColumn) -> Any:
    if column.oov == "zero":
        return values  # the embedding takes whatever is no id for none
    outside = REFUSED if column.oov == "error" else column.default_value
    return ops.where(ops.logical_and(values >= 0, values < column.num_buckets), values, outside)
