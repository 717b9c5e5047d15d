"""`lengthwise verify`: every way in which a data set can differ from its manifest is found and named."""

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lengthwise.errors import DatasetError
from lengthwise.manifest import Manifest, load_manifest, without_files


def test_a_data_set_as_it_was_written_passes(original, lengthwise) -> None:
    result = lengthwise("verify", original.prepared)
    assert "all match the manifest" in result.stdout
    result = lengthwise("verify", original.prepared, "--quiet")
    assert result.output == ""


def _shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("Split-train/*.tfrecord.gz"))


def _missing(folder: Path) -> str:
    path = _shards(folder)[0]
    path.unlink()
    return f"{path.name}: expected a file, it is missing"


def _swapped(folder: Path) -> str:
    first, second, *_ = _shards(folder)
    first.rename(folder / "aside")
    second.rename(first)
    (folder / "aside").rename(second)
    return f"{first.name}: expected"


def _flipped(folder: Path) -> str:
    path = _shards(folder)[1]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return f"{path.name}: expected bytes of crc32c"


def _truncated(folder: Path) -> str:
    path = _shards(folder)[-1]
    data = path.read_bytes()
    path.write_bytes(data[:-20])
    return f"{path.name}: expected {len(data):,} bytes, found {len(data) - 20:,}"


def _longer(folder: Path) -> str:
    path = _shards(folder)[0]
    path.write_bytes(path.read_bytes() + b"more")
    return f"{path.name}: expected"


def _emptied(folder: Path) -> str:
    path = _shards(folder)[0]
    path.write_bytes(b"")
    return "found 0"


def _a_folder(folder: Path) -> str:
    path = _shards(folder)[0]
    path.unlink()
    path.mkdir()
    return f"{path.name}: expected a file, it is missing or unreadable"


def _repeated(folder: Path) -> str:
    """A shard rewritten by another program is valid, but not the original."""
    import gzip

    path = _shards(folder)[0]
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) * 2))
    return "records, found"


def _added(folder: Path) -> str:
    shard = _shards(folder)[0]
    (shard.parent / "length-00004-00009-of-00010.tfrecord.gz").write_bytes(shard.read_bytes())
    return "length-00004-00009-of-00010.tfrecord.gz: the manifest does not know this file"


def _no_rejects(folder: Path) -> str:
    next((folder / "rejects").iterdir()).unlink()
    return "rejects: expected rejects not_finite 1, found none"


def _another_schema(folder: Path) -> str:
    with open(folder / "schema.pbtxt", "a") as stream:
        stream.write("# mine\n")
    return "schema.pbtxt: expected bytes of crc32c"


BROKEN = [
    _missing,
    _swapped,
    _flipped,
    _truncated,
    _longer,
    _emptied,
    _a_folder,
    _repeated,
    _added,
    _no_rejects,
    _another_schema,
]


@pytest.mark.parametrize("damage", BROKEN, ids=lambda damage: damage.__name__.strip("_"))
def test_a_changed_file_is_found(damage: Callable[[Path], str], copy, lengthwise) -> None:
    expected = damage(copy.prepared)
    result = lengthwise("verify", copy.prepared, "--json", code=1)
    outcome = json.loads(result.stdout.splitlines()[-1])
    faults = [f"{os.path.basename(fault['path'])}: {fault['problem']}" for fault in outcome["faults"]]
    assert [fault for fault in faults if expected in fault], faults
    assert f"{len(faults)} faults" in result.stderr
    assert "Do not use it" in result.stderr
    assert expected.split(":")[0] in lengthwise("verify", copy.prepared, code=1).stdout.replace("\n", "")


EDITS: dict[str, tuple[Callable[[Any], object], str]] = {
    "more records read": (lambda m: m["counts"].update(read=201), "expected read = written + rejected"),
    "fewer rejects": (lambda m: m["counts"].update(rejected={}, read=199), "expected rejects none, found not_finite 1"),
    "more sequences": (lambda m: m["counts"].update(sequences=500), "expected 500 sequences in the shards"),
    "an input with more records": (lambda m: m["inputs"][0].update(records=7), "records read from the input files"),
    "a shard's records": (lambda m: m["shards"][0].update(records=1000), "expected 1,000 records"),
    "a shard's sequences": (lambda m: m["shards"][0].update(sequences=1000), "expected 1,000 sequences"),
    "a shard's steps": (lambda m: m["shards"][0].update(steps=7), "expected 7 steps"),
    "a shard's padded steps": (lambda m: m["shards"][0].update(padded_steps=7), "padded steps, the manifest says 7"),
    "a shard's bytes": (lambda m: m["shards"][0].update(bytes=7), "expected 7 bytes"),
    "a shard's checksum": (lambda m: m["shards"][0].update(crc32c=7), "expected bytes of crc32c 0x00000007"),
    "a shard's bucket": (lambda m: m["shards"][0].update(bucket=2), "expected lengths of 9 to 16 steps"),
    "a bucket that does not exist": (lambda m: m["shards"][0].update(bucket=9), "expected a bucket below 3"),
    "a shard that is gone": (lambda m: m["shards"].pop(), "the manifest does not know this file"),
    "the lengths": (lambda m: m["lengths"]["train"].update({"1": 999}), "its lengths of split 'train' are not those"),
    "a boundary": (lambda m: m.update(boundaries=[3, 8, 16]), "expected lengths of 0 to 3 steps"),
    "a statistic": (lambda m: m["statistics"]["x"].update(max=1e9), "it was edited after it was written"),
    "the configuration": (lambda m: m["config"]["shuffle"].update(seed=5), "it was edited after it was written"),
    "the fingerprint": (lambda m: m.update(fingerprint="0"), "it was edited after it was written"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_manifest_is_found(name: str, copy, lengthwise) -> None:
    edit, expected = EDITS[name]
    manifest = copy.manifest
    edit(manifest)
    (copy.prepared / "manifest.json").write_text(json.dumps(manifest))
    result = lengthwise("verify", copy.prepared, "--json", code=1)
    faults = json.loads(result.stdout.splitlines()[-1])["faults"]
    problems = [fault["problem"] for fault in faults]
    assert [problem for problem in problems if expected in problem], problems
    edited = [fault for fault in faults if "it was edited after it was written" in fault["problem"]]
    assert [fault["path"] for fault in edited] == ["manifest.json"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "could not read it as one"),
        ("[]", "could not read it as one"),
        ('{"format_version": 99}', "format version 99 is newer"),
    ],
)
def test_an_unreadable_manifest_is_reported(content: str, message: str, copy, lengthwise) -> None:
    (copy.prepared / "manifest.json").write_text(content)
    assert message in lengthwise("verify", copy.prepared, code=1).stderr


