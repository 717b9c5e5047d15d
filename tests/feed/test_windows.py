"""Windows: sized by the budget and the lengths, arranged in groups on all cores; little padding, every row once."""

import itertools
import time
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.buckets import LengthHistogram, plan_optimal
from lengthwise.feed.batching.largest_first import largest_steps
from lengthwise.feed.batching.length_windows import Windows
from lengthwise.feed.batching.packed_windows import windows_of
from lengthwise.feed.batching.window_sizes import chunks_of_windows, rows_of_window
from lengthwise.feed.datasets.epochs import Epochs
from lengthwise.feed.options.batch_options import WINDOW
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.reading.bucket_interleaving import BucketPortion, Turns, read_evenly
from lengthwise.feed.reading.file_streams import Portion
from lengthwise.feed.rows.feed_features import Features, Flat, Rows
from lengthwise.feed.rows.row_chunks import ChunkFormat
from records.messages import write_records

CHUNK = 1000


@pytest.mark.parametrize(
    ("options", "steps_per_row", "rows"),
    [
        ({"batch_steps": 8192, "window": 7}, 37.0, 7),
        ({"batch_steps": 64}, 37.0, WINDOW),
        ({"batch_steps": 65_536}, 32.0, 96 * 65_536 // 32),
        ({"batch_steps": 65_536}, 0.0, 96 * 65_536),
        ({"batch_size": 1000}, 37.0, 96_000),
    ],
)
def test_a_window_holds_a_hundred_batches_unless_it_is_given(options: Any, steps_per_row: float, rows: int) -> None:
    assert rows_of_window(Options(**options), steps_per_row) == rows


@pytest.mark.parametrize("total", [1, 10, 11, 14, 16, 100, 154, 160, 1000, 12_345])
def test_windows_of_an_epoch_are_equal_or_grow(total: int) -> None:
    sizes = chunks_of_windows(total, 10)
    assert total <= sum(sizes) < total + len(sizes)
    assert min(sizes) >= 1
    assert max(sizes) <= 15
    growing = list(itertools.takewhile(lambda size: size < 9, sizes)) if total >= 160 else []
    assert growing == ([1, 2, 5] if total >= 160 else [])
    assert len(set(sizes[len(growing) :])) == 1


def numbered_chunks(lengths: np.ndarray, features: Features) -> tuple[Any, ChunkFormat]:
    """Chunks of rows in which every step is the row's number, from 1."""
    chunks = ChunkFormat(features)

    def chunk(first: Any) -> Any:
        mine = tf.constant(lengths, tf.int64)[first : first + CHUNK]
        number = first + 1 + tf.range(tf.size(mine, tf.int64))
        values = tf.repeat(number, mine)
        flat = Flat(values, tf.concat([[0], tf.cumsum(mine)], 0))
        return chunks.pack(Rows({"id": flat}, mine, {"row": number}))

    return tf.data.Dataset.range(0, len(lengths), CHUNK).map(chunk), chunks


def log_normal_lengths(count: int) -> np.ndarray:
    return np.clip(np.rint(np.random.default_rng(0).lognormal(np.log(25), 0.89, count)), 1, 512).astype(np.int64)


def batches_of(
    lengths: np.ndarray, options: Options, boundaries: tuple[int, ...] | None, largest: tuple[int, ...] = ()
) -> Any:
    """One epoch of batches of numbered rows."""
    row = lw.context_column("row", dtype="int64")
    features = Features.of([lw.sequence_categorical_column_with_identity("id", 10**6), row])
    chunks, chunk_format = numbered_chunks(lengths, features)
    windows = windows_of(features, options, chunk_format, boundaries, lambda: 56, largest)
    per_window = max(rows_of_window(options, lengths.mean()) // CHUNK, 1)
    arranged = windows.of(chunks, chunks_of_windows(len(chunks), per_window), tf.constant([3, 4], tf.int64))
    return windows.batches(arranged).as_numpy_iterator()


@pytest.mark.parametrize("budget", [4096, 8192, 32_768])
def test_padding_is_small_at_every_budget_and_every_row_is_complete(budget: int) -> None:
    features = Features.of(
        [lw.sequence_categorical_column_with_identity("id", 10**6), lw.context_column("row", "int64")]
    )
    options = Options(batch_steps=budget)
    lengths = np.clip(np.rint(np.random.default_rng(0).lognormal(np.log(25), 0.89, 90_000)), 1, 512).astype(np.int64)
    chunks, chunk_format = numbered_chunks(lengths, features)
    windows = Windows(features, options, chunk_format, None)
    per_window = rows_of_window(options, lengths.mean()) // CHUNK
    arranged = windows.of(chunks, chunks_of_windows(len(chunks), per_window), tf.constant([3, 4], tf.int64))
    padded, occurrences = 0, np.zeros(len(lengths), np.int64)
    for batch in windows.batches(arranged).as_numpy_iterator():
        rows, steps = batch["id"].shape
        assert rows * steps <= budget
        assert steps == batch["sequence_length"].max()
        valid = np.arange(steps) < batch["sequence_length"][:, None]
        np.testing.assert_array_equal(batch["id"], np.where(valid, batch["row"][:, None], 0))
        np.testing.assert_array_equal(batch["sequence_length"], lengths[batch["row"] - 1])
        occurrences[batch["row"] - 1] += 1
        padded += rows * steps
    assert (occurrences == 1).all()
    assert padded / lengths.sum() <= 1.03


@pytest.mark.parametrize(("window", "shuffle"), [(None, True), (2000, True), (2000, False)])
def test_rows_that_fill_no_batch_wait_for_the_next_window(window: int | None, shuffle: bool) -> None:
    lengths = log_normal_lengths(60_000)
    boundaries = plan_optimal(LengthHistogram.from_lengths(lengths), 8).boundaries
    options = Options(batch_steps=8192, max_shapes=8, labels="row", window=window, shuffle=shuffle)
    occurrences, padded, partial = np.zeros(len(lengths), np.int64), 0, 0
    for batch in batches_of(lengths, options, boundaries):
        rows, steps = batch["id"].shape
        assert steps in boundaries
        full = options.rows(steps)
        partial += rows < full
        padded += full * steps
        valid = np.arange(steps) < batch["sequence_length"][:, None]
        np.testing.assert_array_equal(batch["id"], np.where(valid, batch["row"][:, None], 0))
        occurrences[batch["row"] - 1] += 1
    assert (occurrences == 1).all()
    assert partial <= 1
    assert padded <= 1.02 * np.array(boundaries)[np.searchsorted(boundaries, lengths)].sum()


@pytest.mark.parametrize("shuffle", [True, False])
def test_packed_rows_that_fill_no_batch_wait_for_other_windows(shuffle: bool) -> None:
    lengths = log_normal_lengths(60_000)  # 30 windows of 18 batches and a remainder
    options = Options(batch_steps=4096, pack=512, window=2000, shuffle=shuffle)
    occurrences, count = np.zeros(len(lengths), np.int64), 0
    for batch in batches_of(lengths, options, None):
        assert batch["id"].shape == (8, 512)
        rows, slots = np.nonzero(batch["sequence_length"])
        numbers = batch["row"][rows, slots]
        occurrences[numbers - 1] += 1
        np.testing.assert_array_equal(batch["sequence_length"][rows, slots], lengths[numbers - 1])
        row_numbers = np.take_along_axis(batch["row"], np.maximum(batch["segment_ids"], 1) - 1, axis=1)
        np.testing.assert_array_equal(batch["id"], np.where(batch["segment_ids"] > 0, row_numbers, 0))
        count += 1
    assert (occurrences == 1).all()
    assert count * 4096 <= 1.02 * lengths.sum()
    dropping = options.model_copy(update={"drop_remainder": True})
    full = list(batches_of(lengths[:9000], dropping, None))
    assert len(full) > 70
    assert all((batch["sequence_length"][:, 0] > 0).all() for batch in full)


@pytest.mark.parametrize("max_shapes", [None, 8])
@pytest.mark.parametrize("budget", [{"batch_steps": 4096}, {"batch_size": 64}], ids=["steps", "size"])
def test_the_largest_batches_come_first(max_shapes: int | None, budget: dict[str, int]) -> None:
    lengths = log_normal_lengths(30_000)
    boundaries = None
    if max_shapes is not None:
        boundaries = plan_optimal(LengthHistogram.from_lengths(lengths), max_shapes).boundaries
    options = Options(**budget, window=2000, max_shapes=max_shapes, labels="row", largest_first=True)
    ends, counts = np.unique(lengths, return_counts=True)
    largest = largest_steps(boundaries or ends, options, None if boundaries else np.cumsum(counts))
    assert 1 <= len(largest) <= 4
    shapes, occurrences = [], np.zeros(len(lengths), np.int64)
    for batch in batches_of(lengths, options, boundaries, largest):
        rows, steps = batch["id"].shape
        shapes.append((rows * steps, steps))
        valid = np.arange(steps) < batch["sequence_length"][:, None]
        np.testing.assert_array_equal(batch["id"], np.where(valid, batch["row"][:, None], 0))
        occurrences[batch["row"] - 1] += 1
    assert (occurrences == 1).all()
    first, later = shapes[: len(largest)], shapes[len(largest) :]
    assert [steps for _, steps in first] == list(largest)
    assert first[0][1] == (boundaries or lengths.max(keepdims=True))[-1]
    for padded, steps in later:
        assert any(padded <= limit and steps <= longest for limit, longest in first)


def test_the_next_epoch_starts_before_this_one_ends_and_follows_in_order() -> None:
    begun = tf.Variable(0, dtype=tf.int64)

    def epoch(seed: Any) -> Any:
        def mark(first: Any) -> Any:
            # Two epochs may be counted at the same time: only the seed identifies the epoch.
            with tf.control_dependencies([begun.assign_add(1)]):
                return tf.identity(first)

        return tf.data.Dataset.from_tensors(seed[0]).map(mark).concatenate(tf.data.Dataset.range(10, 15))

    options = Options(batch_size=1, epochs=3, seed=7)
    firsts = [int(number) for number in Epochs(options).repeat(lambda seed: tf.data.Dataset.from_tensors(seed[0]))]
    assert len(set(firsts)) == 3
    numbers = iter(Epochs(options).repeat(epoch))
    elements = [int(next(numbers)) for _ in range(2)]
    limit = time.monotonic() + 60
    while int(begun) < 2 and time.monotonic() < limit:
        time.sleep(0.01)
    assert int(begun) == 2
    elements += [int(number) for number in numbers]
    assert elements == [number for first in firsts for number in (first, 10, 11, 12, 13, 14)]


def test_buckets_keep_their_shares_from_the_beginning_to_the_end(tmp_path: Any) -> None:
    counts = [("a", 0, 400), ("b", 0, 400), ("c", 1, 100), ("d", 1, 100), ("e", 2, 3)]
    parts = []
    for name, bucket, count in counts:
        path = write_records(str(tmp_path / name), [f"{bucket} {name}{i}".encode() for i in range(count)])
        parts.append(BucketPortion(Portion(path, 0, count), bucket))
    orders = []
    for seed in (1, 2):
        turns = Turns.of(parts, 10, shuffle=True)
        vectors = [
            chunk.numpy().tolist() for chunk in read_evenly(parts, "raise", turns, tf.constant([seed, 0], tf.int64))
        ]
        assert len(vectors) == turns.total
        records = [record for vector in vectors for record in vector]
        assert sorted(records) == sorted(f"{b} {n}{i}".encode() for n, b, c in counts for i in range(c))
        for quarter in np.array_split(np.array([int(record[:1]) for record in records]), 4):
            assert 150 <= (quarter == 0).sum() <= 240
        orders.append(records)
    assert orders[0] != orders[1]
    straight = read_evenly(parts, "raise", Turns.of(parts, 10, shuffle=False), None)
    assert [record for chunk in straight for record in chunk.numpy()] == [
        f"{b} {n}{i}".encode() for n, b, c in counts for i in range(c)
    ]
