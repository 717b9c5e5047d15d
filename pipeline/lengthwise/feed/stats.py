"""`BatchStats`: what training gets of its batches, epoch by epoch.

    batches ─ watch ─ [clock | batches] ─ count by shape ─> fit ─ end of epoch ─> logs ─> TensorBoard, History, a line

A callback never sees a batch, and Keras fetches batches inside its compiled step. So `watch` counts in the dataset.
"""

import time
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from lengthwise.columns import RESERVED_KEY, SEGMENTS
from lengthwise.errors import ConfigError
from lengthwise.feed.epochs import plain
from lengthwise.feed.transformations import mapped
from lengthwise.feed.waiting import idle_seconds

_SHIFT = 2**32  # a shape is one number in the table: rows * _SHIFT + T


class _Counts(NamedTuple):
    """What was counted since the epoch began.

    Attributes:
        shapes: the (rows, T) of its batches.
        real: steps of sequences.
        padded: rows times T, of all batches.
        waits: `[batches, 2]`, seconds: from when to when each was waited for.
    """

    shapes: set[tuple[int, int]]
    real: int
    padded: int
    waits: Any


class BatchStats(keras.callbacks.Callback):
    """A Keras callback that tells, for each epoch, how much of the batches was padding and whether input was the brake.

    It prints one line an epoch, and puts these into the epoch's `logs`, from where `History` and the TensorBoard
    callback take them, if it stands before them in the list of callbacks:

    - `padding_share`: the padded steps, as a share of rows times T; 0 to 1.
    - `real_steps_per_second`, `padded_steps_per_second`: steps of sequences, and rows times T, by wall time without
      validation.
    - `input_bound_share`: the share of that time in which the next batch was waited for and the accelerator had nothing
      to do: all steps handed to it were finished. A wait beside a step that still runs, as with JAX and on GPUs,
      does not count. So it is what faster input would gain.
    - `distinct_shapes`, `distinct_lengths`: the (rows, T) and the T seen since training began: each shape is a program
      that XLA compiles.

    Batches are counted when they leave the dataset. Where more is taken ahead (`tf.distribute` and JAX do so), the last
    few of an endless dataset fall into the epoch before. With `steps_per_execution`, the host is waited for as well:
    a step is known to be finished when all of its execution are.

    Args:
        key: a sequence feature, whose second dimension is T. None: one whose second dimension is not fixed.
        verbose: whether the line is printed.

    Example:
        >>> stats = lw.BatchStats()
        >>> model.fit(stats.watch(train), callbacks=[stats, keras.callbacks.TensorBoard("logs")])
    """

    def __init__(self, *, key: str | None = None, verbose: bool = True) -> None:
        super().__init__()
        self._key = key
        self._verbose = verbose
        self._table: Any = None
        self._seen: set[tuple[int, int]] = set()
        self._counts: _Counts | None = None
        self._began = self._ended = 0.0
        self._begun: list[float] = []
        self._finished: dict[int, float] = {}
        self.async_safe = True  # so Keras calls `on_train_batch_end` in a thread, when the step's results are there

    def watch(self, dataset: Any) -> Any:
        """The same batches, counted.

        Args:
            dataset: of `read_prepared` or `read_raw`, as it goes to `fit`; `(features, labels, ...)` or features alone.

        Raises:
            ConfigError: its features do not tell lengths or T.
        """
        if self._table is None:
            with tf.init_scope(), tf.device("CPU:0"):
                none = tf.zeros([2], tf.int64)  # batches, steps of sequences
                self._table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.int64, none)
                never = tf.zeros([2], tf.float64)  # from when to when a batch was waited for
                self._waits = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float64, never)
        spec = dataset.element_spec
        key = self._sequence_key(spec[0] if isinstance(spec, tuple) else spec)
        # `zip` asks the clock first, then waits for the batch.
        clock = mapped(tf.data.Dataset.counter(), lambda _: tf.timestamp())
        watched = tf.data.Dataset.zip((clock, dataset)).map(plain(lambda began, batch: self._count(began, batch, key)))
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False  # or batches would be counted before they are wanted
        return watched.with_options(options)

    def _sequence_key(self, features: Any) -> str:
        grouped = [key for key in features if key.endswith(f"_{RESERVED_KEY}")] if isinstance(features, dict) else []
        if grouped and RESERVED_KEY not in features:
            raise ConfigError(f"BatchStats: expected columns without a `group`, received batches with {grouped}")
        if not isinstance(features, dict) or RESERVED_KEY not in features:
            raise ConfigError(
                f"BatchStats: expected batches with {RESERVED_KEY!r} among their features; name it in `features` too"
            )
        if not features[RESERVED_KEY].dtype.is_integer:
            received = features[RESERVED_KEY].dtype.name
            raise ConfigError(f"BatchStats: expected integers in {RESERVED_KEY!r}, received {received}; cast them")
        shapes = {
            key: spec.shape for key, spec in features.items() if spec.shape.rank is not None and spec.shape.rank >= 2
        }
        if self._key is not None:
            if self._key not in shapes:
                raise ConfigError(f"BatchStats: key: expected one of {sorted(shapes)}, received {self._key!r}")
            return self._key
        if SEGMENTS in shapes:  # packed rows
            return SEGMENTS
        free = sorted(key for key, shape in shapes.items() if shape[1] is None) or sorted(shapes)
        if not free or (len(free) > 1 and shapes[free[0]][1] is not None):
            raise ConfigError(
                f"BatchStats: cannot tell which of {sorted(shapes)} is a sequence; name one: BatchStats(key=...)"
            )
        return free[0]

    def _count(self, began: Any, batch: Any, key: str) -> Any:
        ended = tf.timestamp()
        features = batch[0] if isinstance(batch, tuple) else batch
        shape = tf.shape(features[key], tf.int64)
        at = shape[0] * _SHIFT + shape[1]
        real = tf.reduce_sum(tf.cast(features[RESERVED_KEY], tf.int64))
        counted = self._table.insert(at, self._table.lookup(at) + tf.stack([1, real]))
        waited = self._waits.insert(tf.cast(began * 1e6, tf.int64), tf.stack([began, ended]))
        with tf.control_dependencies([counted, waited]):
            return tf.nest.map_structure(tf.identity, batch)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Raises `ConfigError` where no dataset is watched."""
        del logs
        if self._table is None:
            raise ConfigError("BatchStats: nothing is watched; call model.fit(stats.watch(dataset), callbacks=[stats])")
        self._seen.clear()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Starts to count afresh."""
        del epoch, logs
        for table in (self._table, self._waits):
            table.remove(table.export()[0])
        self._began, self._ended, self._counts = time.time(), 0.0, None
        self._begun, self._finished = [], {}

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes when a step begins."""
        del batch, logs
        self._begun.append(time.time())

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes when a step's results are there."""
        del logs
        self._finished[batch] = time.time()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Stops the clock and the count: validation is not training, even if its batches are watched."""
        del logs
        if self._table is not None and not self._ended:
            self._ended, self._counts = time.time(), self._read()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Puts the epoch's figures into `logs`, and prints them."""
        seconds = max((self._ended or time.time()) - self._began, 1e-9)
        counts = self._counts or self._read()
        self._seen |= counts.shapes
        figures = {
            "padding_share": 1 - counts.real / counts.padded if counts.padded else 0.0,
            "real_steps_per_second": counts.real / seconds,
            "padded_steps_per_second": counts.padded / seconds,
            "input_bound_share": min(self._idle(counts.waits) / seconds, 1.0),
            "distinct_shapes": len(self._seen),
            "distinct_lengths": len({steps for _, steps in self._seen}),
        }
        if logs is not None:
            logs.update(figures)
        if self._verbose:
            # Keras' own progress bar has not ended its line yet.
            print(("\n" if self.params.get("verbose") == 1 else "") + _line(epoch, figures), flush=True)

    def _read(self) -> _Counts:
        keys, values = (part.numpy() for part in self._table.export())
        rows, steps = np.divmod(keys, _SHIFT)
        return _Counts(
            shapes=set(zip(rows.tolist(), steps.tolist(), strict=True)),
            real=int(values[:, 1].sum()),
            padded=int((values[:, 0] * rows * steps).sum()),
            waits=self._waits.export()[1].numpy(),
        )

    def _idle(self, waits: Any) -> float:
        """Seconds in which the accelerator had nothing to do but to wait for batches."""
        finished = dict(self._finished)  # Keras' threads may still add to it
        return idle_seconds(waits, self._begun, [finished[step] for step in sorted(finished)])


def _line(epoch: int, figures: dict[str, float]) -> str:
    return (
        f"epoch {epoch + 1}: {figures['padding_share']:.1%} padding, "
        f"{figures['real_steps_per_second']:,.0f} steps/s ({figures['padded_steps_per_second']:,.0f} with padding), "
        f"{figures['input_bound_share']:.0%} of the time waiting for input, "
        f"{figures['distinct_shapes']} shapes of {figures['distinct_lengths']} lengths so far"
    )
