"""Unrelated files are kept: raw files, vocabularies and any other files in the output folder."""

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from lengthwise import columns as lw
from lengthwise.config import JobConfig
from lengthwise.errors import ConfigError, EnvironmentFailure, Interrupted
from lengthwise.job import run
from lengthwise.job.verification.data_set_verification import verify_data_set
from lengthwise.progress import Event
from prepare import jobs, words
from records.messages import sequence_example, write_records

FILES = words.files(count=2, records=40, invalid=0)
WORDS = {"raw.tfrecord": [sequence_example({"word": ["a", "c", "b"]}, {})] * 5}


def config(folder: Path, **changes: Any) -> JobConfig:
    return jobs.job(folder, words.COLUMNS, FILES, **{"buckets": {"boundaries": (6, 12)}, **changes})


def with_vocabulary(folder: Path, path: Path, entries: str = "a\nb\nc\n", **changes: Any) -> JobConfig:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(entries)
    column = lw.sequence_categorical_column_with_vocabulary_file("word", str(path))
    return jobs.job(folder, [column], WORDS, **changes)


def assert_refused(job: JobConfig, message: str) -> None:
    """That the job is refused, with and without `overwrite`, and changes nothing."""
    before = jobs.tree(job.output.path)
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match=message):
            run(job, workers=1, overwrite=overwrite)
    assert jobs.tree(job.output.path) == before


def test_an_output_folder_that_contains_the_input_is_refused(tmp_path):
    for split, records in zip(("train", "eval"), FILES.values(), strict=True):
        (tmp_path / "out" / f"Split-{split}").mkdir(parents=True)
        write_records(tmp_path / "out" / f"Split-{split}" / "data_tfrecord-00000-of-00001.gz", records)
    by_split = {split: (f"{tmp_path}/out/Split-{split}/*",) for split in ("train", "eval")}
    job = jobs.job(tmp_path, words.COLUMNS, (), inputs={"files": (), "by_split": by_split})
    assert_refused(job, r"without files that the job reads, .*out contains .*out/Split-eval/data_tfrecord")


@pytest.mark.parametrize("link", ["the output folder", "the input folder", "the input file"])
def test_an_input_that_is_in_the_output_folder_through_a_link_is_refused(tmp_path, link):
    config(tmp_path)
    (tmp_path / "out" / "deep").mkdir(parents=True)
    inside = tmp_path / "out" / "deep" / "part-0.tfrecord"
    (tmp_path / "raw" / "part-0.tfrecord").rename(inside)
    path, output = {
        "the output folder": (inside, tmp_path / "linked"),
        "the input folder": (tmp_path / "linked" / "deep" / inside.name, tmp_path / "out"),
        "the input file": (tmp_path / "linked.tfrecord", tmp_path / "out"),
    }[link]
    (tmp_path / "linked").symlink_to(tmp_path / "out")
    (tmp_path / "linked.tfrecord").symlink_to(inside)
    assert_refused(jobs.job(tmp_path, words.COLUMNS, [str(path)], output={"path": str(output)}), "without files that")


def test_an_output_folder_that_contains_a_vocabulary_is_refused(tmp_path):
    job = with_vocabulary(tmp_path, tmp_path / "words.txt")
    run(job, workers=1)
    again = with_vocabulary(tmp_path, tmp_path / "out" / "vocabulary" / "word.txt")
    assert_refused(again, r"without files that the job reads.*vocabulary/word\.txt")


@pytest.mark.parametrize(
    "name",
    ["Split-train/data_tfrecord-00000-of-00001", "Split-train/length-00006-00000-of-00001.tfrecord.gz",
     "vocabulary/words.txt", "rejects/mine", "report.html", "report.html.old", "schema.pbtxt"],
)  # fmt: skip
def test_unrelated_files_of_any_name_are_refused(tmp_path, name):
    (tmp_path / "out" / name).parent.mkdir(parents=True)
    (tmp_path / "out" / name).write_text("mine")
    assert_refused(config(tmp_path), f"expected a new or an empty folder, .*contains {name}")
    assert not (tmp_path / "out" / ".work").exists()


