"""`lengthwise rejects`: listed by reason and column, and extracted to be prepared again."""

import gzip
import json
import random

import pytest

from cli.conftest import make_place, make_record
from lengthwise.manifest import load_manifest
from lengthwise.records.framing import frame


@pytest.fixture
def damaged(tmp_path, lengthwise):
    """A data set with rejects of several reasons, damage among them."""
    place = make_place(tmp_path, bad=2, fraction=0.5)
    rng = random.Random(2)
    good = [make_record(3, rng, f"more {number}") for number in range(3)]
    content = bytearray(frame([good[0], make_record(20, rng, "long"), b"\xff" * 300, *good[1:]]))
    content[20] ^= 1
    (place.raw / "c.tfrecord").write_bytes(content[:-5])
    settings = ["--set", "limits.damaged_files=1", "--set", "limits.max_record_bytes=100000"]
    lengthwise("prepare", place.job, *settings, "--workers", "1", "-q")
    return place


def test_rejects_are_listed_by_reason_and_column(damaged, lengthwise) -> None:
    listed = json.loads(lengthwise("rejects", damaged.prepared, "--json").stdout)
    counts = {(one["reason"], one["column"]): one["records"] for one in listed["rejects"]}
    assert counts == {
        ("not_finite", "x"): 2,
        ("damaged_record", ""): 1,
        ("over_long", ""): 1,
        ("unparsable", ""): 1,
        ("damaged_file", ""): 1,
    }
    [first, _] = [one for one in listed["examples"] if one["reason"] == "not_finite"]
    assert (first["file"], first["index"]) == (str(damaged.raw / "a.tfrecord"), 0)
    assert first["detail"] == "expected a finite number, received nan"


def test_the_list_is_a_table_for_people(damaged, lengthwise) -> None:
    text = lengthwise("rejects", damaged.prepared, "--examples", "1").stdout
    assert "expected a finite number, received nan" in text
    assert text.count("a.tfrecord") == 1


@pytest.mark.parametrize(
    ("options", "count"),
    [(["--reason", "over_long"], 1), (["--reason", "over_long", "--reason", "not_finite"], 3), (["--column", "x"], 2)],
)
def test_reason_and_column_choose(options: list[str], count: int, damaged, lengthwise) -> None:
    listed = json.loads(lengthwise("rejects", damaged.prepared, *options, "--json").stdout)
    assert sum(one["records"] for one in listed["rejects"]) == count


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_extracted_records_are_prepared_again_once_the_spec_is_mended(suffix: str, damaged, lengthwise) -> None:
    again = damaged.folder / f"again.tfrecord{suffix}"
    text = lengthwise("rejects", damaged.prepared, "--extract", again).stdout
    assert "4 records written" in text
    assert "left out, as no whole record is kept of them: " in text
    assert "damaged_record 1" in text
    assert "damaged_file 1" in text
    content = gzip.decompress(again.read_bytes()) if suffix else again.read_bytes()
    assert content.count(b"record 0") == 1
    mended = ["--set", "sequences.over_long=truncate_right", "-o", damaged.folder / "again", "--workers", "1", "-q"]
    lengthwise("prepare", damaged.job, again, *mended, "--set", "limits.rejected_fraction=1")
    counts = load_manifest(str(damaged.folder / "again")).counts
    assert (counts.read, counts.written, counts.rejected) == (4, 1, {"not_finite": 2, "unparsable": 1})


def test_an_extract_is_replaced_when_asked(damaged, lengthwise) -> None:
    (damaged.folder / "x").write_bytes(b"old")
    lengthwise("rejects", damaged.prepared, "--reason", "unparsable", "--extract", damaged.folder / "x", "--overwrite")
    assert (damaged.folder / "x").read_bytes() == frame([b"\xff" * 300])


def test_rejects_are_found_in_a_folder_of_any_name(damaged, lengthwise) -> None:
    damaged.prepared.rename(damaged.folder / "out [1]*")
    listed = json.loads(lengthwise("rejects", damaged.folder / "out [1]*", "--json").stdout)
    assert len(listed["rejects"]) == 5


def test_extracted_bytes_are_the_raw_ones(damaged, lengthwise) -> None:
    lengthwise("rejects", damaged.prepared, "--reason", "unparsable", "--extract", damaged.folder / "x")
    assert (damaged.folder / "x").read_bytes() == frame([b"\xff" * 300])


def test_a_data_set_without_rejects_says_so(tmp_path, lengthwise) -> None:
    place = make_place(tmp_path, bad=0)
    lengthwise("prepare", place.job, "--workers", "1", "-q")
    assert lengthwise("rejects", place.prepared).stdout == "no rejects\n"


def test_a_folder_that_is_no_data_set_is_told(place, lengthwise) -> None:
    assert "expected a prepared data set, or a folder with rejects/" in lengthwise("rejects", place.raw, code=1).stderr
