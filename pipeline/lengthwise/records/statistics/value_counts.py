"""How often each value occurs, in sorted batches that add up, for any number of distinct values.

counts   a record batch of distinct values (`large_binary`), sorted by their bytes, and how often each occurs (int64)
run      batches of counts, one after the other, all sorted
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.records.arrays.arrow_batches import concat_batches
from lengthwise.records.arrays.utf8 import is_utf8

SCHEMA = pa.schema([pa.field("values", pa.large_binary()), pa.field("counts", pa.int64())])
_BATCH_BYTES = 2**20  # of a batch in a run, of which a merge holds one for each run
_KEPT_ROWS = 2**16  # in addition to the most frequent, before the others are dropped


def as_counts(values: pa.Array, counts: np.ndarray) -> pa.RecordBatch:
    """Counts, not sorted yet, of values (`large_binary [n]`) and their numbers (int64 `[n]`); values may repeat."""
    return pa.RecordBatch.from_arrays([values, pa.array(counts, pa.int64())], schema=SCHEMA)


def sum_counts(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """The counts of all parts together, sorted or not; values that do not occur are omitted."""
    if not parts:
        return as_counts(pa.array([], pa.large_binary()), np.zeros(0, np.int64))
    joined = concat_batches(parts)
    encoded = pc.dictionary_encode(joined.column("values"))
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    counts = np.zeros(len(encoded.dictionary), np.int64)
    np.add.at(counts, codes, counts_of(joined))
    order = pc.array_sort_indices(encoded.dictionary).to_numpy()
    order = order[counts[order] > 0]
    return as_counts(encoded.dictionary.take(pa.array(order)), counts[order])


def in_batches(counts: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batches of a run, of about 1 MiB: a value is never divided."""
    sizes = pc.binary_length(counts.column("values")).to_numpy() + 16
    ends = np.flatnonzero(np.diff(np.cumsum(sizes) // _BATCH_BYTES)) + 1
    for start, stop in pairwise([0, *ends.tolist(), counts.num_rows]):
        yield counts.slice(start, stop - start)


def merge_runs(runs: Iterable[Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """Merges runs into one. One batch of each run is in memory."""
    heads = [(batch, run) for run in runs if (batch := _next(run)) is not None]
    while heads:
        last = min(_value(batch, batch.num_rows - 1) for batch, _ in heads)  # no run has more up to this one
        parts, next_heads = [], []
        for batch, run in heads:
            count = bisect_right(range(batch.num_rows), last, key=partial(_value, batch))
            parts.append(batch.slice(0, count))
            rest = batch.slice(count) if count < batch.num_rows else _next(run)
            if rest is not None:
                next_heads.append((rest, run))
        heads = next_heads
        yield sum_counts(parts)


def _next(run: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    return next((batch for batch in run if batch.num_rows), None)


def _value(batch: pa.RecordBatch, place: int) -> bytes:
    return batch.column("values")[place].as_py()


def counts_of(batch: pa.RecordBatch) -> np.ndarray:
    """int64 `[n]`: the numbers of a batch of counts."""
    return batch.column("counts").to_numpy()


@dataclass(frozen=True, slots=True)
class Frequent:
    """The most frequent values of a run, and its totals.

    Attributes:
        entries: counts of the values that occur most often, the most frequent first, and not sorted otherwise.
        values: how often all values of the run occur together.
        distinct: the number of distinct values.
        unfit: how often values occur that cannot be a line of a vocabulary file.
    """

    entries: pa.RecordBatch
    values: int
    distinct: int
    unfit: int


def most_frequent(run: Iterable[pa.RecordBatch], top: int, min_count: int) -> Frequent:
    """Of the values that occur `min_count` times, the `top` most frequent; of equally frequent ones, by their bytes.

    About three times `top` of them are in memory.
    """
    kept = [sum_counts([])]
    values = distinct = unfit = 0
    for batch in run:
        counts, fit = counts_of(batch), are_lines(batch.column("values"))
        values, distinct, unfit = values + int(counts.sum()), distinct + len(counts), unfit + int(counts[~fit].sum())
        kept.append(batch.filter(pa.array(fit & (counts >= min_count))))
        if sum(batch.num_rows for batch in kept) > 2 * top + _KEPT_ROWS:
            kept = [_most(kept, top, by_bytes=True)]
    return Frequent(_most(kept, top), values, distinct, unfit)


def _most(parts: Sequence[pa.RecordBatch], top: int, *, by_bytes: bool = False) -> pa.RecordBatch:
    """The most frequent values of sorted parts; they stay sorted by their bytes, or are sorted by their counts."""
    joined = concat_batches(parts)
    places = np.argsort(-counts_of(joined), kind="stable")[:top]
    return joined.take(pa.array(np.sort(places) if by_bytes else places))


def are_lines(values: pa.Array) -> np.ndarray:
    """Which values (`large_binary [n]`) can be a line of a vocabulary file: bool `[n]`.

    Empty values, values with a line feed or a carriage return, values that start with a byte order mark, and
    values that are not UTF-8 cannot.
    """
    unfit = pc.equal(pc.binary_length(values), 0)
    for character in "\n\r":
        unfit = pc.or_(unfit, pc.match_substring(values, character))
    unfit = pc.or_(unfit, pc.starts_with(values, "\ufeff"))
    return ~unfit.to_numpy(zero_copy_only=False) & _are_utf8(values)


def _are_utf8(values: pa.Array) -> np.ndarray:
    try:
        pc.cast(values, pa.large_string())
    except pa.ArrowInvalid:
        return np.fromiter(map(is_utf8, values.to_pylist()), bool, len(values))
    return np.ones(len(values), bool)
