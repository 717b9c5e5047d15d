"""The stages of a job, run by workers on this machine or by Beam: measure; or read, plan, write and publish."""

import dataclasses
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from lengthwise.buckets import LengthHistogram, PairHistogram, bounds_of
from lengthwise.buckets.boundary_text import boundaries_text
from lengthwise.errors import DataLimitError, EnvironmentFailure, NothingRan
from lengthwise.job.planning.length_measurement import lengths_to_plan, plan_buckets, unsampled
from lengthwise.job.reading.input_files import NO_RECORD
from lengthwise.job.reading.input_pieces import cut_files, join_pieces, largest_first
from lengthwise.job.running.beam_options import is_dry_run, is_embedded, needs_beam, number_of_workers, runner_name
from lengthwise.job.running.fast_start import gc_disabled, gc_frozen, import_beam
from lengthwise.job.running.interrupts import interruptible
from lengthwise.job.running.local_workers import LocalWorkers
from lengthwise.job.running.worker_count import choose_workers, embedded_options
from lengthwise.job.task_values import Job, MeasuredPiece, Piece, PieceRead, SpilledPiece, WrittenShard
from lengthwise.job.workspace.step_summaries import read_summary
from lengthwise.job.workspace.vocabulary_files import to_count
from lengthwise.manifest import Manifest
from lengthwise.progress import Event, ProgressSink, collect, ignore
from lengthwise.storage import files

PieceResult = TypeVar("PieceResult", bound=PieceRead)

ACCEPTED = "dry run: {} accepts the job; nothing was read or written"


@contextmanager
def stages_of(job: Job, workers: int | None, options: Sequence[str], progress: ProgressSink) -> "Iterator[Stages]":
    """Starts the workers that run a job's steps: on this machine, or by Beam if its options name a runner."""
    pieces, size = cut_files(job), sum(source.size for source in job.inputs)
    if needs_beam(options):
        import_beam()
        if is_embedded(options):
            options = [*embedded_options(workers), *options]
        elif files.is_remote(job.work):
            progress(Event("log", message="the runner's own page shows the progress: the work folder is remote"))
        yield Stages(pieces, size, partial(_run_on_beam, options), progress)
        return
    count, why = choose_workers(workers or number_of_workers(options), len(pieces), size)
    progress(Event("log", message=why))
    with interruptible(), LocalWorkers(count, options) as local_workers:
        yield Stages(pieces, size, partial(_run_on_workers, local_workers), progress)


def _run_on_beam(options: Sequence[str], name: str, job: Job, tasks: Sequence[Any]) -> None:
    """Runs the steps `name` of `job_steps` on Beam."""
    files.make_folder(job.work)  # workers do not: if they do not find it, it is on another machine, or was removed
    with gc_disabled():
        from lengthwise.job.running import beam_pipeline, beam_runner
    with gc_frozen():
        beam_runner.run_pipeline(lambda pipeline: beam_pipeline.build_steps(pipeline, name, job, tasks), options)
    if is_dry_run(options) and not is_embedded(options):
        raise NothingRan(ACCEPTED.format(runner_name(options)))


def _run_on_workers(workers: LocalWorkers, name: str, job: Job, tasks: Sequence[Any]) -> None:
    """Runs the steps `name` of `job_steps` on this machine."""
    files.make_folder(job.work)
    from lengthwise.job.running import job_steps

    with gc_frozen():
        for step in job_steps.steps_of(name):
            results = workers.map(step.function, job, tasks)
            tasks = list(job_steps.finish_step(job, step, results))


