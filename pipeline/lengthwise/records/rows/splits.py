"""The split of each record: by a seeded hash of its bytes, or of one of its context values.

    bytes or value ─ 64-bit hash ─ with the seed, mixed: a position in [0, 2**64) ─ the split whose range contains it

It does not depend on the worker, the run or the other records, so a record never changes its split. All numbers are
integers, for which numpy and TensorFlow compute the same: `lengthwise.feed.parsing.split_filter` does so on tensors.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import farmhash
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.config import Splits
from lengthwise.records.container.record_blocks import Block
from lengthwise.records.rows.id_lookup import fingerprint64
from lengthwise.records.rows.row_features import INDEX, SPLIT_KEY
from lengthwise.records.rows.shuffle_order import GOLDEN, mix_bits


def splits_of_records(records: Iterable[bytes], splits: Splits) -> np.ndarray:
    """int32 `[n]`: the index of each record's split, where `splits.key` is None."""
    hashes = np.fromiter(map(farmhash.Fingerprint64, records), np.uint64)  # no Python function is called per record
    return assign_splits(hashes, list(splits.fractions.values()), splits.seed)


def splits_of_rows(rows: pa.RecordBatch, block: Block, splits: Splits) -> np.ndarray:
    """int32 `[n]`: the index of each row's split; the rows come from the block's records."""
    if len(splits.fractions) == 1:
        return np.zeros(rows.num_rows, np.int32)
    if splits.key is None:
        places = np.searchsorted(np.asarray(block.indices, np.int64), rows.column(INDEX).to_numpy())
        return splits_of_records((block.records[place] for place in places.tolist()), splits)
    values = rows.column(SPLIT_KEY)
    hashes = hash_values(values if pa.types.is_large_binary(values.type) else values.to_numpy())
    return assign_splits(hashes, list(splits.fractions.values()), splits.seed)


def assign_splits(hashes: np.ndarray, shares: Sequence[float], seed: int) -> np.ndarray:
    """int32 `[n]`: the split of each hash (uint64): shares of the 64-bit range, in the given order."""
    return np.searchsorted(split_starts(shares), split_places(hashes, seed), side="right").astype(np.int32)


def split_starts(shares: Sequence[float]) -> np.ndarray:
    """uint64 `[splits - 1]`: the smallest position of each split except the first."""
    starts = [min(int(share * 2**64), 2**64 - 1) for share in np.cumsum(shares)[:-1].tolist()]
    return np.array(starts, np.uint64)


def split_places(hashes: Any, seed: int, shift_right: Callable[[Any, Any], Any] = np.right_shift) -> Any:
    """uint64 `[n]`: the positions of hashes, uint64 `[n]`: arrays, or tensors with TensorFlow's `shift_right`."""
    return mix_bits(hashes + np.uint64((seed + 1) * int(GOLDEN) % 2**64), shift_right)


def hash_values(values: np.ndarray | pa.Array) -> np.ndarray:
    """uint64 `[n]`: hashes of a context column's values, one per record: of strings FarmHash's Fingerprint64."""
    if isinstance(values, np.ndarray):
        numbers = values.astype(np.float64 if values.dtype.kind == "f" else np.int64)
        return np.ascontiguousarray(numbers).view(np.uint64)
    encoded = pc.dictionary_encode(values)
    hashes = np.array([fingerprint64(value) for value in encoded.dictionary.to_pylist()], np.uint64)
    return hashes[encoded.indices.to_numpy(zero_copy_only=False)]
