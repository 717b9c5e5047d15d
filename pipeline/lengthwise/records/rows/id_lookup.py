"""Raw values -> ids, for the offline job. `lengthwise.tensor` does the same with TensorFlow's ops; tests compare them.

An id is an int64 in [0, num_buckets), or -1, the missing id. Each distinct string of a batch is looked up once. While
a vocabulary is not counted yet, an id is a code: the value's position among the distinct values of the batch.
"""

from collections.abc import Callable
from functools import lru_cache, partial

import farmhash
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.columns import HashColumn, IdColumn, IdentityColumn, VocabularyColumn
from lengthwise.rules.looked_up import MISSING, LookedUp


def make_arrow_lookup(column: IdColumn) -> Callable[[pa.Array], LookedUp[np.ndarray]]:
    """The lookup of a column, its tables built: an Arrow array of raw values without nulls -> ids."""
    match column:
        case IdentityColumn():
            return lambda values: _identity(column, values.to_numpy(zero_copy_only=False))
        case HashColumn():
            return lambda values: LookedUp(_per_distinct(values, partial(_hash, buckets=column.hash_bucket_size)))
        case VocabularyColumn():
            return _codes if column.needs_counting else _VocabularyLookup(column)


def fingerprint64(value: bytes) -> int:
    """FarmHash's Fingerprint64, the hash of `tf.strings.to_hash_bucket_fast`."""
    return int(farmhash.Fingerprint64(value))


def _identity(column: IdentityColumn, values: np.ndarray) -> LookedUp[np.ndarray]:
    outside = values.view(np.uint64) >= column.num_buckets  # negative ones, too
    if not outside.any():
        return LookedUp(values)
    default = MISSING if column.default_value is None else column.default_value
    return LookedUp(np.where(outside, default, values), outside)


@lru_cache(maxsize=16)
def _table(entries: tuple[str | int, ...]) -> dict[bytes, int]:
    """The id of each entry. Cached, because a worker reads many pieces; a million entries take 0.4 s."""
    return {str(entry).encode(): position for position, entry in enumerate(entries)}


class _VocabularyLookup:
    def __init__(self, column: VocabularyColumn) -> None:
        self._ids = _table(column.vocabulary)
        self._buckets = column.num_oov_buckets
        self._default = column.default_value

    def __call__(self, values: pa.Array) -> LookedUp[np.ndarray]:
        ids = _per_distinct(values, self._find)
        outside = ids == MISSING
        if self._buckets:
            outside = ids >= len(self._ids)
        elif self._default != MISSING:
            ids = np.where(outside, self._default, ids)
        return LookedUp(ids, outside if outside.any() else None)

    def _find(self, strings: list[bytes]) -> np.ndarray:
        ids = np.fromiter((self._ids.get(string, MISSING) for string in strings), np.int64, len(strings))
        if self._buckets:
            unknown = np.flatnonzero(ids == MISSING)
            ids[unknown] = len(self._ids) + _hash([strings[i] for i in unknown], self._buckets)
        return ids


def _codes(values: pa.Array) -> LookedUp[np.ndarray]:
    positions, distinct = _encoded(values)
    return LookedUp(positions, None, distinct)


def _per_distinct(values: pa.Array, find: Callable[[list[bytes]], np.ndarray]) -> np.ndarray:
    """Looks each distinct value up once."""
    positions, distinct = _encoded(values)
    return find(distinct.to_pylist()).take(positions) if len(distinct) else np.zeros(0, np.int64)


def _encoded(values: pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Each value's position among the distinct values, int64 `[n]`; and these, integers in the form that is hashed."""
    encoded = pc.dictionary_encode(values)
    distinct = encoded.dictionary
    if pa.types.is_integer(distinct.type):
        distinct = pc.cast(distinct, pa.large_string())
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), pc.cast(distinct, pa.large_binary())


def _hash(strings: list[bytes], buckets: int) -> np.ndarray:
    hashes = np.fromiter(map(farmhash.Fingerprint64, strings), np.uint64, len(strings))
    return (hashes % np.uint64(buckets)).astype(np.int64)
