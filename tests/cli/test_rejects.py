"""`lengthwise rejects`: listed by reason and column, and extracted to be prepared again."""

import gzip
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.conftest import make_place, make_record
from lengthwise.job.verification.data_set_verification import verify_data_set
from lengthwise.manifest import MANIFEST_NAME, load_manifest, without_files
from lengthwise.records.container.frame_reading import read_blocks
from lengthwise.records.container.frame_writing import frame
from lengthwise_cli.main import main
from records.messages import header


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
    counts = {(group["reason"], group["column"]): group["records"] for group in listed["rejects"]}
    assert counts == {
        ("not_finite", "x"): 2,
        ("damaged_record", ""): 1,
        ("over_long", ""): 1,
        ("unparsable", ""): 1,
        ("damaged_file", ""): 1,
    }
    [first, _] = [example for example in listed["examples"] if example["reason"] == "not_finite"]
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
    assert sum(group["records"] for group in listed["rejects"]) == count


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_extracted_records_are_prepared_again_once_the_spec_is_fixed(suffix: str, damaged, lengthwise) -> None:
    again = damaged.folder / f"again.tfrecord{suffix}"
    text = lengthwise("rejects", damaged.prepared, "--extract", again).stdout
    assert "4 records written" in text
    assert "skipped, because the records are incomplete: " in text
    assert "damaged_record 1" in text
    assert "damaged_file 1" in text
    content = gzip.decompress(again.read_bytes()) if suffix else again.read_bytes()
    assert content.count(b"record 0") == 1
    fixed = ["--set", "sequences.over_long=truncate_right", "-o", damaged.folder / "again", "--workers", "1", "-q"]
    lengthwise("prepare", damaged.job, again, *fixed, "--set", "limits.rejected_fraction=1")
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


def test_a_folder_that_is_not_a_data_set_is_reported(place, lengthwise) -> None:
    assert "expected a prepared data set, or a folder with rejects/" in lengthwise("rejects", place.raw, code=1).stderr


# ------------------------------------------------------------------------------------------------------------- damage


