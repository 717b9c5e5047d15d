"""The effect of a budget of steps on learning, with and without `even_weights`, compared with batches of equal rows.

Two real data sets, block layout, the same number of updates and the same learning rate, several seeds:
  cmudict   syllables of a word from its phonemes (squared error, one label per row)
  ml-100k   the next film of a user (cross-entropy, one label per step), if LENGTHWISE_WHEELS contains it

Equal batches have the mean number of rows of the batches by budget. The loss is the mean over all rows or steps of the
split `eval`, independent of batches.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import lengthwise as lw
from benchmarks.real import available, real_data
from benchmarks.runner import spread
from lengthwise.columns import AnyColumn

EQUAL, BUDGET, EVEN = "batches of equal rows", "a budget of steps", "a budget of steps, even_weights"
_WORDS = 30_000
_FILMS = 2_000


@dataclass(frozen=True, slots=True)
class Task:
    """A learning task.

    Attributes:
        data: the prepared data.
        budget: padded steps per batch.
        options: the labels of the readers.
        make: creates a compiled model.
    """

    data: lw.DataSet
    budget: int
    options: dict[str, Any]
    make: Callable[[], Any]


def _prepare(name: str, files: list[str], columns: list[AnyColumn]) -> lw.DataSet:
    folder = os.path.join(tempfile.gettempdir(), f"lengthwise-learning-{name}")
    return lw.prepare(
        {
            "inputs": {"files": files},
            "columns": columns,
            "splits": {"fractions": {"train": 0.9, "eval": 0.1}},
            "output": {"layout": "block", "block_sequences": 32},
        },
        output=folder,
        overwrite=True,
    )


def syllables() -> Task:
    """A task: count the syllables of words."""
    from lengthwise_cli.demo.dictionary_records import encode_word, read_words, write_files
    from lengthwise_cli.demo.example_configs import example_config

    words = read_words()
    chosen = np.random.default_rng(0).choice(len(words), _WORDS, replace=False)
    folder = tempfile.mkdtemp()
    files = write_files([encode_word(words[number]) for number in sorted(chosen)], folder)
    data = _prepare("cmudict", files, list(lw.load_config(example_config("cmudict.yaml")).columns))

    def make() -> Any:
        features = lw.SequenceFeatures(data.columns.only("phonemes"))
        model = keras.Sequential([features, keras.layers.LSTM(32), keras.layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.005), "mse")
        return model

    return Task(data, 2048, {"labels": "syllables"}, make)


def films() -> Task:
    """A task: predict the next film."""
    films = lw.sequence_categorical_column_with_identity("id", _FILMS)
    data = _prepare("ml-100k", list(real_data("ml-100k").files), [films])

    def make() -> Any:
        features = lw.SequenceFeatures(data.columns, embedding_dim=32)
        model = keras.Sequential(
            [features, keras.layers.GRU(32, return_sequences=True), keras.layers.Dense(_FILMS, activation="softmax")]
        )
        model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
        return model

    return Task(data, 2048, {"next_step": "id"}, make)


def compare(task: Task, updates: int, seeds: int) -> dict[str, Any]:
    """Returns the loss of each contestant after that many updates, over all seeds."""
    rows = sum(1 for _ in task.data.read(batch_steps=task.budget))
    equal = round(task.data.splits["train"] / rows)
    contestants = {
        EQUAL: {"batch_size": equal},
        BUDGET: {"batch_steps": task.budget},
        EVEN: {"batch_steps": task.budget, "even_weights": True},
    }
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for seed in range(seeds):
        for name, options in contestants.items():
            keras.utils.set_random_seed(seed)
            train = task.data.read("train", epochs=None, seed=seed, **task.options, **options)
            model = task.make()
            model.fit(train, steps_per_epoch=updates, epochs=1, verbose=0)
            found[name].append(_loss(model, task))
    against = [[one / base for one, base in zip(losses, found[EQUAL], strict=True)] for losses in found.values()]
    return {
        "updates": updates,
        "epochs": round(updates / rows, 1),
        "rows": equal,
        "budget": task.budget,
        "seeds": seeds,
        "loss": {name: spread(losses) for name, losses in found.items()},
        "against_equal": {name: spread(ratios) for name, ratios in zip(found, against, strict=True)},
    }


def _loss(model: Any, task: Task) -> float:
    loss, total, weight = keras.losses.get(model.loss), 0.0, 0.0
    for features, labels, *weights in task.data.read("eval", batch_steps=4096, shuffle=False, **task.options):
        predicted = np.asarray(model.predict_on_batch(features))
        labels = np.asarray(labels).reshape(-1, 1) if not weights else labels
        each = np.asarray(loss(labels, predicted))
        own = np.asarray(weights[0]) if weights else np.ones(each.shape)
        total, weight = total + float((each * own).sum()), weight + float(own.sum())
    return total / weight


def main() -> None:
    """Compares the contestants on each data set; `--json` writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", help="write the results to this file")
    options = parser.parse_args()
    tasks = {"cmudict": syllables, **({"ml-100k": films} if "ml-100k" in available() else {})}
    results = {}
    for name, task in tasks.items():
        results[name] = compare(task(), options.updates, options.seeds)
        print(name, json.dumps(results[name]), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=1)


if __name__ == "__main__":
    main()
