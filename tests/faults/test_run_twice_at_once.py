"""A cluster may give a file or a shard to two workers at once: one must not spoil what the other has done.

Here the second worker does all of its work at a moment at which the first one is in the middle of its own.
"""

import shutil
from typing import Any

import pytest

from lengthwise.errors import EnvironmentFailure
from lengthwise.job import shards, spill
from prepare import jobs, words

FILES = words.files(count=2, records=40)
PLANNED = {"buckets": {"count": 3}}


def _second(job: Any, piece: Any, _: Any) -> None:
    spill.spill_piece(job, piece)


MOMENTS = {
    "the first has not opened the waiting rows": (spill, "_sort", _second),
    "the first has opened the waiting rows": (spill, "RunWriter", _second),
    "the first has its rows": (spill, "_sizes", _second),
    "the first writes a shard": (shards, "_write_file", lambda job, task, rows: shards.write_shard(job, task)),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_two_workers_on_one_element_give_the_same_data_set(tmp_path, monkeypatch, moment) -> None:
    jobs.run(tmp_path, words.COLUMNS, FILES, **PLANNED)
    expected = jobs.tree(tmp_path / "out")
    shutil.rmtree(tmp_path / "out")
    module, name, second = MOMENTS[moment]
    real, calls = getattr(module, name), []

    def after_the_second(*arguments: Any) -> Any:
        calls.append(name)
        monkeypatch.setattr(module, name, real)
        second(*arguments)
        monkeypatch.setattr(module, name, after_the_second)
        return real(*arguments)

    monkeypatch.setattr(module, name, after_the_second)
    jobs.run(tmp_path, words.COLUMNS, FILES, **PLANNED)
    assert len(calls) >= len(FILES)
    found = jobs.tree(tmp_path / "out")
    assert found.keys() == expected.keys()
    assert {path for path in found if found[path] != expected[path]} == set()


def test_waiting_rows_that_are_gone_are_an_error_and_not_a_file_without_rows(tmp_path, monkeypatch) -> None:
    real = spill._sort

    def sort(job: Any, piece: Any, spilled: Any) -> Any:
        spill.files.remove(spill.waiting_path(job, piece.name))
        return real(job, piece, spilled)

    monkeypatch.setattr(spill, "_sort", sort)
    with pytest.raises(EnvironmentFailure, match=r"expected \d+ rows, found 0"):
        jobs.run(tmp_path, words.COLUMNS, FILES, **PLANNED)
