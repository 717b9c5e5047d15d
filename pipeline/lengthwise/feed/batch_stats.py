"""`BatchStats`: what training gets of its batches, epoch by epoch.

    batches ─ watch ─ [clock | batches] ─ count by shape ─> fit ─ end of epoch ─> logs ─> TensorBoard, History, a line

A callback never sees a batch, and Keras fetches batches inside its compiled step. So `watch` counts in the dataset.
"""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lengthwise.columns import RESERVED_KEY, group_of, length_key, packed_keys
from lengthwise.errors import ConfigError
from lengthwise.feed.accelerator_waits import idle_seconds
from lengthwise.feed.datasets.epochs import plain
from lengthwise.feed.datasets.transformations import mapped


class _Counts(NamedTuple):
    """What was counted since the epoch began.

    Attributes:
        shapes: the (rows, T) of its batches, of groups (rows, T, T, ...).
        real: steps of sequences, of each group.
        padded: rows times T, of all batches, of each group.
        waits: `[batches, 2]`, seconds: from when to when each was waited for.
    """

    shapes: set[tuple[int, ...]]
    real: npt.NDArray[np.int64]
    padded: npt.NDArray[np.int64]
    waits: Any


class BatchStats(keras.callbacks.Callback):
    """A Keras callback that tells, for each epoch, how much of the batches was padding and whether input was the brake.

    It prints one line an epoch, and puts these into the epoch's `logs`, from where `History` and the TensorBoard
    callback take them, if it stands before them in the list of callbacks:

    - `padding_share`: the padded steps, as a share of rows times T; 0 to 1. Where columns form groups, of all
      groups together, and `padding_share_<group>` of each.
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
        key: a sequence feature, whose second dimension is T. None: one whose second dimension is not fixed. Where
            columns form groups, one for each group, by its name: `{"source": "letters", "target": "phonemes"}`;
            packed rows need none.
        verbose: whether the line is printed.

    Example:
        >>> stats = lw.BatchStats()
        >>> model.fit(stats.watch(train), callbacks=[stats, keras.callbacks.TensorBoard("logs")])
    """

    def __init__(self, *, key: str | Mapping[str, str] | None = None, verbose: bool = True) -> None:
        super().__init__()
        self._key = key
        self._verbose = verbose
        self._table: Any = None
        self._groups: tuple[str, ...] = ()
        self._seen: set[tuple[int, ...]] = set()
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
        spec = dataset.element_spec
        keys = self._sequence_keys(spec[0] if isinstance(spec, tuple) else spec)
        groups = tuple(map(group_of, keys))
        if self._table is None:
            self._groups = groups
            with tf.init_scope(), tf.device("CPU:0"):
                none = tf.zeros([1 + len(keys)], tf.int64)  # batches, steps of sequences of each group
                self._table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, none)
                never = tf.zeros([2], tf.float64)  # from when to when a batch was waited for
                self._waits = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float64, never)
        if groups != self._groups:
            raise ConfigError(
                f"BatchStats: expected the groups of what is watched already, {self._groups}, received {groups}; make "
                "another one for other columns"
            )
        # `zip` asks the clock first, then waits for the batch.
        clock = mapped(tf.data.Dataset.counter(), lambda _: tf.timestamp())
        watched = tf.data.Dataset.zip((clock, dataset)).map(plain(lambda began, batch: self._count(began, batch, keys)))
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False  # or batches would be counted before they are wanted
        return watched.with_options(options)

    def _sequence_keys(self, features: Any) -> dict[str, str]:
        """By the feature that has a group's lengths, the one whose second dimension is their T."""
        if not isinstance(features, dict):
            raise ConfigError(f"BatchStats: expected batches of features by key, received {type(features).__name__}")
        shapes = {
            key: spec.shape for key, spec in features.items() if spec.shape.rank is not None and spec.shape.rank >= 2
        }
        told = {length_key(group): key for group, key in self._key.items()} if isinstance(self._key, Mapping) else {}
        lengths = [key for key in features if key.endswith(RESERVED_KEY)]
        packed = {key: packed_keys(key)[0] for key in lengths if packed_keys(key)[0] in shapes}
        found = packed or told or ({RESERVED_KEY: ""} if RESERVED_KEY in features else {})
        if not found and lengths:
            raise ConfigError(
                f"BatchStats: expected the name of a sequence feature for each group, received batches with {lengths}; "
                "name them: BatchStats(key={'source': 'letters', ...})"
            )
        for key in found or (RESERVED_KEY,):
            self._check_lengths(features, key)
        for key in {*found.values()} - {"", *shapes}:
            raise ConfigError(f"BatchStats: key: expected one of {sorted(shapes)}, received {key!r}")
        return {key: feature or self._only_sequence(shapes) for key, feature in found.items()}

    def _check_lengths(self, features: Any, key: str) -> None:
        if key not in features:
            raise ConfigError(
                f"BatchStats: expected batches with {key!r} among their features; name it in `features` too"
            )
        if not features[key].dtype.is_integer:
            received = features[key].dtype.name
            raise ConfigError(f"BatchStats: expected integers in {key!r}, received {received}; cast them")

    def _only_sequence(self, shapes: dict[str, Any]) -> str:
        if isinstance(self._key, str):
            if self._key not in shapes:
                raise ConfigError(f"BatchStats: key: expected one of {sorted(shapes)}, received {self._key!r}")
            return self._key
        free = sorted(key for key, shape in shapes.items() if shape[1] is None) or sorted(shapes)
        if not free or (len(free) > 1 and shapes[free[0]][1] is not None):
            raise ConfigError(
                f"BatchStats: cannot tell which of {sorted(shapes)} is a sequence; name one: BatchStats(key=...)"
            )
        return free[0]

    def _count(self, began: Any, batch: Any, keys: Mapping[str, str]) -> Any:
        ended = tf.timestamp()
        features = batch[0] if isinstance(batch, tuple) else batch
        steps = [tf.shape(features[key], tf.int64) for key in keys.values()]
        shape = tf.strings.as_string(tf.stack([steps[0][0], *(one[1] for one in steps)]))
        at = tf.strings.reduce_join(shape, separator=" ")
        real = [tf.reduce_sum(tf.cast(features[key], tf.int64)) for key in keys]
        counted = self._table.insert(at, self._table.lookup(at) + tf.stack([1, *real]))
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
            "padding_share": _padding(counts.real.sum(), counts.padded.sum()),
            "real_steps_per_second": float(counts.real.sum()) / seconds,
            "padded_steps_per_second": float(counts.padded.sum()) / seconds,
            "input_bound_share": min(self._idle(counts.waits) / seconds, 1.0),
            "distinct_shapes": len(self._seen),
            "distinct_lengths": len({steps[1:] for steps in self._seen}),
        }
        for group, real, padded in zip(self._groups, counts.real, counts.padded, strict=True):
            if group:
                figures[f"padding_share_{group}"] = _padding(real, padded)
        if logs is not None:
            logs.update(figures)
        if self._verbose:
            # Keras' own progress bar has not ended its line yet.
            print(("\n" if self.params.get("verbose") == 1 else "") + _line(epoch, figures), flush=True)

    def _read(self) -> _Counts:
        keys, values = (part.numpy() for part in self._table.export())
        shapes = [tuple(map(int, key.split())) for key in keys.tolist()]
        steps = np.array([[rows * each for each in own] for rows, *own in shapes], np.int64)
        return _Counts(
            shapes={*shapes},
            real=values[:, 1:].sum(0),
            padded=(values[:, :1] * steps.reshape(len(shapes), -1)).sum(0),
            waits=self._waits.export()[1].numpy(),
        )

    def _idle(self, waits: Any) -> float:
        """Seconds in which the accelerator had nothing to do but to wait for batches."""
        finished = dict(self._finished)  # Keras' threads may still add to it
        return idle_seconds(waits, self._begun, [finished[step] for step in sorted(finished)])


def _padding(real: Any, padded: Any) -> float:
    return float(1 - real / padded) if padded else 0.0


def _line(epoch: int, figures: dict[str, float]) -> str:
    return (
        f"epoch {epoch + 1}: {figures['padding_share']:.1%} padding, "
        f"{figures['real_steps_per_second']:,.0f} steps/s ({figures['padded_steps_per_second']:,.0f} with padding), "
        f"{figures['input_bound_share']:.0%} of the time waiting for input, "
        f"{figures['distinct_shapes']} shapes of {figures['distinct_lengths']} lengths so far"
    )
