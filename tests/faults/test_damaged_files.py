"""Damaged input through the whole job: what can be read is kept, the damage is a reject or a named error."""

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faults import machine
from lengthwise.config import JobConfig
from lengthwise.errors import DataLimitError, EnvironmentFailure
from lengthwise.job import run
from lengthwise.manifest import Manifest
from lengthwise.progress import Event
from lengthwise.records.rejected.reject_files import read_rejects
from lengthwise.reject_reasons import Reject
from prepare import jobs, words
from records.messages import framed, offsets

RECORDS = words.files(count=1, records=50, invalid=0)["part-0.tfrecord"]
CONTENT = b"".join(map(framed, RECORDS))
STARTS = offsets(RECORDS)


def flip(byte: int) -> bytes:
    return CONTENT[:byte] + bytes([CONTENT[byte] ^ 4]) + CONTENT[byte + 1 :]


DAMAGED: dict[str, tuple[bytes, int, str, int, int]] = {
    # name: content, records written, reason, index and offset of the reject
    "a bit in the data": (flip(STARTS[7] + 20), 49, "damaged_record", 7, STARTS[7]),
    "a bit in a length": (flip(STARTS[7]), 7, "damaged_file", 7, STARTS[7]),
    "a truncated tail": (CONTENT[:-3], 49, "damaged_file", 49, STARTS[49]),
    "cut inside a header": (CONTENT[: STARTS[9] + 5], 9, "damaged_file", 9, STARTS[9]),
    "a text file": (b"label,value\n1,2\n" * 40, 0, "damaged_file", 0, 0),
    "a gzip cut in the middle": (gzip.compress(CONTENT, mtime=0)[:-8], 50, "damaged_file", 50, len(CONTENT)),
}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[JobConfig, Manifest, dict[str, list[Reject]]]:
    """One job over a file of each kind of damage, an intact one and an empty one; the buckets are planned."""
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "raw").mkdir()
    for name, (content, *_) in DAMAGED.items():
        (folder / "raw" / name).write_bytes(content)
    (folder / "raw" / "sound").write_bytes(CONTENT)
    (folder / "raw" / "empty").write_bytes(b"")
    config = jobs.job(folder, words.COLUMNS, [f"{folder}/raw/*"], buckets={"count": 2}, limits={
        "rejected_fraction": 1.0, "damaged_files": 5})  # fmt: skip
    manifest = run(config, workers=1)
    rejects: dict[str, list[Reject]] = {}
    with open(folder / "out" / "rejects" / "rejects-00000-of-00001.tfrecord.gz", "rb") as stream:
        for reject in read_rejects(stream):
            rejects.setdefault(os.path.basename(reject.file), []).append(reject)
    return config, manifest, rejects


@pytest.mark.parametrize("name", DAMAGED)
def test_the_damage_is_one_reject_with_its_place(damaged, name):
    _, _, rejects = damaged
    _, _, reason, index, offset = DAMAGED[name]
    assert [(reject.reason, reject.index, reject.offset) for reject in rejects[name]] == [(reason, index, offset)]
    assert rejects[name][0].detail


def test_records_before_the_damage_are_written(damaged):
    config, manifest, rejects = damaged
    jobs.balance(manifest)
    assert manifest.counts.written == 50 + sum(written for _, written, *_ in DAMAGED.values())
    assert len(jobs.sequences(config.output.path, manifest)) == manifest.counts.sequences
    read = {os.path.basename(source.path): source.records for source in manifest.inputs}
    assert (read["empty"], read["sound"]) == (0, 50)
    assert set(rejects) == set(DAMAGED)


def test_more_damaged_files_than_allowed_are_a_named_error(damaged, tmp_path):
    config, _, _ = damaged
    changes = {"limits": config.limits.model_copy(update={"damaged_files": 0}),
               "output": config.output.model_copy(update={"path": str(tmp_path / "out")})}  # fmt: skip
    with pytest.raises(
        DataLimitError, match=r"5 of 8 input files are damaged or unreadable.*a bit in a length: .*byte"
    ):
        run(config.model_copy(update=changes), workers=1)
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert (tmp_path / "out" / "rejects" / "rejects-00000-of-00001.tfrecord.gz").exists()
    allowed = config.limits.model_copy(update={"damaged_files": 5})
    manifest = run(config.model_copy(update={**changes, "limits": allowed}), workers=1)
    assert (tmp_path / "out" / "rejects" / "rejects-00000-of-00001.tfrecord.gz").exists()
    jobs.balance(manifest)


