"""Which records are sampled, and what is reported about the others."""

import pytest

from lengthwise.draft import draft_config, record_sample
from lengthwise.errors import DatasetError
from lengthwise.records.container.frame_writing import frame
from records.messages import sequence_example

RECORDS = [*[sequence_example({"x": [1, 2]})] * 9, sequence_example({"x": [3] * 400})]
"""The last one is large."""


@pytest.fixture
def file(tmp_path) -> str:
    (tmp_path / "in.tfrecord").write_bytes(frame(RECORDS))
    return f"{tmp_path}/in.tfrecord"


def test_large_records_are_not_reported_as_unreadable(file) -> None:
    text = draft_config([file], max_record_bytes=1000)
    assert "from all 9 records" in text
    assert (
        "# 1 larger than --max-record-bytes 1000 were skipped: a higher limits.max_record_bytes includes them." in text
    )
    assert "damaged" not in text
    with pytest.raises(DatasetError, match=r"\(0 unreadable, 10 larger than --max-record-bytes 5 in 1 files\)"):
        draft_config([file], max_record_bytes=5)


def test_a_raised_limit_is_in_the_draft(file) -> None:
    assert "max_record_bytes" not in draft_config([file])
    assert "limits:\n  max_record_bytes: 134217728  # as --max-record-bytes\n" in draft_config([file], 9, 2**27)


def test_a_file_of_large_records_is_not_read_to_its_end(tmp_path) -> None:
    (tmp_path / "in.tfrecord").write_bytes(frame([RECORDS[-1]] * 100))
    with pytest.raises(DatasetError, match="16 larger than --max-record-bytes 1000"):
        draft_config([f"{tmp_path}/in.tfrecord"], max_record_bytes=1000)


def test_fewer_records_are_sampled_if_they_are_large(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(record_sample, "SAMPLE_BYTES", 4000)
    for part in range(2):
        (tmp_path / f"in-{part}.tfrecord").write_bytes(frame([RECORDS[-1]] * 100))
    sample = record_sample.take_sample([f"{tmp_path}/in-*.tfrecord"], 1000)
    assert (len(sample.records), sample.complete) == (2, False)
    assert "from the first 2 records of 2 file(s)" in draft_config([f"{tmp_path}/in-*.tfrecord"])
