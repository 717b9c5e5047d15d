"""A small model, one epoch: from the prepared data, and from raw files by the textbook pipeline."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

import lengthwise as lw
from lengthwise.feed import read_prepared
from lengthwise.manifest import Manifest
from lengthwise_cli.demo.textbook import textbook_batches

BATCH_STEPS = 8192
_WARM_UP = 3
_FEATURES = ("phonemes", "sequence_length")


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one epoch of training came to.

    Attributes:
        pipeline: who fed it.
        loss: the mean over the epoch.
        sequences: how many were trained on.
        batches: in how many steps of training.
        padding_share: the share of padding among all steps of the batches.
        seconds: of the whole epoch, the first batches' compilation left out.
    """

    pipeline: str
    loss: float
    sequences: int
    batches: int
    padding_share: float
    seconds: float


def train_prepared(folder: str, manifest: Manifest) -> Epoch:
    """One epoch over the split `train`, by `lengthwise.feed`."""
    batches = read_prepared(folder, "train", batch_steps=BATCH_STEPS, labels="syllables", seed=1)
    chosen = batches.map(lambda features, labels: ({key: features[key] for key in _FEATURES}, labels))
    return _train("lengthwise", chosen, manifest)


def train_textbook(paths: Sequence[str], vocabulary: Sequence[str], manifest: Manifest) -> Epoch:
    """One epoch over raw files, by the textbook pipeline."""
    return _train("textbook tf.data", textbook_batches(paths, vocabulary, BATCH_STEPS), manifest)


def make_model(manifest: Manifest) -> Any:
    """Counts the syllables of a word from its phonemes: embedding, LSTM, one number."""
    keras.utils.set_random_seed(1)
    phonemes = lw.SequenceFeatures(manifest.model_columns.only("phonemes"))
    model = keras.Sequential([phonemes, keras.layers.LSTM(32), keras.layers.Dense(1)])
    model.compile("adam", "mse", jit_compile=False)
    return model


def _train(pipeline: str, batches: Any, manifest: Manifest) -> Epoch:
    model = make_model(manifest)
    for features, labels in batches.take(_WARM_UP):
        model.train_on_batch(features, labels)
    loss, counts = 0.0, [0, 0, 0, 0]
    started = time.perf_counter()
    for features, labels in batches:
        lengths = features["sequence_length"].numpy()
        rows, steps = features["phonemes"].shape
        loss += rows * float(model.train_on_batch(features, labels))
        counts = [a + b for a, b in zip(counts, (1, rows, rows * steps, int(lengths.sum())), strict=True)]
    seconds = time.perf_counter() - started
    number, sequences, padded, real = counts
    return Epoch(pipeline, loss / sequences, sequences, number, 1 - real / padded, seconds)
