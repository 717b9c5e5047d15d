"""The steps of the job: each runs one function for every task, and leaves the results in the work folder.

pieces of the input -> measure lengths                          (`plan` and `check`)

pieces of the input -> spill rows                               (if buckets are planned, a file is in pieces,
                                                                 or vocabularies are counted)
files of counts -> merge counts                                 (if vocabularies are counted, and there are many files)
pieces of the input -> spill rows, sorted -> write shards

Worker processes run them (`stages`), or Beam (`beam_pipeline`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from lengthwise.job.planning.length_measurement import measure_piece
from lengthwise.job.planning.value_counting import MergeTask, merge_counts
from lengthwise.job.spilling.piece_spilling import spill_piece
from lengthwise.job.task_values import Job, MeasuredPiece, Piece, ShardTask, SpilledPiece, WrittenShard
from lengthwise.job.workspace.step_summaries import SUMMARIES, write_summary
from lengthwise.job.writing.shard_writing import assign_shards, write_shard


class JobStep(NamedTuple):
    """One function that workers run for every task.

    Attributes:
        name: the step's name, as Beam shows it.
        function: from the job and a task to a result. It belongs to a module, so that workers can import it.
        task: the type of the tasks.
        result: the type of the results; those in `SUMMARIES` are also written into the work folder, all in one file.
        next_tasks: from the job and all results to the tasks of the next step; None for the last step.
    """

    name: str
    function: Callable[[Job, Any], Any]
    task: type
    result: type
    next_tasks: Callable[[Job, Any], Iterable[Any]] | None = None


def steps_of(name: str) -> Sequence[JobStep]:
    """The steps of one part of the job, in order, by the part's name."""
    spill_rows = JobStep("Spill rows", spill_piece, Piece, SpilledPiece)
    steps = {
        "measure_lengths": [JobStep("Measure lengths", measure_piece, Piece, MeasuredPiece)],
        "spill_rows": [spill_rows],
        "merge_counts": [JobStep("Merge counts", merge_counts, MergeTask, str)],
        "prepare_shards": [
            spill_rows._replace(next_tasks=assign_shards),
            JobStep("Write shards", write_shard, ShardTask, WrittenShard),
        ],
    }
    return steps[name]


def finish_step(job: Job, step: JobStep, results: list[Any]) -> Iterator[Any]:
    """Writes the summary of a step; returns the tasks of the next step, none after the last one."""
    if step.result in SUMMARIES:
        write_summary(job, step.result, results)
    return iter([] if step.next_tasks is None else step.next_tasks(job, results))
