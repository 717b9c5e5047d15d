"""Records with valid but rare encodings: the job, `read_raw`, `count_raw` and serving accept all of them."""

from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.config import Buckets, Inputs, JobConfig, Output
from lengthwise.feed import count_raw, read_prepared, read_raw, serving_fn
from lengthwise.records.decoding.example_protos import Example, SequenceExample
from records.messages import write_records
from records.wire import END, START, VARINT, entry, field, in_example, integers, steps, tag, varint

COLUMNS = [
    lw.sequence_categorical_column_with_identity("item", 1000),
    lw.sequence_categorical_column_with_identity("more", 1000, values_per_step=2, required=False),
    lw.context_column("record", dtype="int64", default_value=-1),
]
ITEMS, MORE = [300, 2, 7], [[4, 500], [6, 8], [9, 1]]


def list_of(*parts: bytes) -> bytes:
    """A Feature whose list of integers is split into these parts."""
    return b"".join(field(3, part) for part in parts)


def chunk(*values: int) -> bytes:
    return field(1, b"".join(map(varint, values))) if values else b""


def loose(*values: int) -> bytes:
    return b"".join(tag(1, VARINT) + varint(value) for value in values)


def reversed_entry(key: bytes, value: bytes) -> bytes:
    return field(1, field(2, value) + field(1, key))


UNKNOWN = field(99, b"?") + tag(98, VARINT) + varint(5) + tag(97, START) + tag(96, VARINT) + b"\1" + tag(97, END)

# A Feature of several values, as a tf.Example has for a sequence, in a different encoding.
FEATURES: dict[str, Callable[..., bytes]] = {
    "packed": integers,
    "not packed": lambda *values: list_of(loose(*values)),
    "in two packed chunks": lambda *values: list_of(chunk(*values[:1]) + chunk(*values[1:])),
    "packed and not": lambda *values: list_of(chunk(*values[:1]) + loose(*values[1:])),
    "the oneof set twice": lambda *values: list_of(chunk(*values[:1]), chunk(*values[1:])),
    "the oneof set to another list first": lambda *values: field(1, field(1, b"text")) + integers(*values),
    "an empty chunk before": lambda *values: list_of(field(1, b"") + chunk(*values)),
    "foreign fields in a list": lambda *values: list_of(UNKNOWN + chunk(*values)),
    "foreign fields in a feature": lambda *values: UNKNOWN + integers(*values),
}
# Of a flat list TensorFlow's parser silently reads the first chunk; only in feature lists it refuses several.
IN_FIRST_CHUNK_ONLY = {"in two packed chunks", "packed and not", "the oneof set twice", "an empty chunk before"}
# A map of such entries, given as (key, value) pairs, in a different encoding.
MAPS: dict[str, Callable[..., list[bytes]]] = {
    "an entry's value before its key": lambda *pairs: [reversed_entry(*pair) for pair in pairs],
    "an entry's key twice": lambda *pairs: [field(1, field(1, b"x") + field(1, k) + field(2, v)) for k, v in pairs],
    "a key twice, the last counts": lambda *pairs: [entry(pairs[0][0], b""), *(entry(*pair) for pair in pairs)],
    "another entry without a value": lambda *pairs: [field(1, field(1, b"other")), *(entry(*pair) for pair in pairs)],
    "another entry without a key": lambda *pairs: [field(1, field(2, b"")), *(entry(*pair) for pair in pairs)],
    "foreign fields beside the entries": lambda *pairs: [UNKNOWN, *(entry(*pair) for pair in pairs)],
}


def record_of(pairs: list[tuple[bytes, bytes]], number: int, container: str, make: Callable[..., list[bytes]]) -> bytes:
    context = (b"record", integers(number))
    if container == "example":
        return in_example(*make(*pairs, context))
    return in_example(*make(context)) + field(2, b"".join(make(*pairs)))


