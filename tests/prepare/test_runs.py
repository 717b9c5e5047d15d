"""Shards read and hold little more than their own rows, regardless of the size of the input.

Pieces and shards are small here, so that a few megabytes of input have as many of them as gigabytes have in a job.
"""

import pickle
import random
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from lengthwise import columns as lw
from lengthwise.job.reading.input_files import list_inputs
from lengthwise.job.reading.input_pieces import whole_files
from lengthwise.job.spilling import sorted_runs
from lengthwise.job.spilling.piece_spilling import spill_piece
from lengthwise.job.spilling.sorted_runs import read_rows
from lengthwise.job.task_values import Job, ShardTask, SpilledPiece
from lengthwise.job.writing.shard_writing import assign_shards, write_shard
from lengthwise.storage import files
from prepare import jobs, words
from records.messages import sequence_example

COLUMNS = (lw.sequence_numeric_column("vector", shape=(64,)), lw.context_column("name", dtype="string"))

ROWS = 16_200


def records(count: int) -> list[bytes]:
    """Records of 1 to 3 steps, and of 512 bytes on average."""
    rng = random.Random(0)
    few = [
        sequence_example({"vector": [[rng.random()] * 64] * (number % 3 + 1)}, {"name": f"record {number}"})
        for number in range(60)
    ]
    return few * (count // 60)


def spill(folder: Path, files: Any, **sections: Any) -> tuple[Job, list[SpilledPiece]]:
    """A job over these files, and the results of its first step: all rows wait for their shards."""
    config = jobs.job(folder, COLUMNS, files, **sections)
    (folder / "work").mkdir()
    job = Job(config, list_inputs(config), config.buckets.given, "", str(folder / "work"))
    return job, [spill_piece(job, piece) for piece in whole_files(job)]


def sixteen_pieces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Job, list[ShardTask]]:
    """A job of 8 MiB in 16 pieces, and its 16 shards."""
    monkeypatch.setattr(sorted_runs, "RUN_BYTES", 2**19)
    output = {"shard_bytes": 2**19, "layout": "block"}
    job, spilled = spill(folder, {"raw": records(ROWS)}, buckets={"boundaries": (3,)}, output=output)
    assert len(spilled[0].segments) > 8
    tasks = list(assign_shards(job, spilled))
    assert len(tasks) > 8
    return job, tasks


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The number of bytes of each read from run files."""
    sizes: list[int] = []
    open_binary = files.open_binary

    @contextmanager
    def opened(path: str) -> Iterator[BinaryIO]:
        with open_binary(path) as stream:
            yield Counted(stream) if "/runs/" in path else stream  # type: ignore[misc]

    class Counted:
        def __init__(self, stream: BinaryIO) -> None:
            self.seek = stream.seek
            self._stream = stream

        def read(self, size: int = -1) -> bytes:
            content = self._stream.read(size)
            sizes.append(len(content))
            return content

    monkeypatch.setattr(files, "open_binary", opened)
    yield sizes
    monkeypatch.undo()


def test_all_shards_together_read_little_more_than_the_rows(tmp_path, monkeypatch):
    job, tasks = sixteen_pieces(tmp_path, monkeypatch)
    size = Path(job.work_path("runs", "000000.rows")).stat().st_size
    with counted(monkeypatch) as sizes:
        written = [write_shard(job, task) for task in tasks]
    assert sum(result.shard.sequences for result in written) == ROWS
    assert size * 0.98 < sum(sizes) < 3 * size  # the parts at both ends of a shard are read twice


def test_a_shard_of_few_rows_frees_the_parts_that_contained_them(tmp_path, monkeypatch):
    monkeypatch.setattr(sorted_runs, "_MIN_PART_BYTES", 2**17)
    job, _ = sixteen_pieces(tmp_path, monkeypatch)
    with counted(monkeypatch) as sizes:
        tracemalloc.start()
        rows = read_rows(job, 0, 0, 0, 2**64 // 1000)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert 0 < rows.num_rows < 30
    assert sum(sizes) > 2**19
    assert peak < sum(sizes) / 4


def test_the_size_of_a_shard_task_does_not_depend_on_the_number_of_pieces(tmp_path, monkeypatch):
    _, tasks = sixteen_pieces(tmp_path, monkeypatch)
    monkeypatch.setattr(sorted_runs, "RUN_BYTES", 2**24)
    (tmp_path / "one").mkdir()
    job, spilled = spill(tmp_path / "one", {"raw": records(600)}, buckets={"boundaries": (3,)})
    [single] = assign_shards(job, spilled)
    assert max(len(pickle.dumps(task)) for task in tasks) < len(pickle.dumps(single)) + 100


@pytest.mark.parametrize("layout", ["example", "block"])
def test_the_size_of_pieces_and_parts_changes_no_byte(tmp_path, monkeypatch, layout: str):
    sections = {
        "buckets": {"boundaries": (4, 8, 12)},
        "splits": {"fractions": {"train": 0.8, "eval": 0.2}},
        "output": {"shard_bytes": 4_000, "layout": layout},
    }
    trees = []
    for name, pieces, parts in (("large", 2**26, 2**14), ("small", 20_000, 300), ("a row each", 1, 1)):
        monkeypatch.setattr(sorted_runs, "RUN_BYTES", pieces)
        monkeypatch.setattr(sorted_runs, "_MIN_PART_BYTES", parts)
        (tmp_path / name).mkdir()
        jobs.run(tmp_path / name, words.COLUMNS, words.files(count=3, records=100), **sections)
        trees.append(jobs.tree(tmp_path / name / "out"))
    assert sum(name.startswith("Split-") for name in trees[0]) > 6
    for name, content in trees[0].items():
        if name.startswith("Split-"):
            assert [tree[name] for tree in trees[1:]] == [content] * 2, name
