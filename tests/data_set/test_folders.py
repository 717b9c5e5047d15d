"""Several prepared folders, one for each day, read as one data set."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import lengthwise as lw
from lengthwise.columns import AnyColumn
from lengthwise.errors import ConfigError, DatasetError
from prepare.jobs import run
from records.messages import sequence_example

COLUMNS: list[AnyColumn] = [
    lw.sequence_categorical_column_with_identity("item", 100),
    lw.sequence_numeric_column("price"),
    lw.context_column("record", dtype="int64"),
    lw.context_column("bought", dtype="int64"),
]
SPLITS = {"fractions": {"train": 0.8, "eval": 0.2}}
DAYS = {"day-1": 150, "day-2": 90, "day-3": 60}
BOUNDARIES = {"day-1": [4, 8, 16], "day-2": [6, 16], "day-3": [4, 8, 16]}
COMPRESSION = {"day-1": "gzip", "day-2": "none", "day-3": "zlib"}


LAYOUTS = {
    "example": ["example"] * 3,
    "block": ["block"] * 3,
    "both": ["example", "block", "example"],
}


@pytest.fixture(scope="module", params=LAYOUTS)
def days(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days with different boundaries, compressions and layouts; prices rise from day to day."""
    root: Path = tmp_path_factory.mktemp(request.param)
    start = 0
    for place, (day, count) in enumerate(DAYS.items()):
        rng = np.random.default_rng(place)
        records = [_record(rng, start + number, 10.0 * place) for number in range(count)]
        output = {
            "path": str(root / day),
            "layout": LAYOUTS[request.param][place],
            "compression": COMPRESSION[day],
            "block_sequences": 8,
        }
        buckets = {"boundaries": BOUNDARIES[day]}
        run(root, COLUMNS, {f"{day}.tfrecord": records}, splits=SPLITS, output=output, buckets=buckets)
        start += count
    return root


def _record(rng: np.random.Generator, number: int, price: float) -> bytes:
    length = int(rng.integers(1, 17))
    steps = {
        "item": [[int(item)] for item in rng.integers(0, 100, length)],
        "price": [[float(value)] for value in rng.normal(price, 1, length)],
    }
    return sequence_example(steps, {"record": [number], "bought": [number % 2]})


def numbers(dataset: Any) -> list[int]:
    return [int(number) for batch in dataset for number in batch["record"]]


def rows(dataset: Any) -> list[tuple[int, tuple[list[int], list[float]]]]:
    """Each record's number, items and prices, without padding."""
    contents = []
    for batch in dataset:
        table = zip(*(batch[key].numpy() for key in ("record", "sequence_length", "item", "price")), strict=True)
        contents += [
            (int(n), (items[:length].tolist(), prices[:length].tolist())) for n, length, items, prices in table
        ]
    return contents


def test_it_is_one_data_set(days: Path) -> None:
    data = lw.open(days / "day-*")
    single_days = [lw.open(days / day) for day in DAYS]
    assert data.folders == tuple(str(days / day) for day in DAYS)
    assert data.manifests == tuple(day.manifest for day in single_days)
    assert data.splits == {split: sum(day.splits[split] for day in single_days) for split in ("eval", "train")}
    assert sum(data.splits.values()) == 300
    assert data.columns == single_days[0].columns
    prices = np.concatenate([batch["price"].numpy()[_real(batch)] for batch in data.read("train", batch_size=64)])
    moments = data.columns.moments["price"]
    np.testing.assert_allclose(moments, (prices.mean(dtype=float), prices.std(dtype=float)), rtol=1e-5)
    assert lw.open([days / "day-2", days / "day-?", days / "raw" / ".." / "day-2"]).folders == tuple(
        str(days / day) for day in ("day-2", "day-1", "day-3")
    )
    for name in ("folder", "manifest"):
        with pytest.raises(ConfigError, match="expected a data set of one folder, this one has 3"):
            getattr(data, name)


def _real(batch: Any) -> np.ndarray:
    return np.asarray(tf.sequence_mask(batch["sequence_length"], batch["price"].shape[1]))


def test_an_epoch_has_each_record_once_and_batches_hold_records_of_all_days(days: Path) -> None:
    data = lw.open(days / "day-*")
    expected = {number: row for day in DAYS for number, row in rows(lw.open(days / day).read(batch_size=64))}
    numbers_of_days = sorted(expected)
    read = data.read(batch_steps=256, seed=1, verify=True)
    batches = [batch["record"].numpy().tolist() for batch in read]
    assert sorted(number for batch in batches for number in batch) == numbers_of_days
    assert dict(rows(read)) == expected
    assert any(len({_day(number) for number in batch}) == 3 for batch in batches)
    if {manifest.layout for manifest in data.manifests} == {"example"}:
        assert len(read) == len(batches)
        assert {batch["item"].shape[1] for batch in read} == {4, 6, 8, 16}
    again = lw.read_prepared([days / day for day in DAYS], batch_steps=256, seed=1)
    assert [batch["record"].numpy().tolist() for batch in again] == batches
    shards = [numbers(data.read(batch_steps=256, num_shards=3, index=index)) for index in range(3)]
    assert sorted(number for shard in shards for number in shard) == numbers_of_days


def _day(number: int) -> int:
    return int(np.searchsorted(np.cumsum(list(DAYS.values())), number, side="right"))


