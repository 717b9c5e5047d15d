"""`lengthwise init`: where the draft is written, and the messages if there is none."""

import subprocess
import sys

import pytest

from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import SequenceExample


@pytest.fixture
def raw(tmp_path):
    record = SequenceExample()
    for value in range(300):
        record.feature_lists.feature_list["x"].feature.add().int64_list.value.append(value)
    (tmp_path / "a.tfrecord").write_bytes(frame([record.SerializeToString()] * 3))
    return tmp_path / "a.tfrecord"


def test_an_empty_file_is_replaced_and_no_other(raw, lengthwise) -> None:
    job = raw.parent / "job.yaml"
    job.touch()
    assert f"{job} is drafted" in lengthwise("init", raw, "-o", job).stderr
    assert "key: x" in job.read_text()
    assert "--overwrite" in lengthwise("init", raw, "-o", job, code=2).stderr


def test_a_redirection_that_leaves_an_empty_file_is_reported(tmp_path) -> None:
    command = [sys.executable, "-m", "lengthwise_cli", "init", f"{tmp_path}/nothing"]
    with open(tmp_path / "job.yaml", "wb") as stdout:
        done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "left an empty file; `-o FILE` writes a file only if there is a draft" in done.stderr
    assert (tmp_path / "job.yaml").read_bytes() == b""


def test_large_records_are_named_by_the_option(raw, lengthwise) -> None:
    result = lengthwise("init", raw, "--max-record-bytes", "1KiB", code=1)
    assert (
        "found no record that can be read as one (0 unreadable, 3 larger than --max-record-bytes 1024" in result.stderr
    )
    assert "key: x" in lengthwise("init", raw, "--max-record-bytes", "1MiB").stdout
    assert "received '1 furlong'" in lengthwise("init", raw, "--max-record-bytes", "1 furlong", code=2).stderr


def test_inspect_has_the_same_option(raw, lengthwise) -> None:
    small = ["inspect", raw, "--max-record-bytes", "1KiB"]
    assert "(0 unreadable, 3 larger than --max-record-bytes 1024" in lengthwise(*small, code=1).stderr
    result = lengthwise(*small, "--record", "1", code=1)
    assert "record 1 is not read: expected at most 1024 bytes, the record is larger; see --max-record-bytes" in (
        result.stderr
    )
    assert "3 records" in lengthwise("inspect", raw, "--max-record-bytes", "1MiB").stdout