def _vanish(path: Path) -> None:
    path.unlink()


def _shrink(path: Path) -> None:
    os.truncate(path, STARTS[20])


def _grow(path: Path) -> None:
    with open(path, "ab") as stream:
        stream.write(framed(RECORDS[0]))


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES = {"vanishes": (_vanish, 0, 0), "becomes a folder": (_replace_by_folder, 0, 0),
           "shrinks to whole records": (_shrink, 20, STARTS[20]), "grows": (_grow, 50, len(CONTENT))}  # fmt: skip


class _Once:
    """Changes a file when the job has listed its inputs, and reports how it runs."""

    def __init__(self, change: Callable[[Path], None], path: Path) -> None:
        self._change, self._path, self.done = change, path, False

    def __call__(self, event: Event) -> None:
        if not self.done and event.stage == "log":
            self.done = True
            self._change(self._path)


def changing(folder: Path, limit: int, name: str = "b") -> tuple[JobConfig, Path]:
    (folder / "raw").mkdir()
    for letter in "abc":
        (folder / "raw" / letter).write_bytes(CONTENT)
    limits = {"rejected_fraction": 1.0, "damaged_files": limit}
    config = jobs.job(folder, words.COLUMNS, [f"{folder}/raw/*"], limits=limits, buckets={"boundaries": (6, 12)})
    return config, folder / "raw" / name


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_changes_under_the_job_is_a_reject_where_allowed(tmp_path, name):
    change, written, offset = CHANGES[name]
    config, path = changing(tmp_path, limit=1)
    once = _Once(change, path)
    manifest = run(config, workers=1, progress=once)
    assert once.done
    jobs.balance(manifest)
    assert manifest.counts.written == 100 + written
    with open(tmp_path / "out" / "rejects" / "rejects-00000-of-00001.tfrecord.gz", "rb") as stream:
        [reject] = read_rejects(stream)
    assert (reject.reason, reject.file, reject.offset) == ("damaged_file", str(path), offset)


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_changes_under_the_job_is_a_named_error_where_not(tmp_path, name):
    change, _, _ = CHANGES[name]
    config, path = changing(tmp_path, limit=0)
    with pytest.raises((EnvironmentFailure, DataLimitError), match=str(path)):
        run(config, workers=1, progress=_Once(change, path))
    assert not (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.parametrize("limit", [0, 1])
def test_a_file_that_comes_back_is_read_whole_the_next_time(tmp_path, limit):
    config, path = changing(tmp_path, limit)
    shifted = _Once(lambda path: path.rename(tmp_path / "hidden"), path)
    unfinished = config.model_copy(update={"limits": config.limits.model_copy(update={"rejected_fraction": 0.0})})
    with pytest.raises((EnvironmentFailure, DataLimitError)):
        run(unfinished, workers=1, progress=shifted)
    (tmp_path / "hidden").rename(path)
    manifest = run(unfinished, workers=1)
    assert (manifest.counts.written, manifest.counts.rejected) == (150, {})


def test_the_command_line_shows_damage_without_a_traceback(tmp_path):
    config, path = changing(tmp_path, limit=0)
    path.write_bytes(CONTENT[:-1])
    finished = machine.run(config)
    assert (finished.code, "Traceback" in finished.stderr) == (1, False), finished.stderr
    assert str(path) in finished.stderr
    done = subprocess.run(
        [sys.executable, "-m", "lengthwise_cli", "rejects", str(tmp_path / "out")],
        capture_output=True, text=True, check=False, env=machine.environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "damaged_file" in done.stdout + done.stderr


def test_a_refused_run_does_not_change_the_existing_data_set(tmp_path):
    config, path = changing(tmp_path, limit=0)
    run(config, workers=1)
    before = jobs.tree(tmp_path / "out")
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(DataLimitError, match="refused"):
        run(config, workers=1, overwrite=True)
    after = {name: content for name, content in jobs.tree(tmp_path / "out").items() if not name.startswith(".work")}
    assert after == before
    with open(
        tmp_path / "out" / ".work" / "refused" / "rejects" / "rejects-00000-of-00001.tfrecord.gz", "rb"
    ) as stream:
        assert [reject.index for reject in read_rejects(stream)] == [49]
    path.write_bytes(CONTENT)
    run(config, workers=1, overwrite=True)
    assert jobs.tree(tmp_path / "out") == before
