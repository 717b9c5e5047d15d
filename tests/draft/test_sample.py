"""Which records are looked at, and what is said of the others."""

import pytest

from draft.lookalikes import sequence_example
from lengthwise.draft import draft_config, record_sample
from lengthwise.errors import DatasetError
from lengthwise.records.container.frame_writing import frame

LARGE = [*[sequence_example({}, {"x": [1, 2]})] * 9, sequence_example({}, {"x": [3] * 400})]


@pytest.fixture
def file(tmp_path) -> str:
    (tmp_path / "in.tfrecord").write_bytes(frame(LARGE))
    return f"{tmp_path}/in.tfrecord"


def test_large_records_are_not_called_unreadable(file) -> None:
    text = draft_config([file], max_record_bytes=1000)
    assert "from all 9 records" in text
    assert "# 1 larger than --max-record-bytes 1000 were not looked at: limits.max_record_bytes lets them in." in text
    assert "damaged" not in text
    with pytest.raises(DatasetError, match=r"\(0 unreadable, 10 larger than --max-record-bytes 5 in 1 files\)"):
        draft_config([file], max_record_bytes=5)


def test_a_raised_limit_stands_in_the_draft(file) -> None:
    assert "max_record_bytes" not in draft_config([file])
    assert "limits:\n  max_record_bytes: 134217728  # as --max-record-bytes\n" in draft_config([file], 9, 2**27)


def test_of_many_too_large_records_only_the_first_are_passed_over(tmp_path) -> None:
    (tmp_path / "in.tfrecord").write_bytes(frame([LARGE[-1]] * 100))
    with pytest.raises(DatasetError, match="16 larger than --max-record-bytes 1000"):
        draft_config([f"{tmp_path}/in.tfrecord"], max_record_bytes=1000)


def test_of_large_records_fewer_are_looked_at(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(record_sample, "SAMPLE_BYTES", 4000)
    for part in range(2):
        (tmp_path / f"in-{part}.tfrecord").write_bytes(frame([LARGE[-1]] * 100))
    taken = record_sample.take_sample([f"{tmp_path}/in-*.tfrecord"], 1000)
    assert (len(taken.records), taken.complete) == (2, False)
    assert "from the first 2 records of 2 file(s)" in draft_config([f"{tmp_path}/in-*.tfrecord"])
