"""`SequenceFeatures` compared with the layer of that name in tf_keras, and with Keras Embedding + concatenate.

    .venv/bin/python benchmarks/bench_layer.py --rounds 7 --json layer.json

Three columns: ids (100k x 32), a number, a vocabulary of 200 words (x 8). Lengths are between 3/4 T and T, as in a
bucket. The peer reads the sparse tensors of `parse_example`, with the words once as strings and once as ids;
`lengthwise` reads the padded ids of prepared data. Results are CPU ms per training step. Outputs are compared for
equality before measuring; contestants take turns, and medians are reported.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tf_keras

import lengthwise as lw

BATCH, IDS, WORDS = 256, 100_000, 200
PEER, PEER_OF_IDS = "tf_keras SequenceFeatures", "tf_keras SequenceFeatures, words as ids"
VOCABULARY = [f"word{i}" for i in range(WORDS)]
# A summed loss lets a compiler skip writing the outputs; in the last mode it must write them.
FORWARD, SUMMED, KEPT = "forward", "forward + backward of a sum", "forward + backward of given gradients, outputs kept"
Contestant = tuple[Callable[[Any], Any], Any]


def columns() -> list[Any]:
    ids = lw.sequence_categorical_column_with_identity("id", IDS)
    words = lw.sequence_categorical_column_with_identity("word", WORDS)
    chosen = [lw.embedding_column(ids, 32), lw.sequence_numeric_column("value"), lw.embedding_column(words, 8)]
    return list(lw.looked_up(chosen))


def peer_columns(of_ids: bool) -> list[Any]:
    fc = tf.feature_column
    ids = fc.sequence_categorical_column_with_identity("id", IDS)
    if of_ids:
        words = fc.sequence_categorical_column_with_identity("word", WORDS)
    else:
        words = fc.sequence_categorical_column_with_vocabulary_list("word", VOCABULARY)
    return [fc.embedding_column(ids, 32), fc.sequence_numeric_column("value"), fc.embedding_column(words, 8)]


def batches(steps: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the same batch dense and sparse."""
    random = np.random.default_rng(steps)
    lengths = random.integers(steps * 3 // 4, steps + 1, BATCH)
    lengths[0] = steps
    real = np.arange(steps) < lengths[:, None]
    dense = {
        "id": random.integers(0, IDS, (BATCH, steps)) * real,
        "word": random.integers(0, WORDS, (BATCH, steps)) * real,
        "value": (random.normal(size=(BATCH, steps)) * real).astype("float32"),
    }
    sparse = {key: tf.SparseTensor(np.argwhere(real), values[real], (BATCH, steps)) for key, values in dense.items()}
    tensors = {key: tf.constant(values) for key, values in dense.items()}
    return {**tensors, "sequence_length": tf.constant(lengths, tf.int64)}, sparse


class EmbeddingAndConcatenate(keras.layers.Layer):
    """The code without feature columns: no mask, and padding has the vector of id 0."""

    def __init__(self) -> None:
        super().__init__()
        self.ids, self.words = keras.layers.Embedding(IDS, 32), keras.layers.Embedding(WORDS, 8)

    def call(self, features: Any) -> Any:
        value = keras.ops.expand_dims(features["value"], -1)
        return keras.ops.concatenate([self.ids(features["id"]), value, self.words(features["word"])], axis=-1)


def contestants(steps: int, mode: str) -> dict[str, Contestant]:
    """Returns traced functions, their batches and tables; all tables contain the same weights."""
    dense, sparse = batches(steps)
    strings = {**sparse, "word": sparse["word"].with_values(tf.gather(VOCABULARY, sparse["word"].values))}
    ours, plain = lw.SequenceFeatures(columns(), return_lengths=True), EmbeddingAndConcatenate()
    peer, peer_of_ids = (tf_keras.experimental.SequenceFeatures(peer_columns(of_ids)) for of_ids in (False, True))
    peer(strings), peer_of_ids(sparse), plain(dense)
    tables = [ours.tables["id_embedding"], ours.tables["word_embedding"]]
    peer_tables, id_tables = (sorted(layer.weights, key=lambda table: -table.shape[0]) for layer in (peer, peer_of_ids))
    plain_tables = [plain.ids.embeddings, plain.words.embeddings]
    for table, *others in zip(tables, peer_tables, id_tables, plain_tables, strict=True):
        for other in others:
            other.assign(table.numpy())

    def function(layer: Any, weights: list[Any], jit: bool) -> Any:
        variables = [weight.value if isinstance(weight, keras.Variable) else weight for weight in weights]

        def forward(batch: Any) -> Any:
            outputs = layer(batch)
            return outputs[0] if isinstance(outputs, tuple) else outputs

        def summed(batch: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(forward(batch))
            return [loss, *tape.gradient(loss, variables)]

        def kept(batch: Any) -> Any:
            with tf.GradientTape() as tape:
                outputs = forward(batch)
            return [outputs, *tape.gradient(outputs, variables, output_gradients=gradient)]

        return tf.function({FORWARD: forward, SUMMED: summed, KEPT: kept}[mode], jit_compile=jit)

    gradient = tf.random.stateless_normal([BATCH, steps, 41], (1, 2))
    return {
        PEER: (function(peer, peer_tables, False), strings),
        PEER_OF_IDS: (function(peer_of_ids, id_tables, False), sparse),
        "ours": (function(ours, tables, False), dense),
        "ours, jit": (function(ours, tables, True), dense),
        "Keras Embedding + concatenate": (function(plain, plain_tables, False), dense),
        "Keras Embedding + concatenate, jit": (function(plain, plain_tables, True), dense),
    }


def require_equal(running: dict[str, Contestant], mode: str) -> None:
    """Checks that the outputs equal the peer's; Keras' Embedding differs on padding by design."""
    expected = dense_results(running[PEER], mode)
    for name in (PEER_OF_IDS, "ours", "ours, jit"):
        for ours, theirs in zip(dense_results(running[name], mode), expected, strict=True):
            rtol = 1e-3 if np.ndim(theirs) == 0 else 1e-4  # a loss adds up millions of float32
            np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-4)


def dense_results(contestant: Contestant, mode: str) -> list[Any]:
    function, batch = contestant
    result = function(batch)
    return [tf.convert_to_tensor(one).numpy() for one in ([result] if mode == FORWARD else result)]


def cpu_ms(contestant: Contestant, seconds: float) -> float:
    """Returns CPU milliseconds per call, over at least `seconds` of wall time."""
    function, batch = contestant
    calls, start, wall = 0, time.process_time(), time.perf_counter()
    while time.perf_counter() - wall < seconds:
        for _ in range(5):
            result = function(batch)
        calls += 5
    tf.convert_to_tensor(tf.nest.flatten(result)[0]).numpy()  # waits for the last call
    return (time.process_time() - start) / calls * 1000


def measure(steps: int, mode: str, rounds: int, seconds: float) -> dict[str, Any]:
    running = contestants(steps, mode)
    require_equal(running, mode)
    times: dict[str, list[float]] = {name: [] for name in running}
    for _ in range(rounds):
        for name, contestant in running.items():
            times[name].append(cpu_ms(contestant, seconds))
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        name: {
            "cpu_ms": round(medians[name], 3),
            "spread": [round(min(values), 3), round(max(values), 3)],
            "peer_over_this": round(medians[PEER] / medians[name], 2),
        }
        for name, values in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[64, 512])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="seconds per contestant and round")
    parser.add_argument("--json", help="write the results to this file")
    given = parser.parse_args()
    results = {}
    for steps in given.steps:
        for mode in (FORWARD, SUMMED, KEPT):
            name = f"T={steps}, {mode}"
            results[name] = measure(steps, mode, given.rounds, given.seconds)
            print(name)
            for contestant, figures in results[name].items():
                print(f"  {contestant:40} {figures['cpu_ms']:9.3f} ms  x{figures['peer_over_this']:.2f}", flush=True)
    if given.json:
        with open(given.json, "w") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
