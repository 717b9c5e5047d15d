"""A remote file that fails while it is read is an outage, not damage. No later record is lost."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import remote
from lengthwise.config import JobConfig
from lengthwise.errors import EnvironmentFailure
from lengthwise.job import run
from lengthwise.job.verification.data_set_verification import verify_data_set
from prepare import jobs, words
from records.messages import framed

RECORDS = words.files(count=1, records=50, invalid=0)["part-0.tfrecord"]
PLAIN = b"".join(map(framed, RECORDS))
CONTENTS = {"plain": PLAIN, "gzip": gzip.compress(PLAIN, mtime=0)}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[str]:
    with remote.folder(tmp_path) as name:
        yield name


def config(tmp_path: Path, folder: str, limit: int, content: bytes) -> JobConfig:
    for name in "ab":
        remote.FILES[f"{folder}/raw/{name}"] = content
    limits = {"rejected_fraction": 1.0, "damaged_files": limit}
    return jobs.job(tmp_path, words.COLUMNS, [f"{folder}/raw/*"], limits=limits, buckets={"boundaries": (12,)})


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("limit", [0, 2])
@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_an_outage_is_not_damage_and_loses_no_record(tmp_path, folder, kind, limit, share):
    content = CONTENTS[kind]
    job = config(tmp_path, folder, limit, content)
    remote.OUTAGES[f"{folder}/raw/b"] = int(len(content) * share)
    with pytest.raises(EnvironmentFailure, match=rf"cannot read {folder}/raw/b: .*Connection reset by peer"):
        run(job, workers=1)
    assert not (tmp_path / "out" / "manifest.json").exists()
    manifest = run(job, workers=1)
    assert (manifest.counts.written, manifest.counts.rejected) == (100, {})


def test_an_outage_is_no_fault_of_a_data_set(tmp_path, folder):
    run(config(tmp_path, folder, 0, PLAIN), workers=1)
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            remote.FILES[f"{folder}/out/{path.relative_to(tmp_path / 'out')}"] = path.read_bytes()
    shard = next(path for path in remote.FILES if path.startswith(f"{folder}/out/Split-"))
    remote.OUTAGES[shard] = 0
    with pytest.raises(EnvironmentFailure, match=f"cannot read {shard}: .*Connection reset by peer"):
        verify_data_set(f"{folder}/out")
    assert verify_data_set(f"{folder}/out").faults == []
    del remote.FILES[shard]
    assert "missing" in verify_data_set(f"{folder}/out").faults[0].problem


def test_damage_of_a_remote_file_is_damage(tmp_path, folder):
    job = config(tmp_path, folder, 2, PLAIN[:-1])
    assert run(job, workers=1).counts.rejected == {"damaged_file": 2}


def test_a_remote_input_replaced_by_one_of_its_size_and_time_is_read_again(tmp_path, folder):
    job = config(tmp_path, folder, 0, PLAIN)
    for name in "ab":
        remote.CHECKSUMS[f"{folder}/raw/{name}"] = f"{name} 1"
    remote.OUTAGES[f"{folder}/raw/b"] = 0
    with pytest.raises(EnvironmentFailure):
        run(job, workers=1)
    assert list((tmp_path / "out" / ".work").glob("*/spilled/000000.json"))
    remote.FILES[f"{folder}/raw/a"] = b"".join(map(framed, RECORDS[::-1]))
    remote.CHECKSUMS[f"{folder}/raw/a"] = "a 2"
    run(job, workers=1)
    resumed = jobs.tree(tmp_path / "out")
    run(job.model_copy(update={"output": job.output.model_copy(update={"path": str(tmp_path / "other" / "out")})}))
    assert resumed == jobs.tree(tmp_path / "other" / "out")
