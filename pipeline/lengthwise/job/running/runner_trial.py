"""A job of one element, by which a runner shows that its workers have this package and reach the same folders."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from lengthwise import __version__
from lengthwise.errors import EnvironmentFailure
from lengthwise.storage import files

TIMEOUT_S = 120.0


def try_runner(options: Sequence[str], folders: Iterable[str], timeout_s: float = TIMEOUT_S) -> None:
    """Runs the trial.

    Args:
        options: Beam's.
        folders: what the workers must reach; each can be written from here.
        timeout_s: how long the runner may take, in seconds.

    Raises:
        EnvironmentFailure: the runner failed or did not answer; or a worker has another version or other folders.
    """
    import apache_beam as beam

    from lengthwise.job.running.beam_runner import run_pipeline

    with _probes(folders) as probes:

        def build(pipeline: beam.Pipeline) -> None:
            _ = (
                pipeline
                | "Create" >> beam.Create([probes])
                | "Spread" >> beam.Reshuffle()
                | "Try" >> beam.Map(lambda found: _look(__version__, found))
            )

        run_pipeline(build, options, timeout_s=timeout_s)


@contextmanager
def _probes(folders: Iterable[str]) -> Iterator[list[str]]:
    """A file in each folder, as long as it lasts."""
    probes = [files.join(folder, f".lengthwise-{uuid.uuid4().hex[:8]}") for folder in folders]
    try:
        for probe in probes:
            files.write_bytes(probe, b"1")
        yield probes
    finally:
        for probe in probes:
            files.remove(probe)


def _look(version: str, probes: Sequence[str]) -> None:
    """What a worker does."""
    if version != __version__:
        raise EnvironmentFailure(f"a worker has lengthwise {__version__}, expected {version}; install that for workers")
    missing = [probe.rpartition("/")[0] for probe in probes if not files.exists(probe)]
    if missing:
        raise EnvironmentFailure(
            f"a worker does not find what is in {missing[0]}: it must reach it under the same path"
        )
