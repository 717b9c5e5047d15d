"""`BatchStats`: padding, throughput and input waits of training, per epoch.

    batches ─ watch ─ [clock | batches] ─ count by shape ─> fit ─ end of epoch ─> logs ─> TensorBoard, History, output

Callbacks do not receive batches, and Keras fetches batches inside its compiled step. So `watch` counts in the dataset.
"""

import time
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from lengthwise.columns import RESERVED_KEY, group_of, length_key, packed_keys
from lengthwise.errors import ConfigError
from lengthwise.feed.accelerator_waits import idle_seconds
from lengthwise.feed.datasets.epochs import without_autograph
from lengthwise.feed.datasets.transformations import mapped
from lengthwise.tensor.tensor_types import Dataset, Shape, Structure, StructureSpec, Tensor, TensorSpec

_HashTable: TypeAlias = tf.lookup.experimental.MutableHashTable


class _EpochCounts(NamedTuple):
    """Counts since the start of the epoch.

    Attributes:
        shapes: the (rows, T) of its batches, with groups (rows, T, T, ...).
        real: the steps of sequences, by group.
        padded: rows times T of all batches, by group.
        waits: `[batches, 2]`, seconds: the start and the end of the wait for each batch.
    """

    shapes: set[tuple[int, ...]]
    real: npt.NDArray[np.int64]
    padded: npt.NDArray[np.int64]
    waits: npt.NDArray[np.float64]