@pytest.mark.parametrize("path", ["/etc/passwd", "../other/shard", "Split-train/../../shard", "file:///etc/passwd"])
@pytest.mark.parametrize("where", ["shard", "side file", "vocabulary"])
def test_a_manifest_that_names_files_elsewhere_is_refused(where: str, path: str, copy, lengthwise) -> None:
    manifest = copy.manifest
    if where == "shard":
        manifest["shards"][0]["path"] = path
    elif where == "side file":
        manifest["side_files"][path] = 0
    else:
        manifest["columns"][0] = {"kind": "vocabulary", "key": "w", "vocabulary_file": path}
    (copy.prepared / "manifest.json").write_text(json.dumps(manifest))
    for command in ("verify", "inspect"):
        error = lengthwise(command, copy.prepared, code=1).stderr
        assert f"expected a path within the data set's folder, received {path!r}" in error.replace("\n", " ")


def test_without_a_manifest_there_is_no_data_set(place, lengthwise) -> None:
    assert "no manifest" in lengthwise("verify", place.folder, code=1).stderr


def test_a_changed_vocabulary_is_found(place, lengthwise) -> None:
    (place.folder / "words.txt").write_text("red\ngreen\nblue\n")
    text = (place.folder / "job.yaml").read_text()
    (place.folder / "job.yaml").write_text(
        text.replace("vocabulary_list: [red, green, blue]", "vocabulary_file: words.txt")
    )
    lengthwise("prepare", place.job, "--workers", "1", "-q")
    assert "all match the manifest" in lengthwise("verify", place.prepared).stdout
    path = place.prepared / "vocabulary" / "words.txt"
    path.write_text("green\nred\nblue\n")
    assert "vocabulary/words.txt: expected bytes of crc32c" in lengthwise("verify", place.prepared, code=1).stderr


def test_formatting_alone_is_no_edit(copy, lengthwise) -> None:
    (copy.prepared / "manifest.json").write_text(json.dumps(copy.manifest))
    lengthwise("verify", copy.prepared)
    assert isinstance(load_manifest(str(copy.prepared)), Manifest)


@pytest.mark.parametrize("name", [*EDITS, "the digest", "no digest"])
def test_only_verify_uses_an_altered_manifest(name: str, copy, lengthwise, tmp_path) -> None:
    manifest = copy.manifest
    if name in EDITS:
        EDITS[name][0](manifest)
    elif name == "the digest":
        manifest["digest"] = "0" * 64
    else:
        del manifest["digest"]
    (copy.prepared / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match=r"manifest\.json: it was altered after it was written.*`lengthwise verify`"):
        load_manifest(str(copy.prepared))
    for command in (["inspect"], ["rejects"], ["report", "-o", tmp_path / "page.html"]):
        assert "it was altered after it was written" in lengthwise(*command, copy.prepared, code=1).stderr
    lengthwise("verify", copy.prepared, code=1)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m["shards"][0].update(bucket=3), "expected buckets below 3"),
        (lambda m: m["shards"][0].update(bucket=2**40), "expected buckets below 3"),
        (lambda m: m["shards"][0].update(bucket=-1), "greater than or equal to 0"),
        (lambda m: m["counts"]["rejected"].update(not_finite=-1), "greater than or equal to 0"),
        (lambda m: m["lengths"]["train"].update({str(2**40): 2**20}), "expected"),
        (lambda m: m.update(boundaries=[8, 4, 16]), "increasing"),
        (lambda m: m.update(boundaries=[]), "expected"),
        (lambda m: m["lengths"]["train"].update({str(2**31 - 1): 2**40}), None),
        (lambda m: m["counts"].update(read=10**30, sequences=2**63), None),
    ],
)
def test_impossible_numbers_are_refused_or_shown_in_bounded_memory(edit, message, copy, lengthwise, tmp_path) -> None:
    manifest = copy.manifest
    edit(manifest)
    (copy.prepared / "manifest.json").write_text(without_files(json.dumps(manifest), lambda _: False))
    tracemalloc.start()
    for command in (["inspect"], ["report", "-o", tmp_path / "page.html"]):
        error = lengthwise(*command, copy.prepared, code=0 if message is None else 1).stderr
        assert message is None or message in error
    assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    tracemalloc.stop()
    lengthwise("verify", copy.prepared, code=1)