def forms(container: str) -> dict[str, bytes]:
    """The same record in many encodings; `record` is its position."""
    found: dict[str, bytes] = {}
    nested = container == "sequence_example"

    def values(numbers: list[Any], feature: Callable[..., bytes] = integers) -> bytes:
        parts = [number if isinstance(number, list) else [number] for number in numbers]
        return steps(*(feature(*part) for part in parts)) if nested else feature(*chain(*parts))

    def unchanged(*pairs: tuple[bytes, bytes]) -> list[bytes]:
        return [entry(*pair) for pair in pairs]

    for name, feature in FEATURES.items():
        if name in IN_FIRST_CHUNK_ONLY and not nested:
            continue
        pairs = [(b"item", values(ITEMS, feature)), (b"more", values(MORE, feature))]
        found[name] = record_of(pairs, len(found), container, unchanged)
    pairs = [(b"item", values(ITEMS)), (b"more", values(MORE))]
    for name, make in MAPS.items():
        found[name] = record_of(pairs, len(found), container, make)
    if nested:

        def halves(*pairs: tuple[bytes, bytes]) -> list[bytes]:
            cut = len(steps(integers(ITEMS[0])))  # the values of a message field that occurs twice are merged
            return [
                field(1, field(1, k) + field(2, v[:cut]) + field(2, v[cut:])) if k == b"item" else entry(k, v)
                for k, v in pairs
            ]

        found["a list of steps in two pieces"] = record_of(pairs, len(found), container, halves)
        item, more = (field(2, entry(*pair)) for pair in pairs)
        number = in_example(entry(b"record", integers(len(found))))
        found["feature_lists twice"] = item + number + more
        found["context twice, between them"] = (
            item + in_example(entry(b"x", integers(1))) + more + in_example(entry(b"record", integers(len(found))))
        )
    else:
        item, more = (in_example(entry(*pair)) for pair in pairs)
        found["features twice"] = item + in_example(entry(b"record", integers(len(found)))) + more
    found["foreign fields of the record"] = UNKNOWN + record_of(pairs, len(found), container, unchanged)
    long = record_of(pairs, len(found), container, unchanged)
    assert long[1] < 128
    found["a length of more bytes than it needs"] = long[:1] + bytes([long[1] | 0x80, 0x80, 0]) + long[2:]
    return found


def batch_of(dataset: Any) -> dict[int, tuple[list[int], list[list[int]]]]:
    """By the record's number, its items and the others."""
    return {
        int(number): (items.tolist(), more.tolist())
        for batch in dataset
        for number, items, more in zip(
            batch["record"].numpy(), batch["item"].numpy(), batch["more"].numpy(), strict=True
        )
    }


def model() -> Any:
    import keras

    inputs = {
        "item": keras.Input([None], dtype="int64", name="item"),
        "more": keras.Input([None, 2], dtype="int64", name="more"),
    }
    score = keras.layers.Lambda(
        lambda x: keras.ops.sum(x["item"], axis=1) * 1000 + keras.ops.sum(x["more"], axis=(1, 2))
    )(inputs)
    return keras.Model(inputs, score)


@pytest.mark.parametrize("container", ["sequence_example", "example"])
def test_all_readers_accept_every_valid_encoding(tmp_path: Any, container: str, capfd: Any) -> None:
    from lengthwise.job import run

    table = forms(container)
    kind = SequenceExample if container == "sequence_example" else Example
    assert len(table) >= (20 if container == "sequence_example" else 14)
    assert all(kind.FromString(record).IsInitialized() for record in table.values())
    path = write_records(tmp_path / "forms.tfrecord", table.values())
    job = {"inputs": {"files": path, "format": container}, "columns": COLUMNS}
    expected = dict.fromkeys(range(len(table)), (ITEMS, MORE))
    assert count_raw(job) == {"valid": len(table)}
    assert batch_of(read_raw(job, batch_size=4, multiple_of=1)) == expected

    folder = str(tmp_path / "prepared")
    config = JobConfig(
        inputs=Inputs(files=(path,), format=container),
        columns=tuple(COLUMNS),
        buckets=Buckets(boundaries=(3,)),
        output=Output(path=folder),
    )
    run(config, workers=1)
    assert batch_of(read_prepared(folder, batch_size=4)) == expected

    serving = serving_fn(model(), COLUMNS, format=container)
    served = serving(tf.constant(list(table.values()))).numpy()
    np.testing.assert_array_equal(served, [sum(ITEMS) * 1000 + sum(chain(*MORE))] * len(table))
    serving.export(str(tmp_path / "served"))
    loaded = tf.saved_model.load(str(tmp_path / "served"))
    for name, record in table.items():  # each separately: another record must not hide a refused one
        assert loaded(tf.constant([record])).numpy() == served[0], name


@pytest.mark.parametrize("container", ["sequence_example", "example"])
def test_unparsable_records_among_them_are_skipped(tmp_path: Any, container: str) -> None:
    table = forms(container)
    bad = [b"\xff\xff", field(1, b"\x0a\x05abc"), field(1, field(1, b"\x0a\x05abc"))]
    records = [record for pair in zip(table.values(), bad * 9, strict=False) for record in pair]
    path = write_records(tmp_path / "forms.tfrecord", records)
    job = {"inputs": {"files": path, "format": container}, "columns": COLUMNS}
    counts = count_raw(job)
    found = batch_of(read_raw(job, batch_size=4, on_invalid="skip"))
    assert (len(found), set(counts)) == (counts["valid"], {"valid", "unparsable"})
    assert found == dict.fromkeys(range(len(table)), (ITEMS, MORE))
    serving = serving_fn(model(), COLUMNS, format=container)
    with pytest.raises((tf.errors.OpError, UnicodeDecodeError)):  # the message may quote bytes that are not text
        serving(tf.constant([records[0], bad[0]]))