class BatchStats(keras.callbacks.Callback):
    """A Keras callback that reports, for each epoch, the share of padding and whether input limited the speed.

    It prints one line per epoch and adds these to the epoch's `logs`, where `History` and the TensorBoard callback
    read them if they follow it in the list of callbacks:

    - `padding_share`: the padded steps, as a share of rows times T; 0 to 1. If columns form groups, the share of
      all groups together, and `padding_share_<group>` of each.
    - `real_steps_per_second`, `padded_steps_per_second`: steps of sequences, and rows times T, by wall time without
      validation.
    - `input_bound_share`: the share of that time in which the host waited for the next batch and the accelerator was
      idle: all dispatched steps were finished. A wait while a step still runs, as with JAX and on GPUs, does not
      count. So it is the time that faster input would save.
    - `distinct_shapes`, `distinct_lengths`: the number of (rows, T) and of T since training began: XLA compiles a
      program for each shape.

    Batches are counted when they leave the dataset. If batches are prefetched (as by `tf.distribute` and JAX), the
    last few of an endless dataset count for the previous epoch. With `steps_per_execution`, waits include the host's
    own time: a step counts as finished when all steps of its execution are.

    Args:
        key: a sequence feature, whose second dimension is T. None: a feature whose second dimension is not fixed.
            If columns form groups, a feature for each group, by the group's name:
            `{"source": "letters", "target": "phonemes"}`; not needed with packed rows.
        verbose: whether the line is printed.

    Example:
        >>> stats = lw.BatchStats()
        >>> model.fit(stats.watch(train), callbacks=[stats, keras.callbacks.TensorBoard("logs")])
    """

    def __init__(self, *, key: str | Mapping[str, str] | None = None, verbose: bool = True) -> None:
        super().__init__()
        self._key = key
        self._verbose = verbose
        self._table: _HashTable = None  # until a dataset is watched
        self._groups: tuple[str, ...] = ()
        self._seen: set[tuple[int, ...]] = set()
        self._counts: _EpochCounts | None = None
        self._began = self._ended = 0.0
        self._begun: list[float] = []
        self._finished: dict[int, float] = {}
        self.async_safe = True  # so Keras calls `on_train_batch_end` in a thread, when the step's results are available

    def watch(self, dataset: Dataset) -> Dataset:
        """The same batches, with counting.

        Args:
            dataset: of `read_prepared` or `read_raw`, as passed to `fit`; `(features, labels, ...)` or features alone.

        Raises:
            ConfigError: lengths or T cannot be determined from its features.
        """
        spec = dataset.element_spec
        keys = self._sequence_keys(spec[0] if isinstance(spec, tuple) else spec)
        groups = tuple(map(group_of, keys))
        if self._table is None:
            self._groups = groups
            with tf.init_scope(), tf.device("CPU:0"):
                zeros = tf.zeros([1 + len(keys)], tf.int64)  # batches, steps of sequences of each group
                self._table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, zeros)
                no_wait = tf.zeros([2], tf.float64)  # the start and the end of the wait for a batch
                self._waits = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float64, no_wait)
        if groups != self._groups:
            raise ConfigError(
                f"BatchStats: expected the groups of the dataset that is watched already, {self._groups}, received "
                f"{groups}; create another BatchStats for other columns"
            )
        # `zip` asks the clock first, then waits for the batch.
        clock = mapped(tf.data.Dataset.counter(), lambda _: tf.timestamp())
        watched = tf.data.Dataset.zip((clock, dataset)).map(
            without_autograph(lambda began, batch: self._count(began, batch, keys))
        )
        options = tf.data.Options()
        # A prefetch would count batches before they are requested.
        options.experimental_optimization.inject_prefetch = False
        return watched.with_options(options)

    def _sequence_keys(self, features: StructureSpec) -> dict[str, str]:
        """By the feature that has a group's lengths, the feature whose second dimension is their T."""
        if not isinstance(features, dict):
            raise ConfigError(f"BatchStats: expected batches of features by key, received {type(features).__name__}")
        shapes = {
            key: spec.shape for key, spec in features.items() if spec.shape.rank is not None and spec.shape.rank >= 2
        }
        lengths = [key for key in features if key.endswith(RESERVED_KEY)]
        sequences: dict[str, str | None] = {}
        sequences |= {key: packed_keys(key)[0] for key in lengths if packed_keys(key)[0] in shapes}
        if not sequences and isinstance(self._key, Mapping):
            sequences |= {length_key(group): key for group, key in self._key.items()}
        if not sequences and RESERVED_KEY in features:
            sequences[RESERVED_KEY] = self._key if isinstance(self._key, str) else None
        if not sequences and lengths:
            raise ConfigError(
                f"BatchStats: expected the name of a sequence feature for each group, received batches with {lengths}; "
                "name them: BatchStats(key={'source': 'letters', ...})"
            )
        for key in sequences or (RESERVED_KEY,):
            self._check_lengths(features, key)
        for feature in {*sequences.values()} - {None, *shapes}:
            raise ConfigError(f"BatchStats: key: expected one of {sorted(shapes)}, received {feature!r}")
        return {key: _only_sequence(shapes) if feature is None else feature for key, feature in sequences.items()}

    def _check_lengths(self, features: Mapping[str, TensorSpec], key: str) -> None:
        if key not in features:
            raise ConfigError(
                f"BatchStats: expected batches with {key!r} among their features; name it in `features` too"
            )
        if not features[key].dtype.is_integer:
            received = features[key].dtype.name
            raise ConfigError(f"BatchStats: expected integers in {key!r}, received {received}; cast them")

    def _count(self, began: Tensor, batch: Structure, keys: Mapping[str, str]) -> Structure:
        ended = tf.timestamp()
        features = batch[0] if isinstance(batch, tuple) else batch
        steps = [tf.shape(features[key], tf.int64) for key in keys.values()]
        shape = tf.strings.as_string(tf.stack([steps[0][0], *(shape[1] for shape in steps)]))
        at = tf.strings.reduce_join(shape, separator=" ")
        real = [tf.reduce_sum(tf.cast(features[key], tf.int64)) for key in keys]
        counted = self._table.insert(at, self._table.lookup(at) + tf.stack([1, *real]))
        waited = self._waits.insert(tf.cast(began * 1e6, tf.int64), tf.stack([began, ended]))
        with tf.control_dependencies([counted, waited]):
            return tf.nest.map_structure(tf.identity, batch)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Raises `ConfigError` if no dataset is watched."""
        del logs
        if self._table is None:
            raise ConfigError("BatchStats: nothing is watched; call model.fit(stats.watch(dataset), callbacks=[stats])")
        self._seen.clear()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Resets the counts."""
        del epoch, logs
        for table in (self._table, self._waits):
            table.remove(table.export()[0])
        self._began, self._ended, self._counts = time.time(), 0.0, None
        self._begun, self._finished = [], {}

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Records when a step begins."""
        del batch, logs
        self._begun.append(time.time())

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Records when a step's results are available."""
        del logs
        self._finished[batch] = time.time()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Stops the clock and the counts: validation is excluded, even if its batches are watched."""
        del logs
        if self._table is not None and not self._ended:
            self._ended, self._counts = time.time(), self._read()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Adds the epoch's figures to `logs`, and prints them."""
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

    def _read(self) -> _EpochCounts:
        keys, values = (part.numpy() for part in self._table.export())
        shapes = [tuple(map(int, key.split())) for key in keys.tolist()]
        steps = np.array([[rows * T for T in lengths] for rows, *lengths in shapes], np.int64)
        return _EpochCounts(
            shapes={*shapes},
            real=values[:, 1:].sum(0),
            padded=(values[:, :1] * steps.reshape(len(shapes), -1)).sum(0),
            waits=self._waits.export()[1].numpy(),
        )

    def _idle(self, waits: npt.NDArray[np.float64]) -> float:
        """Seconds in which the accelerator was idle, waiting for batches."""
        finished = dict(self._finished)  # Keras' threads may still add to it
        return idle_seconds(waits, self._begun, [finished[step] for step in sorted(finished)])


def _only_sequence(shapes: Mapping[str, Shape]) -> str:
    """The first feature whose second dimension is not fixed; if there is none, the only feature."""
    free = sorted(key for key, shape in shapes.items() if shape[1] is None) or sorted(shapes)
    if not free or (len(free) > 1 and shapes[free[0]][1] is not None):
        raise ConfigError(
            f"BatchStats: cannot determine which of {sorted(shapes)} is a sequence; name it: BatchStats(key=...)"
        )
    return free[0]


def _padding(real: float, padded: float) -> float:
    return float(1 - real / padded) if padded else 0.0


def _line(epoch: int, figures: dict[str, float]) -> str:
    return (
        f"epoch {epoch + 1}: {figures['padding_share']:.1%} padding, "
        f"{figures['real_steps_per_second']:,.0f} steps/s ({figures['padded_steps_per_second']:,.0f} with padding), "
        f"{figures['input_bound_share']:.0%} of the time waiting for input, "
        f"{figures['distinct_shapes']} shapes of {figures['distinct_lengths']} lengths so far"
    )
