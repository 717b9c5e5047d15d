"""Runs a whole job from its configuration to its manifest; measures or checks its input alone."""

from collections.abc import Sequence
from typing import NoReturn

from lengthwise.buckets import LengthHistogram, PairHistogram
from lengthwise.config import JobConfig
from lengthwise.errors import ConfigError, NothingRan
from lengthwise.job.data_check import CheckResult, check_hopeless, check_pieces
from lengthwise.job.planning.hopeless_input import find_hopeless, refuse_hopeless
from lengthwise.job.planning.length_measurement import unsampled
from lengthwise.job.reading.input_files import list_inputs, unlisted_inputs
from lengthwise.job.running.beam_options import check_options, input_patterns, is_dry_run, runner_name
from lengthwise.job.running.cluster_paths import for_workers
from lengthwise.job.running.interrupts import interruptible
from lengthwise.job.running.stages import ACCEPTED, stages_of
from lengthwise.job.task_values import Job
from lengthwise.job.workspace.job_fingerprint import fingerprint_job
from lengthwise.job.workspace.output_lock import PROBE, WORK, has_work, locked, remove_work
from lengthwise.job.workspace.work_folder import find_existing, refuse_own_sources, start_over_where_needed, work_folder
from lengthwise.manifest import Manifest, load_manifest
from lengthwise.progress import Event, ProgressSink, ignore
from lengthwise.storage import files


def run(
    config: JobConfig,
    *,
    overwrite: bool = False,
    workers: int | None = None,
    runner_options: Sequence[str] = (),
    progress: ProgressSink = ignore,
) -> Manifest:
    """Prepares a data set: reads, validates, buckets, pads, writes, and publishes it when it is complete.

    Interrupted anywhere, the same call resumes.

    Args:
        config: what to read, by which columns, and what to write.
        overwrite: whether a data set that exists in the output folder is replaced, once the new one is complete.
        workers: the number of workers on this machine; None for one per core that this process may use.
        runner_options: Beam's options, such as `--runner=DataflowRunner`; none for this machine.
        progress: receives the progress of the job.

    Returns:
        The manifest of the data set in the output folder.

    Raises:
        ConfigError: the configuration, the input's paths, the output folder or the runner's options are wrong.
        DataLimitError: the data exceeds a limit; the rejects are written, the data set is not.
        EnvironmentFailure: disk, permissions or the runner failed.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP.
        NothingRan: the runner's options request a dry run, and it succeeded.
    """
    folder = config.output.path
    if not folder:
        raise ConfigError("output.path: expected a folder for the prepared data set, received none; name one")
    check_options(runner_options, config, folder)
    if is_dry_run(runner_options):
        _dry_run(config, runner_options)
    use_file_system_options(config, folder, runner_options)
    if files.is_remote(folder):
        _check_writable(folder)
    inputs = list_inputs(config, progress)
    refuse_own_sources(config, inputs, folder)
    digest = fingerprint_job(config, inputs)
    with interruptible():
        existing = find_existing(config, inputs, digest, overwrite=overwrite)
        is_done = existing is not None and not has_work(folder)
    if existing is None:
        refuse_hopeless(Job(config, inputs, (), digest, ""))
    if not is_done:
        with interruptible(), locked(folder):
            # Another run may have finished the data set while it had locked the folder.
            existing = find_existing(config, inputs, digest, overwrite=overwrite)
            if existing is None:
                job = Job(config, inputs, (), digest, work_folder(folder, inputs, digest))
                job = for_workers(job, runner_options)
                start_over_where_needed(folder, job.work)
                with stages_of(job, workers, runner_options, progress) as stages:
                    stages.prepare(*stages.plan(job))
            remove_work(folder)
    if existing is not None:
        progress(Event("log", message=f"{folder} is complete already; --overwrite prepares it again"))
    return load_manifest(folder)


def measure_lengths(
    config: JobConfig,
    *,
    workers: int | None = None,
    runner_options: Sequence[str] = (),
    progress: ProgressSink = ignore,
    folder: str,
) -> LengthHistogram | PairHistogram:
    """The lengths of the valid sequences of the input, without bucketing; with groups, of the first two.

    Args:
        config: what to read, by which columns; the output is not used.
        workers: see `run`.
        runner_options: see `run`.
        progress: see `run`.
        folder: a folder for partial results; workers must reach it.

    Raises:
        ConfigError: the configuration, the input's paths or the runner's options are wrong.
        DataLimitError: the input contains no record, or its first records are all rejected for the same reason.
        EnvironmentFailure: the runner failed, or its results did not arrive in `folder`.
        NothingRan: see `run`.
    """
    job = _measuring(config, folder, runner_options, progress)
    if not is_dry_run(runner_options):
        refuse_hopeless(job)
    with stages_of(job, workers, runner_options, progress) as stages:
        return stages.lengths(job)


def check(
    config: JobConfig,
    *,
    workers: int | None = None,
    runner_options: Sequence[str] = (),
    progress: ProgressSink = ignore,
    folder: str,
) -> CheckResult:
    """Validates the whole input; writes only into `folder`.

    Args:
        config: what to read, by which columns; the output is not used.
        workers: see `run`.
        runner_options: see `run`.
        progress: see `run`.
        folder: a folder for partial results; workers must reach it.

    Raises:
        ConfigError, EnvironmentFailure, NothingRan: see `measure_lengths`.
    """
    job = _measuring(unsampled(config), folder, runner_options, progress)
    hopeless = None if is_dry_run(runner_options) else find_hopeless(job)
    if hopeless is not None:
        return check_hopeless(hopeless)
    with stages_of(job, workers, runner_options, progress) as stages:
        return check_pieces(job, *stages.measure(job))


def _measuring(config: JobConfig, folder: str, options: Sequence[str], progress: ProgressSink) -> Job:
    """A job that only reads, with its results in `folder`."""
    check_options(options, config, folder, "folder")
    use_file_system_options(config, folder, options)
    job = Job(config, list_inputs(config, progress), config.buckets.given, "", folder)
    return for_workers(job, options)


def _dry_run(config: JobConfig, options: Sequence[str]) -> NoReturn:
    """Builds the job from the input's patterns, without listing files, and gives it to the runner to check it."""
    from lengthwise.job.reading.input_pieces import whole_files
    from lengthwise.job.running.beam_pipeline import build_steps
    from lengthwise.job.running.beam_runner import run_pipeline

    inputs = unlisted_inputs(config)
    work = files.join(config.output.path, WORK, "dry-run")
    job = Job(config, inputs, config.buckets.given or ((1,),), "", work)
    run_pipeline(lambda pipeline: build_steps(pipeline, "prepare_shards", job, whole_files(job)), options)
    raise NothingRan(ACCEPTED.format(runner_name(options)))


def use_file_system_options(config: JobConfig, folder: str, options: Sequence[str]) -> None:
    """Passes Beam's options to the remote file systems, if the job uses any."""
    if any(map(files.is_remote, [folder, *input_patterns(config)])):
        files.use_options(options)


def _check_writable(folder: str) -> None:
    """Tests whether a remote folder can be written, before a job runs for hours."""
    path = files.join(folder, WORK, PROBE)
    files.write_bytes(path, b"1")
    files.remove(path)
