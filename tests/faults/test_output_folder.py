"""Existing content of the output folder is kept, refused or replaced, never mixed; counts must add up."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faults.machine import environment
from faults.runs import Runs
from lengthwise.errors import ConfigError, DataLimitError, EnvironmentFailure, Interrupted
from lengthwise.job import run
from lengthwise.progress import Event
from prepare import jobs, words

FILES = words.files(count=3, records=40, invalid=0)


WRITE_HALF = """
import os, signal, sys
from lengthwise.storage import files
with files.create(sys.argv[1]) as stream:
    stream.write(b"half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_incomplete_file_is_not_at_its_path(tmp_path):
    path = tmp_path / "folder" / "file"
    done = subprocess.run([sys.executable, "-c", WRITE_HALF, str(path)], check=False, env=environment())
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    assert [found.suffix for found in path.parent.iterdir()] == [".tmp"]


def config(folder: Path, **changes):
    return jobs.job(folder, words.COLUMNS, FILES, **{"buckets": {"boundaries": (6, 12)}, **changes})


def test_another_configurations_data_set_is_refused_and_kept(tmp_path):
    run(config(tmp_path), workers=1)
    before = jobs.tree(tmp_path / "out")
    other = config(tmp_path, shuffle={"seed": 1})
    with pytest.raises(ConfigError, match=r"a different configuration or input.*--overwrite"):
        run(other, workers=1)
    assert jobs.tree(tmp_path / "out") == before
    manifest = run(other, workers=1, overwrite=True)
    jobs.balance(manifest)
    after = jobs.tree(tmp_path / "out")
    assert after.keys() == before.keys()
    assert after["manifest.json"] != before["manifest.json"]


def test_another_inputs_data_set_is_refused(tmp_path):
    run(config(tmp_path), workers=1)
    with pytest.raises(ConfigError, match="--overwrite"):
        run(jobs.job(tmp_path, words.COLUMNS, dict(list(FILES.items())[:2])), workers=1)


def test_a_folder_of_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("chapter 1")
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match=r"thesis\.txt"):
            run(config(tmp_path), workers=1, overwrite=overwrite)
    assert jobs.tree(tmp_path / "out") == {"thesis.txt": b"chapter 1"}


def test_overwriting_leaves_nothing_of_the_old_data_set(tmp_path):
    run(config(tmp_path, output={"shard_bytes": 1000, "compression": "none"}), workers=1)
    many = set(jobs.tree(tmp_path / "out"))
    manifest = run(config(tmp_path), workers=1, overwrite=True)
    left = set(jobs.tree(tmp_path / "out"))
    assert not (left & many) - {"manifest.json", "schema.pbtxt", "report.html"}
    assert {shard.path for shard in manifest.shards} < left


def test_the_old_data_set_exists_until_the_new_one_is_complete(tmp_path):
    run(config(tmp_path), workers=1)
    before = jobs.tree(tmp_path / "out")
    unchanged = []

    def watch(event: Event) -> None:
        if event.stage != "log":
            now = jobs.tree(tmp_path / "out")
            unchanged.append({name: content for name, content in now.items() if not name.startswith(".work")} == before)

    run(config(tmp_path, shuffle={"seed": 1}), workers=1, overwrite=True, progress=watch)
    assert unchanged
    assert all(unchanged[:-1])


def test_too_many_rejects_publish_no_data_set_but_the_rejects(tmp_path):
    strict = config(tmp_path, buckets={"boundaries": (3,)}, limits={"rejected_fraction": 0.1})
    with pytest.raises(DataLimitError, match=r"over_long.*limits.rejected_fraction"):
        run(strict, workers=1)
    names = set(jobs.tree(tmp_path / "out"))
    published = {name for name in names if not name.startswith(".work")}
    assert published == {"report.html", "rejects/rejects-00000-of-00001.tfrecord.gz"}
    lenient = config(tmp_path, buckets={"boundaries": (3,)}, limits={"rejected_fraction": 1.0})
    jobs.balance(run(lenient, workers=1))


def test_an_interrupt_from_the_keyboard_is_a_named_error_and_the_run_resumes(tmp_path):
    def press(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="same command resumes"):
        run(config(tmp_path), workers=1, progress=press)
    assert not (tmp_path / "out" / "manifest.json").exists()
    jobs.balance(run(config(tmp_path), workers=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda spilled: spilled["tally"].update(read=spilled["tally"]["read"] + 1), "read 121, but written 120"),
        (lambda spilled: spilled["tally"].update(sequences=0), "sequences were written, but the shards contain 120"),
        (lambda spilled: spilled["segments"].pop(), "sequences were written, but"),
    ],
)
def test_records_lost_on_the_way_are_an_error_and_nothing_is_published(tmp_path, change, message):
    """A work folder with inconsistent parts represents any way of losing records."""
    job = config(tmp_path)
    with Runs() as runs:
        points = runs.run(job).points
        jobs_folder = tmp_path / "out"
        for path in sorted(jobs_folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        die_at = next(at for at in range(points // 2, points, 4) if _spilled_all(runs, job, at))
    assert die_at
    [spilled] = jobs_folder.glob(".work/*/spilled/000000.json")
    content = json.loads(spilled.read_text())
    change(content)
    spilled.write_text(json.dumps(content))
    with pytest.raises(EnvironmentFailure, match=message):
        run(job, workers=1)
    assert not (jobs_folder / "manifest.json").exists()


def _spilled_all(runs: Runs, job, at: int) -> bool:
    runs.run(job, die_at=at)
    return len(list(Path(job.output.path).glob(".work/*/spilled/*.json"))) == len(FILES)