def test_a_saved_iterator_continues(days: Path, tmp_path: Path) -> None:
    read = lw.open(days / "day-*").read(batch_steps=128, seed=2, mix={"*day-3": 1.5}, epochs=2)
    iterator = iter(read)
    for _ in range(5):
        next(iterator)
    saved = tf.train.Checkpoint(iterator=iterator).save(tmp_path / "at")
    rest = numbers(iterator)
    other = iter(lw.open(days / "day-*").read(batch_steps=128, seed=2, mix={"*day-3": 1.5}, epochs=2))
    tf.train.Checkpoint(iterator=other).restore(saved)
    assert numbers(other) == rest


def test_a_mix_repeats_and_leaves_out(days: Path) -> None:
    data = lw.open(days / "day-*")
    mix = {str(days / "day-1"): 0.25, "*/day-2": 2, "*/day-3": 0}
    read = data.read(batch_steps=256, mix=mix)
    first, second = numbers(read), numbers(read)
    days_of_first = Counter(map(_day, first))
    sizes = {day: lw.open(days / day).splits["train"] for day in DAYS}
    block = data.manifests[0].layout == "block"
    assert days_of_first[0] == pytest.approx(0.25 * sizes["day-1"], abs=3 * 8 if block else 3)
    assert days_of_first.keys() == {0, 1}
    times = Counter(first)
    assert {times[number] for number in first if _day(number) == 0} == {1}
    assert {times[number] for number in first if _day(number) == 1} == {2}
    assert days_of_first[1] == 2 * sizes["day-2"]
    assert block or {n for n in first if _day(n) == 0} != {n for n in second if _day(n) == 0}


@pytest.mark.parametrize(
    ("mix", "text"),
    [
        ({"day-9": 1}, r"mix: expected one of the folders \(.*day-1, .*day-3\), received 'day-9'"),
        ({"*/day-1": -1}, r"mix: expected a number from 0 to 1000 for '\*/day-1', received -1"),
        ({"*/day-1": True}, "received True"),
        ({"*/day-1": float("nan")}, "received nan"),
        ({"*/day-1": 1, "*/day-?": 2}, "mix: expected one number for each folder, .*day-1 matches"),
    ],
)
def test_a_wrong_mix_is_named(days: Path, mix: Any, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        lw.open(days / "day-*").read(batch_size=8, mix=mix)


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no folder with a manifest matches '.*day-\*'"):
        lw.open(tmp_path / "day-*")
    with pytest.raises(ConfigError, match="expected at least one prepared folder"):
        lw.open([])
    with pytest.raises(DatasetError, match="day-1/manifest.json: no manifest"):
        lw.open([tmp_path / "day-1"])


WORDS = lw.sequence_categorical_column_with_vocabulary_file
DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "size": ({"size": 101}, r"columns\[0\].num_buckets: expected 100, as in .*one/out, received 101"),
    "number": ({"more": 1}, r"columns: expected 2 entries, as in .*one/out, received 3 entries"),
    "vocabulary": ({"words": "b\na\n"}, r"columns\[1\].vocabulary_file: expected .*checksum \d+.*received .*checksum"),
}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _prepared(tmp_path_factory.mktemp("one") / "one")


def _prepared(root: Path, **difference: Any) -> Path:
    """A folder of one record that has a vocabulary file, with a difference."""
    root.mkdir()
    (root / "words.txt").write_text(difference.get("words", "a\nb\n"))
    columns: list[AnyColumn] = [
        lw.sequence_categorical_column_with_identity("item", difference.get("size", 100)),
        WORDS("word", str(root / "words.txt")),
        *([lw.sequence_numeric_column("price")] if "more" in difference else []),
    ]
    record = sequence_example({"item": [[1], [2]], "word": [["a"], ["b"]], "price": [[1.0], [2.0]]}, {})
    given = {"sequences": difference["sequences"]} if "sequences" in difference else {}
    output = {"layout": difference.get("layout", "block")}
    run(root, columns, {"a.tfrecord": [record]}, output=output, buckets={"boundaries": [4]}, **given)
    return root / "out"


@pytest.mark.parametrize("name", DIFFERENT)
def test_folders_that_differ_are_refused(name: str, one: Path, tmp_path: Path) -> None:
    difference, text = DIFFERENT[name]
    with pytest.raises(DatasetError, match=f"other/out: {text}"):
        lw.open([one, _prepared(tmp_path / "other", **difference)])


def test_the_same_vocabulary_in_two_files_is_the_same_and_jobs_agree_for_an_export(one: Path, tmp_path: Path) -> None:
    assert lw.open([one, _prepared(tmp_path / "same")]).splits == {"train": 2}
    data = lw.open([one, _prepared(tmp_path / "other", sequences={"over_long": "truncate_left"})])
    with pytest.raises(ConfigError, match="other/out: sequences.over_long: expected 'reject', as in .*one.*'truncate"):
        data.export(None, tmp_path / "served")


def test_a_service_reads_folders_of_one_layout(one: Path, tmp_path: Path) -> None:
    data = lw.open([one, _prepared(tmp_path / "other", layout="example")])
    with pytest.raises(ConfigError, match="service: expected folders of one layout, received both"):
        data.read(batch_size=8, service="localhost:1")