def test_overwriting_removes_no_unrelated_file(tmp_path):
    run(config(tmp_path), workers=1)
    others = {"thesis.txt", "Split-train/notes.txt", "vocabulary/words.txt", "rejects/mine", "report.html.old"}
    stale = "Split-train/length-00006-00007-of-00009.tfrecord.gz"  # readers of the whole folder would take it for data
    for name in [*others, stale]:
        (tmp_path / "out" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "out" / name).write_text("mine")
    manifest = run(config(tmp_path, shuffle={"seed": 5}), workers=1, overwrite=True)
    found = jobs.tree(tmp_path / "out")
    assert {name for name, content in found.items() if content == b"mine"} == others
    assert stale not in found
    assert not others & manifest.side_files.keys()


@pytest.mark.parametrize("content", ['{"name": "an extension of a browser"}', "[]", "no JSON"])
def test_an_unrelated_manifest_is_not_overwritten(tmp_path, content):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(content)
    with pytest.raises(ConfigError, match=r"manifest\.json is not a manifest of one; name another folder"):
        run(config(tmp_path), workers=1, overwrite=True)
    assert jobs.tree(tmp_path / "out") == {"manifest.json": content.encode()}


def test_an_input_replaced_by_as_many_bytes_is_reported_and_prepared_again_on_request(tmp_path):
    job = config(tmp_path)
    before = run(job, workers=1)
    raw = Path(job.inputs.files[0])
    write_records(raw, FILES["part-0.tfrecord"][::-1])
    assert raw.stat().st_size == before.inputs[0].bytes
    later = raw.stat().st_mtime_ns + 10**10
    os.utime(raw, ns=(later, later))
    with pytest.raises(ConfigError, match=rf"{raw} was changed, or was copied, since; prepare it again with --overwr"):
        run(job, workers=1)
    after = run(job, workers=1, overwrite=True)
    assert after.fingerprint == before.fingerprint
    assert after.shards != before.shards


def test_unchanged_inputs_are_not_prepared_again(tmp_path):
    job = config(tmp_path)
    run(job, workers=1)
    messages: list[str] = []
    run(job, workers=1, progress=lambda event: messages.append(event.message))
    assert "is complete already" in messages[-1]


@pytest.mark.parametrize("changed", ["c\na\nb\n", "a\nb\nc\nd\n", "a\na\n", ""])
def test_a_vocabulary_that_changes_while_the_job_runs_is_not_published(tmp_path, changed):
    path = tmp_path / "words.txt"

    def change(event: Event) -> None:
        path.write_text(changed)

    job = with_vocabulary(tmp_path, path)
    with pytest.raises((EnvironmentFailure, ConfigError), match=rf"{path}"):
        run(job, workers=1, progress=change)
    assert not (tmp_path / "out" / "manifest.json").exists()
    path.write_text("a\nb\nc\n")
    manifest = run(job, workers=1)
    assert [sequence.features["word"] for sequence in jobs.sequences(tmp_path / "out", manifest)] == [
        [[0], [2], [1]]
    ] * 5
    assert (tmp_path / "out" / "vocabulary" / "word.txt").read_text() == "a\nb\nc\n"
    assert verify_data_set(str(tmp_path / "out")).faults == []


def test_shards_without_sequences_are_not_in_the_data_set(tmp_path):
    few = {"part-0.tfrecord": FILES["part-0.tfrecord"][:8]}
    for compression in ("none", "gzip"):
        output = {"shard_bytes": 400, "compression": compression, "path": str(tmp_path / compression)}
        manifest = jobs.run(tmp_path, words.COLUMNS, few, output=output)
        shards = {shard.path: shard for shard in manifest.shards}
        assert all(shard.sequences for shard in shards.values())
        assert {name for name in jobs.tree(tmp_path / compression) if name.startswith("Split-")} == set(shards)
        for bucket in {shard.bucket for shard in manifest.shards}:
            numbers = [path.split("-", 3)[3].split(".")[0] for path, shard in shards.items() if shard.bucket == bucket]
            assert numbers == [f"{at:05d}-of-{len(numbers):05d}" for at in range(len(numbers))]


