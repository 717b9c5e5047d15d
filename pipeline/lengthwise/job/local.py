"""The job on this machine: the steps of `pipeline` without Beam, which is slow to start.

pieces of the input -> measure lengths -> summarise

pieces of the input -> spill rows -> summarise
files of counts -> merge
pieces of the input -> spill sorted runs -> assign shards -> write shards -> summarise
"""

from collections.abc import Sequence

from lengthwise.job.counting import MergeTask, merge_counts
from lengthwise.job.local_workers import LocalWorkers
from lengthwise.job.measure import measure_piece
from lengthwise.job.model import Job, Measured, Piece, Spilled, Written
from lengthwise.job.pieces import largest_first
from lengthwise.job.shards import assign_shards, write_shard
from lengthwise.job.spill import spill_piece
from lengthwise.job.summaries import MEASURED, SPILLED, WRITTEN, write_summary


def measure_lengths(workers: LocalWorkers, job: Job, pieces: Sequence[Piece]) -> None:
    """Measures the input."""
    write_summary(job, MEASURED, list[Measured], workers.map(measure_piece, job, largest_first(pieces)))


def spill_rows(workers: LocalWorkers, job: Job, pieces: Sequence[Piece]) -> list[Spilled]:
    """Reads the input, as far as that is not done yet."""
    spilled = workers.map(spill_piece, job, largest_first(pieces))
    write_summary(job, SPILLED, list[Spilled], spilled)
    return spilled


def merge_all(workers: LocalWorkers, job: Job, tasks: Sequence[MergeTask]) -> None:
    """Merges files of counts."""
    workers.map(merge_counts, job, tasks)


def prepare_shards(workers: LocalWorkers, job: Job, pieces: Sequence[Piece]) -> None:
    """Reads the input, as far as that is not done yet, and writes every shard into the work folder."""
    tasks = list(assign_shards(job, spill_rows(workers, job, pieces)))
    write_summary(job, WRITTEN, list[Written], workers.map(write_shard, job, tasks))
