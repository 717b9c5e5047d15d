"""Raw records of every kind of column, and their expected values in batches."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from lengthwise import columns as lw
from lengthwise.columns import AnyColumn
from records.messages import example, sequence_example, write_records

TAGS = ("a", "b", "c")
COUNT_DEFAULT = 7
PAIR_DEFAULT = -1.0
LONGEST = 40


def all_columns() -> list[AnyColumn]:
    return [
        lw.embedding_column(lw.sequence_categorical_column_with_identity("item", 1000), 4),
        lw.sequence_categorical_column_with_vocabulary_list(
            "tags", TAGS, oov="zero", values_per_step=2, weight_key="tag_weight"
        ),
        lw.sequence_categorical_column_with_vocabulary_list("word", TAGS, num_oov_buckets=3),
        lw.sequence_numeric_column("value"),
        lw.sequence_numeric_column("pair", shape=(2,), default_value=PAIR_DEFAULT),
        lw.sequence_numeric_column("count", dtype="int64", default_value=COUNT_DEFAULT, required=False),
        lw.categorical_column_with_vocabulary_list("device", TAGS, num_oov_buckets=3, required=False),
        lw.embedding_column(
            lw.categorical_column_with_identity(
                "topics", 50, oov="zero", values_per_step=3, weight_key="topic_weight", required=False
            ),
            4,
        ),
        lw.context_column("record", dtype="int64"),
        lw.context_column("y"),
        lw.context_column("w", default_value=1.0),
        lw.context_column("name", dtype="string", shape=(2,)),
    ]


@dataclass(frozen=True)
class Sample:
    """One record: its raw values, and its expected arrays in batches."""

    raw: dict[str, Any]
    context: dict[str, Any]
    arrays: dict[str, np.ndarray]

    @property
    def length(self) -> int:
        return len(self.arrays["item"])

    def sequence_example(self) -> bytes:
        return sequence_example(self.raw, self.context)

    def example(self) -> bytes:
        flat = {
            key: [value for step in steps for value in np.atleast_1d(step).tolist()] for key, steps in self.raw.items()
        }
        return example({**flat, **self.context})


def make_samples(count: int, seed: int = 0, *, whole_steps: bool = False) -> list[Sample]:
    """Records of log-normal lengths; with `whole_steps` each step has the maximum number of values."""
    rng = np.random.default_rng(seed)
    lengths = np.clip(np.rint(rng.lognormal(2.0, 0.8, count)), 1, LONGEST).astype(int)
    return [_make(number, int(length), rng, whole_steps) for number, length in enumerate(lengths)]


def _make(number: int, length: int, rng: np.random.Generator, whole: bool) -> Sample:
    items = rng.integers(0, 1000, length)
    counts = rng.integers(-5, 5, length)
    values = rng.standard_normal(length).astype(np.float32)
    pairs = rng.standard_normal((length, 2)).astype(np.float32)
    words = rng.choice(["a", "b", "c", "?"], length)
    tags = [list(rng.choice([*TAGS, "?"], 2 if whole else rng.integers(0, 3))) for _ in range(length)]
    weights = [rng.random(len(step)).astype(np.float32).tolist() for step in tags]
    raw = {
        "item": items.tolist(),
        "tags": [[str(tag) for tag in step] for step in tags],
        "tag_weight": weights,
        "word": [str(word) for word in words],
        "value": values.tolist(),
        "pair": pairs.tolist(),
    }
    if number % 3:
        raw["count"] = counts.tolist()
    arrays = {
        "item": items,
        "tags": _multi([[TAGS.index(t) if t in TAGS else -1 for t in step] for step in tags], -1, np.int64),
        "tag_weight": _multi(weights, 0.0, np.float32),
        "word": np.array([TAGS.index(word) if word in TAGS else _bucket(word) for word in words], np.int64),
        "value": values,
        "pair": pairs,
        "count": counts if number % 3 else np.full(length, COUNT_DEFAULT),
    }
    context: dict[str, Any] = {"record": number, "y": float(number % 7), "name": [f"n{number}", "x"]}
    if number % 5:
        context["w"] = 0.5
    if number % 4:
        context["device"] = str(rng.choice([*TAGS, "?"]))
    if number % 3:
        context["topics"] = rng.integers(-2, 60, rng.integers(1, 4)).tolist()
        context["topic_weight"] = [0.5] * len(context["topics"])
    return Sample(raw, context, arrays)


def _multi(steps: list[list[Any]], fill: float, dtype: Any) -> np.ndarray:
    return np.array([[*step, *[fill] * (2 - len(step))] for step in steps], dtype).reshape(-1, 2)


def _bucket(word: str) -> int:
    import tensorflow as tf

    return 3 + int(tf.strings.to_hash_bucket_fast(str(word), 3))


PADDING = {"pair": PAIR_DEFAULT, "count": COUNT_DEFAULT}


def expected(sample: Sample, steps: int) -> dict[str, np.ndarray]:
    """The number of rows of a batch of this T."""
    rows: dict[str, np.ndarray] = {"sequence_length": np.array(sample.length)}
    for key, values in sample.arrays.items():
        padding = np.full((steps - len(values), *values.shape[1:]), PADDING.get(key, 0), values.dtype)
        rows[key] = np.concatenate([values, padding])
    rows["record"] = np.array(sample.context["record"])
    rows["y"] = np.array(sample.context["y"], np.float32)
    rows["w"] = np.array(sample.context.get("w", 1.0), np.float32)
    device, topics = sample.context.get("device"), sample.context.get("topics", [])
    missing = [-1] * (3 - len(topics))
    rows["device"] = np.array(-1 if device is None else TAGS.index(device) if device in TAGS else _bucket(device))
    rows["topics"] = np.array([topic if 0 <= topic < 50 else -1 for topic in topics] + missing)
    rows["topic_weight"] = np.array([0.5] * len(topics) + [0.0] * len(missing), np.float32)
    rows["topics_count"] = np.array(len(topics))
    rows["name"] = np.array([name.encode() for name in sample.context["name"]], object)
    return rows


def write_files(folder: str, samples: list[Sample], files: int, container: str = "sequence_example") -> list[str]:
    os.makedirs(folder, exist_ok=True)
    paths = []
    for number in range(files):
        records = [getattr(sample, container)() for sample in samples[number::files]]
        name = f"part-{number}.tfrecord" + (".gz" if number % 2 else "")
        paths.append(write_records(os.path.join(folder, name), records))
    return paths
