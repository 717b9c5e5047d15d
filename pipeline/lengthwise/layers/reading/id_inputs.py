"""Raw values to ids: looked up, except for integers of a string column, which are already ids."""

from typing import TYPE_CHECKING

import keras
from keras import ops

from lengthwise.columns import HashColumn, IdColumn, IdentityColumn, VocabularyColumn
from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import BackendTensor
from lengthwise.layers.reading.batch_checks import Checks
from lengthwise.layers.reading.number_dtypes import length_dtype
from lengthwise.layers.tracing import is_known
from lengthwise.tensor import MISSING, REFUSED

if TYPE_CHECKING:
    from lengthwise.tensor.tensor_lookup import IdLookup

_EXACT = {"float64": 2**53, "float32": 2**24, "float16": 2**11, "bfloat16": 2**8}
"""The limit up to which a float dtype holds every integer."""


def raw_to_ids(
    values: BackendTensor, column: IdColumn, lookup: "IdLookup | None", checks: Checks, *, has_slots: bool = False
) -> BackendTensor:
    """The ids of raw values, in their shape: int32 or int64.

    Floats that are whole numbers are used as integers, as in `keras.layers.Embedding`, if no two ids become one: Keras
    passes floats if an Input has no dtype, and when it builds a model that is loaded.

    Args:
        values: a tensor of any shape.
        column: defines what the values are.
        lookup: the lookup of the column; None if the backend has none.
        checks: receives conditions that only the running code can check.
        has_slots: whether each step has the same number of slots, with -1, or the empty string, in unused ones.

    Raises:
        ConfigError: a lookup is needed but does not exist, or the dtype rounds the column's values.
    """
    dtype = keras.backend.standardize_dtype(values.dtype)
    if "float" in dtype:
        values = _whole_numbers(values, column, dtype, checks)
    elif "int" in dtype and dtype not in ("int32", "int64"):
        values = ops.cast(values, length_dtype())
    ids = _looked_up(values, column, lookup)
    if not has_slots:
        return ids
    return ops.where(ops.equal(values, "" if dtype == "string" else MISSING), MISSING, ids)


def _looked_up(values: BackendTensor, column: IdColumn, lookup: "IdLookup | None") -> BackendTensor:
    dtype = keras.backend.standardize_dtype(values.dtype)
    is_integer = "int" in dtype
    if isinstance(column, IdentityColumn) and is_integer:
        return _by_policy(values, column)
    if isinstance(column, HashColumn | VocabularyColumn) and column.dtype == "string" and is_integer:
        return ops.where(values < MISSING, REFUSED, ops.where(values < column.num_buckets, values, REFUSED))
    if lookup is None:
        raise ConfigError(
            f"feature {column.key!r}: expected ids, received raw values of dtype {dtype}, whose lookup needs "
            f"TensorFlow (Keras runs on {keras.backend.backend()!r}); feed prepared data to the columns "
            "lengthwise.looked_up(columns)"
        )
    return lookup(values)


def _whole_numbers(values: BackendTensor, column: IdColumn, dtype: str, checks: Checks) -> BackendTensor:
    """Floats as integers; REFUSED for fractions, and for all values if the dtype rounds integers."""
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
    # Not raised now: Keras traces a model that it loads with floats, and never runs that trace.
    checks.require(ops.zeros((1,), "bool"), message)
    return ops.full_like(integers, REFUSED)


def _by_policy(values: BackendTensor, column: IdentityColumn) -> BackendTensor:
    if column.oov == "zero":
        return values  # the embedding treats a value that is not an id as none
    outside = REFUSED if column.oov == "error" else column.default_value
    return ops.where(ops.logical_and(values >= 0, values < column.num_buckets), values, outside)
