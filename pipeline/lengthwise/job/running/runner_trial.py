"""A trial job of one element: it shows whether a runner's workers have this package and reach the same folders."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from lengthwise import __version__
from lengthwise.errors import EnvironmentFailure
from lengthwise.storage import files

_TIMEOUT_S = 120.0


def try_runner(options: Sequence[str], folders: Iterable[str]) -> None:
    """Runs the trial job.

    Args:
        options: Beam's.
        folders: the folders that the workers must reach; this machine can write to each.

    Raises:
        EnvironmentFailure: the runner failed or did not answer; or a worker has a different version or other folders.
    """
    import apache_beam as beam

    from lengthwise.job.running.beam_runner import run_pipeline

    with _probes(folders) as probes:

        def build(pipeline: beam.Pipeline) -> None:
            _ = (
                pipeline
                | "Create" >> beam.Create([probes])
                | "Spread" >> beam.Reshuffle()
                | "Try" >> beam.Map(lambda paths: _check_worker(__version__, paths))
            )

        run_pipeline(build, options, timeout_s=_TIMEOUT_S)


@contextmanager
def _probes(folders: Iterable[str]) -> Iterator[list[str]]:
    """The paths of a temporary file in each folder, which exist while the context lasts."""
    probes = [files.join(folder, f".lengthwise-{uuid.uuid4().hex[:8]}") for folder in folders]
    try:
        for probe in probes:
            files.write_bytes(probe, b"1")
        yield probes
    finally:
        for probe in probes:
            files.remove(probe)


def _check_worker(version: str, probes: Sequence[str]) -> None:
    """Checks a worker's version and files; runs there."""
    if version != __version__:
        raise EnvironmentFailure(f"a worker has lengthwise {__version__}, expected {version}; install that for workers")
    missing = [probe.rpartition("/")[0] for probe in probes if not files.exists(probe)]
    if missing:
        raise EnvironmentFailure(
            f"a worker does not find the files in {missing[0]}: it must reach this folder under the same path"
        )
