"""The job as Beam transforms. No record crosses an edge: what travels is which piece to read, and where rows wait.

pieces of the input -> measure lengths -> summarise                                     (`plan` and `check`)

pieces of the input -> spill rows -> summarise                    (where buckets are planned, or a file is in pieces,
                                                                   or vocabularies are counted)
files of counts -> merge                                          (where vocabularies are counted, and there are many)
pieces of the input -> spill sorted runs -> gather references, assign shards -> write shards -> summarise
"""

from collections.abc import Iterator, Sequence

import apache_beam as beam

from lengthwise.job.planning.length_measurement import measure_piece
from lengthwise.job.planning.value_counting import MergeTask, merge_counts
from lengthwise.job.reading.input_pieces import largest_first
from lengthwise.job.spilling.piece_spilling import spill_piece
from lengthwise.job.task_values import Job, MeasuredPiece, Piece, ShardTask, SpilledPiece, WrittenShard
from lengthwise.job.workspace.step_summaries import MEASURED, SPILLED, WRITTEN, write_summary
from lengthwise.job.writing.shard_writing import assign_shards, write_shard


def measure_lengths(pipeline: beam.Pipeline, job: Job, pieces: Sequence[Piece]) -> None:
    """Measures the input."""
    measured = _spread(pipeline, pieces) | "Measure lengths" >> (
        beam.Map(lambda piece: measure_piece(job, piece)).with_output_types(MeasuredPiece)
    )
    _summarise(measured, "lengths", job, MEASURED, list[MeasuredPiece])


def spill_rows(pipeline: beam.Pipeline, job: Job, pieces: Sequence[Piece]) -> None:
    """Reads the input, before boundaries or the numbers of records are known."""
    _summarise(_spilled(pipeline, job, pieces), "rows", job, SPILLED, list[SpilledPiece])


def merge_all(pipeline: beam.Pipeline, job: Job, tasks: Sequence[MergeTask]) -> None:
    """Merges files of counts."""
    _ = (
        pipeline
        | "List merges" >> beam.Create(tasks)
        | "Spread merges over workers" >> beam.Reshuffle()
        | "Merge counts" >> beam.Map(lambda task: merge_counts(job, task)).with_output_types(str)
    )


def prepare_shards(pipeline: beam.Pipeline, job: Job, pieces: Sequence[Piece]) -> None:
    """Reads the input, where that is not done yet, and writes every shard into the work folder."""
    written = (
        _together(_spilled(pipeline, job, pieces), "runs")
        | "Assign shards" >> beam.FlatMap(lambda runs: _assign(job, runs)).with_output_types(ShardTask)
        | "Spread shards over workers" >> beam.Reshuffle()
        | "Write shards" >> beam.Map(lambda task: write_shard(job, task)).with_output_types(WrittenShard)
    )
    _summarise(written, "shards", job, WRITTEN, list[WrittenShard])


def _spilled(pipeline: beam.Pipeline, job: Job, pieces: Sequence[Piece]) -> beam.PCollection:
    spill = beam.Map(lambda piece: spill_piece(job, piece)).with_output_types(SpilledPiece)
    return _spread(pipeline, pieces) | "Spill rows" >> spill


def _spread(pipeline: beam.Pipeline, pieces: Sequence[Piece]) -> beam.PCollection:
    return (
        pipeline
        | "List pieces" >> beam.Create(largest_first(pieces))
        | "Spread pieces over workers" >> beam.Reshuffle()
    )


def _assign(job: Job, runs: list[SpilledPiece]) -> Iterator[ShardTask]:
    write_summary(job, SPILLED, list[SpilledPiece], runs)
    return assign_shards(job, runs)


def _together(parts: beam.PCollection, what: str) -> beam.PCollection:
    """All elements as one list; they are references, so they fit."""
    return (
        parts
        | f"Key {what}" >> beam.Map(lambda part: (None, part))
        | f"Gather {what}" >> beam.GroupByKey()
        | f"Take {what}" >> beam.MapTuple(lambda _, gathered: list(gathered))
    )


def _summarise(parts: beam.PCollection, what: str, job: Job, name: str, kind: type) -> None:
    _ = _together(parts, what) | f"Summarise {what}" >> beam.Map(lambda found: write_summary(job, name, kind, found))
