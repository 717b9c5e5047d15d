"""The serial stages of the feed, measured separately: the work of one thread per step, for any number of cores.

The input of a stage is created before and kept in memory, so that only the stage is measured. 20 ns per step are
50 million steps per second.
"""

import time
from typing import Any


def serial_costs(folder: str, budget: int, **options: Any) -> dict[str, float]:
    """Returns CPU ns per real step of each serial stage over block data.

    Args:
        folder: prepared, in the block layout.
        budget: padded steps per batch.
        **options: other fields of `Options`, such as `pack`.
    """
    import tensorflow as tf

    from lengthwise.feed import Options, prepared_reader
    from lengthwise.feed.batching.batch_slices import each_alone
    from lengthwise.feed.datasets.epochs import with_options
    from lengthwise.feed.datasets.parallelism import WINDOWS, threads
    from lengthwise.feed.datasets.transformations import mapped
    from lengthwise.feed.layouts.prepared_portions import portions_of_worker
    from lengthwise.prepared_folders import open_folders

    chosen = Options(batch_steps=budget, seed=1, **options)
    opened = open_folders(folder)
    times, seed = opened.times(None), tf.constant([1, 2], tf.int64)
    portions = portions_of_worker(opened, opened.shards("train"), times, "train", chosen)
    layout: Any = prepared_reader._layout(opened, "train", chosen)
    streams, windows = layout._streams(portions), layout._windows
    steps = opened.histogram("train").steps

    def cost(made: Any) -> float:
        """Measures four epochs out of five: the first one includes the start."""
        spent = []
        for epochs in (1, 5):
            dataset = with_options(made.repeat(epochs))
            start = time.process_time()
            dataset.reduce(tf.constant(0), lambda number, *_: number + 1)
            spent.append(time.process_time() - start)
        return (spent[1] - spent[0]) / 4 / steps * 1e9

    def kept(made: Any) -> Any:
        dataset = with_options(made).cache()
        dataset.reduce(tf.constant(0), lambda number, *_: number + 1)
        return dataset

    chunks = kept(layout._read(streams[0], seed))
    arranged = windows.of(chunks, layout._window_sizes(streams), seed)
    stage = "arrange windows" if chosen.pack is None else f"arrange windows, {WINDOWS} at a time"
    found = {stage: cost(arranged) - cost(chunks)}
    if chosen.pack is None:
        from lengthwise.feed.batching.batch_slices import emit_batches

        groups = each_alone(kept(arranged), windows._groups_of, lambda at, window: (at, window))
        gathered = kept(mapped(groups, windows._gather, threads()))
        found["hand out batches"] = cost(emit_batches(gathered, windows._features)) - cost(gathered)
    return found