class Stages:
    """Runs the stages of a job, with progress.

    Args:
        pieces: of the input.
        size: of the input in bytes.
        run_steps: runs steps of `job_steps` by their name, for a job, with the tasks of the first of them.
        progress: receives the progress.
    """

    def __init__(
        self,
        pieces: tuple[Piece, ...],
        size: int,
        run_steps: Callable[[str, Job, Sequence[Any]], None],
        progress: ProgressSink,
    ) -> None:
        self._progress = progress
        self._pieces = pieces
        self._size = size
        self._run = run_steps
        with gc_disabled():  # all that the steps import
            from lengthwise.job.running import job_steps  # noqa: F401
            from lengthwise.job.writing import manifest_assembly, publication  # noqa: F401

    def measure(self, job: Job) -> tuple[tuple[Piece, ...], list[MeasuredPiece]]:
        """The pieces of the input, and the lengths and rejects of each.

        Raises:
            EnvironmentFailure: the results of some pieces did not arrive.
            NothingRan: it was a dry run.
        """
        return self._of_each_piece(job, "measure", "measure_lengths", MeasuredPiece)

    def lengths(self, job: Job) -> LengthHistogram | PairHistogram:
        """The lengths of the valid sequences: of the whole input if a sample has none.

        Raises:
            DataLimitError: the input contains no record.
        """
        _, measured = self.measure(job)
        lengths = lengths_to_plan(measured, job.config)
        if lengths.total == 0 and job.config.buckets.sample < 1:
            return self.lengths(dataclasses.replace(job, config=unsampled(job.config), work=job.work_path("whole")))
        if not any(piece.tally.read for piece in measured):
            raise DataLimitError(NO_RECORD)
        return lengths

    def plan(self, job: Job) -> tuple[Job, tuple[Piece, ...]]:
        """The job with its boundaries, and the pieces of its input with the numbers of their first records.

        If boundaries are planned, vocabularies are counted, or a file is in pieces, the whole input is read, and its
        rows wait for `prepare`.

        Raises:
            DataLimitError: the input contains no record, so buckets cannot be planned; or no value occurs often enough
                for a vocabulary.
            EnvironmentFailure: the results of some pieces did not arrive.
        """
        from lengthwise.job.planning.counted_vocabularies import count_vocabularies

        given = job.config.buckets.given
        if given:
            job = dataclasses.replace(job, boundaries=given)
            if all(piece.is_whole for piece in self._pieces) and not to_count(job):
                return job, self._pieces
        pieces, spilled = self._of_each_piece(job, "read", "spill_rows", SpilledPiece)
        job = count_vocabularies(job, spilled, self._run, self._progress)
        if given:
            return job, pieces
        if not any(piece.tally.read for piece in spilled):
            raise DataLimitError(NO_RECORD)
        plan = plan_buckets(job.config, lengths_to_plan(spilled, job.config))
        self._progress(Event("log", message=f"planned boundaries: {boundaries_text(plan.boundaries)}"))
        return dataclasses.replace(job, boundaries=bounds_of(plan)), pieces

    def prepare(self, job: Job, pieces: tuple[Piece, ...]) -> Manifest:
        """Writes the shards of a planned job, and publishes the data set."""
        from lengthwise.job.writing import manifest_assembly, publication, shard_writing

        with self._watched(job, "read", self._size) as job:
            self._run("prepare_shards", job, largest_first(pieces))
        spilled = read_summary(job, SpilledPiece)
        written = read_summary(job, WrittenShard)
        manifest = manifest_assembly.make_manifest(job, pieces, spilled, written)
        damage = [piece.damage for piece in spilled if piece.damage]
        return publication.publish(job, pieces, manifest, shard_writing.final_paths(job, written), damage)

    def _of_each_piece(
        self, job: Job, stage: str, step: str, kind: type[PieceResult]
    ) -> tuple[tuple[Piece, ...], list[PieceResult]]:
        """The pieces of the input, and the result of a step for each; it runs again for pieces that do not fit."""
        results: dict[str, PieceResult] = {}
        pieces = unread = self._pieces
        with self._watched(job, stage, self._size) as job:
            while unread:
                results |= self._read(job, unread, step, kind)
                pieces, unread = join_pieces(pieces, results)
        return pieces, [results[piece.name] for piece in pieces]

    def _read(self, job: Job, pieces: Sequence[Piece], step: str, kind: type[PieceResult]) -> dict[str, PieceResult]:
        """The results of a step for these pieces, by their names."""
        self._run(step, job, largest_first(pieces))
        results = {result.piece: result for result in read_summary(job, kind)}
        if results.keys() != {piece.name for piece in pieces}:
            raise EnvironmentFailure(
                f"{job.work}: expected the results of {len(pieces)} pieces of the input, received {len(results)}; "
                "check that all workers can write to this folder, then run again"
            )
        return results

    @contextmanager
    def _watched(self, job: Job, stage: str, total: int) -> Iterator[Job]:
        """The job with a folder in which workers report their progress, which a thread passes on."""
        if self._progress is ignore or files.is_remote(job.work):
            yield job
            return
        folder = job.work_path("progress")
        files.write_bytes(files.join(folder, "started"), b"1")
        stopped = threading.Event()

        writes = False

        def so_far() -> Event:
            nonlocal writes
            written = collect(folder, "write", 0)
            if written.done and not writes:
                writes = True  # all is read: report the last numbers of reading before the first ones of writing
                self._progress(collect(folder, stage, total))
            return written if writes else collect(folder, stage, total)

        def watch() -> None:
            while not stopped.wait(0.5):
                self._progress(so_far())

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield dataclasses.replace(job, progress=folder)
        finally:
            stopped.set()
            thread.join()
        last = so_far()
        self._progress(dataclasses.replace(last, total=last.total or last.done))
