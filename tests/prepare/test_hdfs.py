"""Whole jobs from `hdfs://` to `hdfs://`, with Beam's HadoopFileSystem and its client; `webhdfs` is the server."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lengthwise.config import JobConfig
from lengthwise.errors import ConfigError, DataLimitError, EnvironmentFailure
from lengthwise.job import check
from lengthwise.job import run as run_job
from lengthwise.job.verification.data_set_verification import verify_data_set
from lengthwise.manifest import Manifest, load_manifest
from prepare import jobs, words
from prepare.webhdfs import WebHdfs, serving

pytest.importorskip("hdfs", reason="hdfs:// needs its client, see the extra `hdfs`")

OUT = "hdfs://user/out"
SECTIONS: dict[str, Any] = {"splits": {"fractions": {"train": 0.8, "eval": 0.2}}, "output": {"path": OUT}}
FILES = words.files(count=2, records=60)


@pytest.fixture
def hdfs(tmp_path: Path) -> Iterator[WebHdfs]:
    with serving(tmp_path / "hdfs") as server:
        (server.root / "user").mkdir()
        jobs.job(server.root / "user", words.COLUMNS, FILES)
        (server.root / "user" / "raw" / "folder").mkdir()
        yield server


def config(hdfs: WebHdfs, **changes: Any) -> JobConfig:
    return jobs.job(hdfs.root, words.COLUMNS, ["hdfs://user/raw/*"], **{**SECTIONS, **changes})


def run(hdfs: WebHdfs, job: JobConfig, **how: Any) -> Manifest:
    return run_job(job, workers=1, runner_options=hdfs.options, **how)


def tree(hdfs: WebHdfs) -> dict[str, bytes]:
    """The content of the output folder, except the report: it contains paths."""
    return {name: content for name, content in jobs.tree(hdfs.root / "user" / "out").items() if name != "report.html"}


@pytest.fixture
def local(tmp_path: Path) -> dict[str, bytes]:
    (tmp_path / "local").mkdir()
    output = {name: value for name, value in SECTIONS["output"].items() if name != "path"}
    jobs.run(tmp_path / "local", words.COLUMNS, FILES, **{**SECTIONS, "output": output})
    return jobs.tree(tmp_path / "local" / "out")


def test_the_data_set_is_that_of_local_folders(hdfs, local):
    manifest = run(hdfs, config(hdfs))
    found = tree(hdfs)
    assert found.keys() == local.keys() - {"report.html"}
    same = [name for name in local if name.startswith("Split-") or name == "schema.pbtxt"]
    assert {name: found[name] for name in same} == {name: local[name] for name in same}
    assert verify_data_set(OUT).faults == []
    assert not (hdfs.root / "user" / "out" / ".work").exists()
    assert run(hdfs, config(hdfs)) == manifest == load_manifest(OUT)


def test_input_can_be_read_into_a_local_folder(hdfs, tmp_path, local):
    job = config(hdfs, output={"path": str(tmp_path / "out")})
    found = check(job, workers=1, runner_options=hdfs.options, folder=str(tmp_path / "parts"))
    manifest = run(hdfs, job)
    assert (found.tally.read, manifest.counts.read) == (120, 120)
    assert jobs.tree(tmp_path / "out").keys() == local.keys()


def test_another_data_set_replaces_it_with_overwrite(hdfs):
    run(hdfs, config(hdfs, output={"path": OUT, "compression": "none"}))
    other = config(hdfs, shuffle={"seed": 5})
    with pytest.raises(ConfigError, match="--overwrite"):
        run(hdfs, other)
    manifest = run(hdfs, other, overwrite=True)
    assert {name for name in tree(hdfs) if name.startswith("Split-")} == {shard.path for shard in manifest.shards}
    assert verify_data_set(OUT).faults == []


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.9])
def test_an_interrupted_job_resumes(hdfs, share):
    run(hdfs, config(hdfs))
    expected, changes = tree(hdfs), hdfs.changes
    run(hdfs, config(hdfs, shuffle={"seed": 5}), overwrite=True)
    hdfs.changes, hdfs.left = 0, int(changes * share)
    with pytest.raises(EnvironmentFailure):
        run(hdfs, config(hdfs), overwrite=True)
    if (hdfs.root / "user" / "out" / "manifest.json").exists():
        assert verify_data_set(OUT).faults == []
    hdfs.left = None
    run(hdfs, config(hdfs), overwrite=True)
    assert tree(hdfs) == expected
    assert verify_data_set(OUT).faults == []


def test_too_many_rejects_publish_the_rejects_and_it_can_be_run_again(hdfs):
    strict = config(hdfs, buckets={"boundaries": (3,)}, limits={"rejected_fraction": 0.1})
    for _ in range(2):
        with pytest.raises(DataLimitError, match="over_long"):
            run(hdfs, strict)
    jobs.balance(run(hdfs, config(hdfs)))
    assert verify_data_set(OUT).faults == []


def test_an_old_manifest_that_cannot_be_removed_stops_the_replacement(hdfs):
    run(hdfs, config(hdfs))
    before = tree(hdfs)
    hdfs.kept = "out/manifest.json"
    with pytest.raises(EnvironmentFailure, match=rf"cannot remove {OUT}/manifest.json"):
        run(hdfs, config(hdfs, shuffle={"seed": 5}), overwrite=True)
    assert {name: content for name, content in tree(hdfs).items() if not name.startswith(".work")} == before


def test_an_old_shard_that_cannot_be_removed_stops_the_replacement(hdfs):
    hdfs.kept = run(hdfs, config(hdfs)).shards[0].path
    with pytest.raises(EnvironmentFailure, match="cannot remove"):
        run(hdfs, config(hdfs, shuffle={"seed": 5}), overwrite=True)
    assert not (hdfs.root / "user" / "out" / "manifest.json").exists()


def test_shards_without_sequences_are_omitted(hdfs, tmp_path):
    small = {"shard_bytes": 400, "compression": "none"}
    files = {"a.tfrecord": FILES["part-0.tfrecord"][:8]}
    (tmp_path / "local").mkdir()
    expected = jobs.run(tmp_path / "local", words.COLUMNS, files, output=small)
    (hdfs.root / "user" / "few").mkdir()
    jobs.job(hdfs.root / "user" / "few", words.COLUMNS, files)
    job = jobs.job(hdfs.root, words.COLUMNS, ["hdfs://user/few/raw/*"], output={**small, "path": OUT})
    assert run(hdfs, job).shards == expected.shards
    assert verify_data_set(OUT).faults == []


def test_a_resumed_run_reads_a_file_again_that_was_replaced_by_as_many_bytes(hdfs):
    job = config(hdfs)
    run(hdfs, job)
    changes = hdfs.changes
    raw = hdfs.root / "user" / "raw" / "part-0.tfrecord"
    hdfs.changes, hdfs.left = 0, changes // 2
    with pytest.raises(EnvironmentFailure):
        run(hdfs, job, overwrite=True)
    hdfs.left = None
    content = raw.read_bytes()
    half = len(content) // 2
    raw.write_bytes(content[:half] + bytes(len(content) - half))
    os.utime(raw, ns=(0, raw.stat().st_mtime_ns + 10**9))
    assert run(hdfs, job, overwrite=True).counts.rejected