def _make_foreign(place: str, folder: Path) -> Path:
    """Puts unrelated files, or a link to them, in the way of the output; returns the folder of these files."""
    out, elsewhere = folder / "out", folder / "elsewhere"
    theirs = out / ".work" if place == "a folder" else elsewhere
    (theirs / "drafts").mkdir(parents=True)
    for name in ("notes.txt", "drafts/thesis.txt", "lock", "length-00006-00000-of-00001.tfrecord.gz"):
        (theirs / name).write_text("mine")
    if place == "a folder":
        return theirs
    link = out / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere if place != ".work/lock" else elsewhere / "lock")
    return theirs


PLACES = ["a folder", ".work", ".work/lock", "Split-train", "rejects", "vocabulary"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("holds", ["nothing", "a data set"])
def test_a_work_folder_of_others_and_links_in_the_output_folder_are_refused(tmp_path, place, holds):
    job = config(tmp_path)
    if holds == "a data set":
        run(job, workers=1)
        for path in (tmp_path / "out" / "Split-train").glob("*") if place == "Split-train" else ():
            path.unlink()
        if place == "Split-train":
            (tmp_path / "out" / place).rmdir()
    theirs = _make_foreign(place, tmp_path)
    before, published = jobs.tree(theirs), jobs.tree(tmp_path / "out")
    other = jobs.job(tmp_path, words.COLUMNS, list(job.inputs.files), shuffle={"seed": 5})
    for overwrite in (False, True) if holds == "nothing" else (True,):
        with pytest.raises(ConfigError, match=r"\.work is a work folder of `lengthwise` or missing|expected no links"):
            run(other, workers=1, overwrite=overwrite)
    if holds == "a data set":
        run(job, workers=1)  # it is complete: nothing is written or removed
    assert jobs.tree(theirs) == before
    assert jobs.tree(tmp_path / "out") == published


def test_links_in_the_work_folder_of_a_killed_run_are_refused(tmp_path):
    job = config(tmp_path)

    def press(event: Event) -> None:
        if event.stage == "write" and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        run(job, workers=1, progress=press)
    [key] = (path for path in (tmp_path / "out" / ".work").iterdir() if path.is_dir())
    for place in (key, key / "spilled", key / "publishing", key / "output"):
        theirs = tmp_path / f"elsewhere-{place.name}"
        theirs.mkdir()
        (theirs / "notes.txt").write_text("mine")
        if place.exists():
            place.rename(tmp_path / f"kept-{place.name}")
        place.symlink_to(theirs)
        with pytest.raises(ConfigError, match=rf"expected no links in the output folder, .*{place.name} is one"):
            run(job, workers=1)
        assert jobs.tree(theirs) == {"notes.txt": b"mine"}
        place.unlink()
        if (tmp_path / f"kept-{place.name}").exists():
            (tmp_path / f"kept-{place.name}").rename(place)
    run(job, workers=1)
    assert not (tmp_path / "out" / ".work").exists()


def test_a_link_in_place_of_a_file_is_replaced_and_its_target_stays(tmp_path):
    job = config(tmp_path)
    manifest = run(job, workers=1)
    theirs = tmp_path / "elsewhere"
    theirs.mkdir()
    for number, name in enumerate(("manifest.json", "schema.pbtxt", "report.html", manifest.shards[0].path)):
        path = tmp_path / "out" / name
        path.rename(theirs / str(number))
        path.symlink_to(theirs / str(number))
    before = jobs.tree(theirs)
    run(config(tmp_path, shuffle={"seed": 5}), workers=1, overwrite=True)
    assert jobs.tree(theirs) == before
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))
    assert verify_data_set(str(tmp_path / "out")).faults == []


def test_an_empty_work_folder_is_used(tmp_path):
    for number, content in enumerate(([], ["lock"])):
        work = tmp_path / str(number) / "out" / ".work"
        work.mkdir(parents=True)
        for name in content:
            (work / name).touch()
        run(config(tmp_path / str(number)), workers=1)
        assert not work.exists()
