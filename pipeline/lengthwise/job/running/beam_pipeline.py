"""The steps of the job as a Beam pipeline. Its elements are references: pieces to read, and where rows are on disk."""

from collections.abc import Sequence
from typing import Any

import apache_beam as beam

from lengthwise.job.running.job_steps import JobStep, finish_step, steps_of
from lengthwise.job.task_values import Job
from lengthwise.job.workspace.step_summaries import SUMMARIES


def build_steps(pipeline: beam.Pipeline, name: str, job: Job, tasks: Sequence[Any]) -> None:
    """Adds the steps `name` of `job_steps` to a pipeline; `tasks` are those of the first step."""
    elements = pipeline | "List tasks" >> beam.Create(tasks)
    steps = steps_of(name)
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        results = _run(elements, job, step)
        if step.result in SUMMARIES:
            elements = _finish(results, job, step, following)


def _run(tasks: beam.PCollection, job: Job, step: JobStep) -> beam.PCollection:
    run = beam.Map(lambda task: step.function(job, task)).with_output_types(step.result)
    return tasks | f"{step.name}: spread tasks over workers" >> beam.Reshuffle() | step.name >> run


def _finish(results: beam.PCollection, job: Job, step: JobStep, following: JobStep | None) -> beam.PCollection:
    """Gathers all results in one worker, where they fit, as they are references; returns the tasks of the next step."""
    finish = beam.FlatMap(lambda gathered: finish_step(job, step, gathered))
    if following is not None:
        finish = finish.with_output_types(following.task)
    return (
        results
        | f"{step.name}: key results" >> beam.Map(lambda result: (None, result))
        | f"{step.name}: gather results" >> beam.GroupByKey()
        | f"{step.name}: list results" >> beam.MapTuple(lambda _, gathered: list(gathered))
        | f"{step.name}: summarise" >> finish
    )
