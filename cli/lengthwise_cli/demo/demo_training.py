"""Trains a small model, with as many updates from the prepared data as from raw files by the textbook pipeline."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import keras

import lengthwise as lw
from lengthwise.feed import read_prepared
from lengthwise.manifest import Manifest
from lengthwise.tensor.tensor_types import Dataset
from lengthwise_cli.demo.textbook_pipeline import textbook_batches

BATCH_STEPS = 8192
_WARM_UP = 3
_FEATURES = ("phonemes", "sequence_length")


@dataclass(frozen=True, slots=True)
class Training:
    """The results of one training.

    Attributes:
        pipeline: the name of the pipeline that yielded the batches.
        loss: the mean over the sequences of the split `eval`, after the training.
        sequences: the number of sequences in the batches.
        updates: the number of updates of the model's weights, one per batch.
        padding_share: the share of padding among all steps of the batches.
        seconds: the duration of all updates, without the compilation by the first batches.
    """

    pipeline: str
    loss: float
    sequences: int
    updates: int
    padding_share: float
    seconds: float


def train_prepared(folder: str, manifest: Manifest) -> Training:
    """Trains for one epoch over the split `train`, by `lengthwise.feed`."""
    options = lw.Options(batch_steps=BATCH_STEPS, labels="syllables", even_weights=True, features=_FEATURES, seed=1)
    return _train("lengthwise", read_prepared(folder, "train", options=options), folder, manifest)


def train_textbook(
    paths: Sequence[str], vocabulary: Sequence[str], folder: str, manifest: Manifest, updates: int
) -> Training:
    """Trains with `updates` updates over raw files, by the textbook pipeline."""
    batches = textbook_batches(paths, vocabulary, BATCH_STEPS).repeat().take(updates)
    return _train("textbook tf.data", batches, folder, manifest)


def _make_model(manifest: Manifest) -> keras.Model:
    """A model that counts the syllables of a word from its phonemes: embedding, LSTM, one number."""
    keras.utils.set_random_seed(1)
    phonemes = lw.SequenceFeatures(manifest.model_columns.only("phonemes"))
    model = keras.Sequential([phonemes, keras.layers.LSTM(32), keras.layers.Dense(1)])
    model.compile("adam", "mse", jit_compile=False)
    return model


def _train(pipeline: str, batches: Dataset, folder: str, manifest: Manifest) -> Training:
    model = _make_model(manifest)
    for batch in batches.take(_WARM_UP):
        model.train_on_batch(*batch)
    counts = [0, 0, 0, 0]
    started = time.perf_counter()
    for batch in batches:
        model.train_on_batch(*batch)
        lengths = batch[0]["sequence_length"].numpy()
        rows, steps = batch[0]["phonemes"].shape
        counts = [a + b for a, b in zip(counts, (1, rows, rows * steps, int(lengths.sum())), strict=True)]
    seconds = time.perf_counter() - started
    updates, sequences, padded, real = counts
    unseen = read_prepared(folder, "eval", batch_steps=BATCH_STEPS, labels="syllables", features=_FEATURES)
    return Training(pipeline, model.evaluate(unseen, verbose=0), sequences, updates, 1 - real / padded, seconds)
