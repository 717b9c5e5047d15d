"""The job as Beam transforms. No record crosses an edge: what travels is which file to read, and where rows wait.

input files -> measure lengths -> summarise                                            (`plan` and `check`)

input files -> spill rows -> summarise                                                 (only where buckets are planned)
input files -> spill sorted runs -> gather references, assign shards -> write shards -> summarise
"""

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from pydantic import TypeAdapter

from lengthwise import files
from lengthwise.job.measure import measure_file
from lengthwise.job.model import Job, Measured, ShardTask, Spilled, Written
from lengthwise.job.shards import assign_shards, write_shard
from lengthwise.job.spill import spill_file

MEASURED, SPILLED, WRITTEN = "measured.json", "spilled.json", "written.json"
"""The summaries that the last step of each pipeline leaves in the work folder."""


def measure_lengths(pipeline: beam.Pipeline, job: Job) -> None:
    """Measures every input file."""
    measured = (
        pipeline
        | "List input files" >> beam.Create(list(job.inputs))
        | "Spread files over workers" >> beam.Reshuffle()
        | "Measure lengths" >> beam.Map(lambda source: measure_file(job, source)).with_output_types(Measured)
    )
    _summarise(measured, "lengths", job, MEASURED, list[Measured])


def spill_rows(pipeline: beam.Pipeline, job: Job) -> None:
    """Reads every input file, before there are boundaries."""
    _summarise(_spilled(pipeline, job), "rows", job, SPILLED, list[Spilled])


def prepare_shards(pipeline: beam.Pipeline, job: Job) -> None:
    """Reads every input file, where that is not done yet, and writes every shard into the work folder."""
    written = (
        _together(_spilled(pipeline, job), "runs")
        | "Assign shards" >> beam.FlatMap(lambda runs: _assign(job, runs)).with_output_types(ShardTask)
        | "Spread shards over workers" >> beam.Reshuffle()
        | "Write shards" >> beam.Map(lambda task: write_shard(job, task)).with_output_types(Written)
    )
    _summarise(written, "shards", job, WRITTEN, list[Written])


def _spilled(pipeline: beam.Pipeline, job: Job) -> beam.PCollection:
    return (
        pipeline
        | "List input files" >> beam.Create(list(job.inputs))
        | "Spread files over workers" >> beam.Reshuffle()
        | "Spill rows" >> beam.Map(lambda source: spill_file(job, source)).with_output_types(Spilled)
    )


def read_summary(job: Job, name: str, kind: type) -> list:  # type: ignore[type-arg]
    """What a pipeline left in the work folder; nothing where nothing arrived there, so count what should have."""
    path = job.place(name)
    return TypeAdapter(kind).validate_json(files.read_bytes(path)) if files.exists(path) else []


def _assign(job: Job, runs: list[Spilled]) -> Iterator[ShardTask]:
    _write_summary(job, SPILLED, list[Spilled], runs)
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
    _ = _together(parts, what) | f"Summarise {what}" >> beam.Map(lambda found: _write_summary(job, name, kind, found))


def _write_summary(job: Job, name: str, kind: type, found: list[Any]) -> None:
    files.write_bytes(job.place(name), TypeAdapter[Any](kind).dump_json(found))
