"""Training a small transformer on a GPU with Keras on JAX, with each pipeline: how long the accelerator waits.

    KERAS_BACKEND=jax python -m benchmarks.bench_fit --data build/clock        the data of bench_clock

An epoch of `fit` over the pipeline is compared with an epoch over the same batches from memory. Set
JAX_COMPILATION_CACHE_DIR to share compiled programs between runs. TensorFlow is used only for data.
"""

import argparse
import json
import os
import time
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import tensorflow as tf

from benchmarks.bench_clock import pipelines
from benchmarks.data import raw_columns

SIZES = {"tiny": (32, 1, 2), "small": (128, 2, 4), "large": (512, 6, 8)}
NAMES = ("block_none", "example", "raw", "textbook")


class Transformer(keras.Model):
    """A transformer with the depth, layers and heads of the size; one label per sequence."""

    def __init__(self, depth: int, layers: int, heads: int) -> None:
        import lengthwise as lw

        super().__init__()
        ids, value, word, _ = raw_columns()
        columns = [lw.embedding_column(ids, 64), value, lw.embedding_column(word, 16)]
        self.features = lw.SequenceFeatures(columns, return_lengths=True)
        self.widen = keras.layers.Dense(depth)
        self.blocks = [
            (
                keras.layers.LayerNormalization(),
                keras.layers.MultiHeadAttention(heads, depth // heads),
                keras.layers.LayerNormalization(),
                keras.layers.Dense(4 * depth, activation="gelu"),
                keras.layers.Dense(depth),
            )
            for _ in range(layers)
        ]
        self.parts = [layer for block in self.blocks for layer in block]
        self.score = keras.layers.Dense(1, dtype="float32")

    def call(self, features: Any) -> Any:
        """Returns the predictions `[batch, 1]`."""
        steps, lengths = self.features(features)
        mask = keras.ops.arange(steps.shape[1])[None, :] < keras.ops.cast(lengths, "int32")[:, None]
        steps = self.widen(steps)
        for before, attend, between, wide, narrow in self.blocks:
            normed = before(steps)
            steps = steps + attend(normed, normed, attention_mask=mask[:, None, :])
            steps = steps + narrow(wide(between(steps)))
        weights = keras.ops.cast(mask, steps.dtype)[:, :, None]
        count = keras.ops.maximum(keras.ops.sum(weights, 1), 1)
        return self.score(keras.ops.sum(steps * weights, 1) / count)


class Cached(keras.utils.PyDataset):
    """Yields batches from memory."""

    def __init__(self, batches: list[Any]) -> None:
        super().__init__()
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> Any:
        return self._batches[index]


def as_label(features: Any, record: Any, *weights: Any) -> Any:
    return (features, tf.cast(tf.reshape(record, [-1, 1]) % 2, tf.float32), *weights)


def measure(dataset: Any, size: str) -> dict[str, Any]:
    """Returns the figures of one pipeline: seconds of the better of two epochs."""
    cached = [tf.nest.map_structure(lambda tensor: tensor.numpy(), batch) for batch in dataset]
    alone = _timed(lambda: sum(1 for _ in dataset))
    keras.utils.set_random_seed(1)
    model = Transformer(*SIZES[size])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
    fit = {"epochs": 1, "verbose": 0}
    compiled = _timed(lambda: model.fit(Cached(cached), shuffle=False, **fit), rounds=1)
    accelerator = _timed(lambda: model.fit(Cached(cached), shuffle=False, **fit))
    fed = _timed(lambda: model.fit(dataset, **fit))
    real = sum(int(features["sequence_length"].sum()) for features, *_ in cached)
    return {
        "batches": len(cached),
        "shapes": len({features["id"].shape for features, *_ in cached}),
        "padded_to_real": sum(features["id"].size for features, *_ in cached) / real,
        "compile_s": compiled - accelerator,
        "feed_alone_s": alone,
        "accelerator_alone_s": accelerator,
        "fit_s": fed,
        "steps_per_s_fit": real / fed,
        "steps_per_s_accelerator": real / accelerator,
        "waits": 1 - accelerator / fed,
    }


def _timed(action: Any, rounds: int = 2) -> float:
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        spent.append(time.perf_counter() - start)
    return min(spent)


def main() -> None:
    """Measures and prints one line per pipeline; `--json` writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="FOLDER", default=os.path.join("build", "clock"))
    parser.add_argument("--names", nargs="*", default=list(NAMES))
    parser.add_argument("--budget", type=int, default=65_536)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--max-shapes", type=int, default=8)
    parser.add_argument("--json", help="write the results to this file")
    options = parser.parse_args()
    from lengthwise.manifest import load_manifest

    tf.config.set_visible_devices([], "GPU")
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    boundaries = load_manifest(os.path.join(options.data, "example")).boundaries
    made = pipelines(options.data, options.budget, boundaries, max_shapes=options.max_shapes)
    results = {}
    for name in options.names:
        found = results[name] = measure(made[name](1).map(as_label), options.size)
        print(name, json.dumps({key: round(value, 3) for key, value in found.items()}), flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
