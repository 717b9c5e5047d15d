"""The job on this machine: the steps of `pipeline` without Beam, which is slow to start.

pieces of the input -> measure lengths -> summarise

pieces of the input -> spill rows -> summarise
files of counts -> merge
pieces of the input -> spill sorted runs -> assign shards -> write shards -> summarise
"""

from collections.abc import Sequence

from lengthwise.job.planning.length_measurement import measure_piece
from lengthwise.job.planning.value_counting import MergeTask, merge_counts
from lengthwise.job.reading.input_pieces import largest_first
from lengthwise.job.running.local_workers import LocalWorkers
from lengthwise.job.spilling.piece_spilling import spill_piece
from lengthwise.job.task_values import Job, MeasuredPiece, Piece, SpilledPiece, WrittenShard
from lengthwise.job.workspace.step_summaries import MEASURED, SPILLED, WRITTEN, write_summary
from lengthwise.job.writing.shard_writing import assign_shards, write_shard


def measure_lengths(workers: LocalWorkers, job: Job, pieces: Sequence[Piece]) -> None:
    """Measures the input."""
    write_summary(job, MEASURED, list[MeasuredPiece], workers.map(measure_piece, job, largest_first(pieces)))


def spill_rows(workers: LocalWorkers, job: Job, pieces: Sequence[Piece]) -> list[SpilledPiece]:
    """Reads the input, as far as that is not done yet."""
    spilled = workers.map(spill_piece, job, largest_first(pieces))
    write_summary(job, SPILLED, list[SpilledPiece], spilled)
    return spilled


def merge_all(workers: LocalWorkers, job: Job, tasks: Sequence[MergeTask]) -> None:
    """Merges files of counts."""
    workers.map(merge_counts, job, tasks)


def prepare_shards(workers: LocalWorkers, job: Job, pieces: Sequence[Piece]) -> None:
    """Reads the input, as far as that is not done yet, and writes every shard into the work folder."""
    tasks = list(assign_shards(job, spill_rows(workers, job, pieces)))
    write_summary(job, WRITTEN, list[WrittenShard], workers.map(write_shard, job, tasks))