@pytest.fixture(scope="module", params=["none", "gzip"])
def three(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set with three rejects, not to be changed."""
    place = make_place(tmp_path_factory.mktemp(request.param), bad=3, fraction=0.5)
    options = ["--set", f"output.compression={request.param}", "--workers", "1", "-q"]
    assert CliRunner().invoke(main, ["prepare", place.job, *options]).exit_code == 0
    return place.prepared


def _starts(path: Path) -> list[int]:
    with open(path, "rb") as stream:
        return [offset for block in read_blocks(stream) for offset in block.offsets]


def _change(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Changes the records' bytes, within the compression."""
    content = path.read_bytes()
    path.write_bytes(gzip.compress(change(gzip.decompress(content))) if path.suffix == ".gz" else change(content))


def _flip(path: Path, byte: int) -> None:
    _change(path, lambda content: content[:byte] + bytes([content[byte] ^ 4]) + content[byte + 1 :])


def _folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGED: dict[str, tuple[Callable[[Path], object], list[str], int]] = {
    "a bit of the second record": (lambda path: _flip(path, _starts(path)[1] + 30), ["record 1, at byte "], 2),
    "a bit of the second length": (lambda path: _flip(path, _starts(path)[1] + 2), ["record 1, at byte "], 1),
    "cut within a record": (lambda path: _change(path, lambda c: c[:-9]), ["record 2, at byte ", "ends inside"], 2),
    "cut between records": (
        lambda path: _change(path, lambda c: c[: _starts(path)[2]]),
        ["crc32c", "expected rejects not_finite 3, found not_finite 2"],
        2,
    ),
    "emptied": (lambda path: path.write_bytes(b""), ["crc32c", "expected rejects not_finite 3, found none"], 0),
    "deleted": (lambda path: path.unlink(), ["expected a file, it is missing", "found none"], 0),
    "a folder in its place": (_folder_instead, ["expected a file, it is missing or unreadable", "found none"], 0),
    "a text in its place": (
        lambda path: path.write_text("hello, this is no TFRecord file"),
        ["record 0, at byte 0"],
        0,
    ),
    "raw records in its place": (
        lambda path: path.write_bytes((path.parents[2] / "raw" / "b.tfrecord").read_bytes()),
        ["record 0, at byte 0: expected a reject", "; and 99 more", "crc32c"],
        0,
    ),
    "its records in another order": (
        lambda path: _change(path, lambda c: c[_starts(path)[1] :] + c[: _starts(path)[1]]),
        ["crc32c"],
        3,
    ),
    "its records twice": (
        lambda path: _change(path, lambda c: c * 2),
        ["crc32c", "expected rejects not_finite 3, found not_finite 6"],
        6,
    ),
    "a length that it does not hold": (
        lambda path: path.write_bytes(header(2**39) + b"abc"),
        ["record 0, at byte 0: ", "found none"],
        0,
    ),
    "a byte more": (lambda path: path.write_bytes(path.read_bytes() + b"x"), ["record 3, at byte "], 3),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_every_command_reports_damaged_rejects(name: str, three: Path, tmp_path: Path, lengthwise) -> None:
    damage, texts, readable = DAMAGED[name]
    shutil.copytree(three.parent / "raw", tmp_path / "raw")
    folder = shutil.copytree(three, tmp_path / "prepared")
    [path] = (folder / "rejects").iterdir()
    damage(path)

    listed = lengthwise("rejects", folder, code=1)
    assert [text for text in [path.name, *texts] if text not in listed.stderr] == []
    content = json.loads(lengthwise("rejects", folder, "--json", code=1).stdout)
    assert sum(group["records"] for group in content["rejects"]) == readable
    assert all(fault["path"].startswith("rejects") and fault["problem"] for fault in content["faults"])
    lengthwise("rejects", folder, "--column", "x", "--reason", "not_finite", code=1)

    extracted = lengthwise("rejects", folder, "--extract", tmp_path / "out", code=1)
    assert f"{readable} records written" in extracted.stdout
    assert texts[0] in extracted.stderr
    assert len(_starts(tmp_path / "out")) == readable

    error = lengthwise("report", folder, "-o", tmp_path / "page.html", code=1).stderr
    assert [text for text in texts if text not in error] == []
    assert not (tmp_path / "page.html").exists()

    problems = " ".join(fault.problem for fault in verify_data_set(str(folder)).faults)
    assert [text for text in texts if text not in problems] == []


def test_damaged_rejects_of_a_failed_job_are_reported(tmp_path, lengthwise) -> None:
    place = make_place(tmp_path, bad=3, fraction=0)
    lengthwise("prepare", place.job, "--set", "output.compression=none", "--workers", "1", "-q", code=1)
    lengthwise("rejects", place.prepared)
    [path] = (place.prepared / "rejects").iterdir()
    _flip(path, _starts(path)[1] + 30)
    listed = lengthwise("rejects", place.prepared, code=1)
    assert "not_finite" in listed.stdout
    assert f"{path}: record 1, at byte " in listed.stderr
    path.write_bytes(b"")
    assert f"{path}: expected at least one reject, found none" in lengthwise("rejects", place.prepared, code=1).stderr


def test_rejects_that_were_moved_elsewhere_are_no_fault(three: Path, tmp_path: Path, lengthwise) -> None:
    """Rejects as kept by TFX: in a separate artifact, with a copy of the manifest."""
    prepared, preparation = shutil.copytree(three, tmp_path / "prepared"), tmp_path / "preparation"
    preparation.mkdir()
    os.rename(prepared / "rejects", preparation / "rejects")
    assert verify_data_set(str(prepared)).faults != []
    text = (prepared / MANIFEST_NAME).read_text()
    (prepared / MANIFEST_NAME).write_text(without_files(text, lambda path: path.startswith("rejects/")))
    shutil.copy(prepared / MANIFEST_NAME, preparation)
    assert verify_data_set(str(prepared)).faults == []
    assert "are in another folder" in lengthwise("rejects", prepared, code=1).stderr
    assert "not_finite" in lengthwise("rejects", preparation).stdout
    lengthwise("report", preparation, "-o", tmp_path / "page.html")
    [path] = (preparation / "rejects").iterdir()
    _change(path, lambda content: content[: _starts(path)[2]])
    assert "expected rejects not_finite 3, found not_finite 2" in lengthwise("rejects", preparation, code=1).stderr
    lengthwise("report", preparation, "-o", tmp_path / "page.html", "--overwrite", code=1)
