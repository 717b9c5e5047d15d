"""A cluster may give a file or a shard to two workers at once: neither must damage the results of the other.

Here the second worker does all of its work while the first one is in the middle of its own. Or the job ends while a
worker is in the middle of its work: then the worker must leave no file.
"""

import os
import shutil
from typing import Any

import pytest

from lengthwise.errors import EnvironmentFailure
from lengthwise.job.reading.input_pieces import whole_files
from lengthwise.job.running import job_steps
from lengthwise.job.spilling import piece_spilling
from lengthwise.job.workspace.output_lock import locked, remove_work
from lengthwise.job.writing import shard_writing
from prepare import jobs, words

FILES = words.files(count=2, records=40)
PLANNED = {"buckets": {"count": 3}}


def _second(job: Any, piece: Any, _: Any) -> None:
    piece_spilling.spill_piece(job, piece)


MOMENTS = {
    "the first has not opened the waiting rows": (piece_spilling, "_sort", _second),
    "the first has opened the waiting rows": (piece_spilling, "RunWriter", _second),
    "the first has sorted its rows": (piece_spilling, "_sizes", _second),
    "the first writes a shard": (
        shard_writing,
        "_write_file",
        lambda job, task, rows: shard_writing.write_shard(job, task),
    ),
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


def test_missing_waiting_rows_are_an_error_and_not_a_file_without_rows(tmp_path, monkeypatch) -> None:
    real = piece_spilling._sort

    def sort(job: Any, piece: Any, spilled: Any) -> Any:
        piece_spilling.files.remove(piece_spilling.waiting_path(job, piece.name))
        return real(job, piece, spilled)

    monkeypatch.setattr(piece_spilling, "_sort", sort)
    with pytest.raises(EnvironmentFailure, match=r"expected \d+ rows, found 0"):
        jobs.run(tmp_path, words.COLUMNS, FILES, **PLANNED)


LATE = {
    "it has not begun": (piece_spilling, "_read"),
    "it has opened its files": (piece_spilling, "Refiner"),
    "it has written its rows": (piece_spilling, "_sizes"),
    "it has read its shard's rows": (shard_writing, "_write_file"),
    "it has written its shard": (shard_writing, "partial_statistics"),
}


@pytest.mark.parametrize("moment", LATE)
def test_a_worker_that_continues_when_its_job_has_ended_leaves_nothing(tmp_path, monkeypatch, moment) -> None:
    assigned: list[Any] = []

    def assign(job: Any, spilled: Any) -> Any:
        tasks = [*shard_writing.assign_shards(job, spilled)]
        assigned.append((job, tasks[0]))
        return tasks

    monkeypatch.setattr(job_steps, "assign_shards", assign)
    jobs.run(tmp_path, words.COLUMNS, FILES, buckets={"boundaries": (6, 12)})
    [(job, task)] = assigned
    module, name = LATE[moment]
    real, out = getattr(module, name), str(tmp_path / "out")

    def after_the_end(*arguments: Any) -> Any:
        remove_work(out)
        return real(*arguments)

    before = jobs.tree(tmp_path / "out")
    with locked(out):
        os.mkdir(job.work)
        pieces = whole_files(job)
        spilled = [piece_spilling.spill_piece(job, piece) for piece in pieces[1:]]
        late = pieces[0]
        if module is shard_writing:
            list(shard_writing.assign_shards(job, [piece_spilling.spill_piece(job, late), *spilled]))
        monkeypatch.setattr(module, name, after_the_end)
        with pytest.raises(EnvironmentFailure, match="is missing: its job has ended"):
            shard_writing.write_shard(job, task) if module is shard_writing else piece_spilling.spill_piece(job, late)
    assert jobs.tree(tmp_path / "out") == before
    assert not os.path.exists(tmp_path / "out" / ".work")
