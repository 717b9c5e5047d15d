"""Runs a Beam pipeline, and translates its failures into our errors."""

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineState

from lengthwise import __version__, errors
from lengthwise.errors import EnvironmentFailure, Interrupted, LengthwiseError
from lengthwise.job.running import abandoned_folders
from lengthwise.job.running.beam_options import is_embedded
from lengthwise.storage.beam_files import environment_options

_DIRECT = "no_grpc_proxy"  # the environment variable of hosts that gRPC connects to without a proxy
_JAVA_FRAME = re.compile(r"(at )?[^ ]+\([^ ]*\)|\.\.\. \d+ (more|common frames omitted)")
_OURS = re.compile(r"lengthwise\.errors\.(\w+): (.*?)(?: \[while running|\n|\\n|$)", re.DOTALL)


def run_pipeline(
    build: Callable[[beam.Pipeline], Any], options: Sequence[str], *, timeout_s: float | None = None
) -> None:
    """Builds a pipeline and runs it to its end, which a runner on a cluster must reach within `timeout_s` seconds.

    Raises:
        LengthwiseError: the error that a worker raised, with its class and message.
        EnvironmentFailure: the runner failed.
    """
    pipeline_options = PipelineOptions([*environment_options(), *options])
    runner = FnApiRunner() if is_embedded(options) else None  # DirectRunner may choose another
    abandoned_folders.remove_abandoned()
    try:
        with _reachable_past_proxies():
            pipeline = beam.Pipeline(runner=runner, options=pipeline_options)
            try:
                with abandoned_folders.claimed(pipeline.local_tempdir):
                    build(pipeline)
                    _wait_for(pipeline.run(), timeout_s)
            finally:
                shutil.rmtree(pipeline.local_tempdir, ignore_errors=True)
    except LengthwiseError:
        raise
    except Exception as error:
        raise _translate(error) from error


def _wait_for(result: Any, timeout_s: float | None) -> None:
    """Waits for the end of a job. If this process is stopped before, the cluster must not continue."""
    try:
        state = result.wait_until_finish(timeout_s and 1000 * timeout_s)
    except KeyboardInterrupt:
        _cancel(result)
        raise
    if timeout_s and not PipelineState.is_terminal(state):
        _cancel(result)
        raise EnvironmentFailure(f"the runner did not finish the job in {timeout_s:.0f} s; see its own page and logs")


def _cancel(result: Any) -> None:
    with suppress(Exception):  # the cluster may be gone
        result.cancel()


@contextmanager
def _reachable_past_proxies() -> Iterator[None]:
    """While the context lasts, gRPC connects to this machine directly, without the proxy that `http_proxy` names.

    Beam's embedded runner and its workers connect through `localhost`, also as threads of one process.
    """
    before = os.environ.get(_DIRECT)
    others = before if before is not None else os.environ.get("no_proxy", "")
    os.environ[_DIRECT] = ",".join(filter(None, ["localhost", others]))
    try:
        yield
    finally:
        if before is None:
            del os.environ[_DIRECT]
        else:
            os.environ[_DIRECT] = before


def _translate(error: Exception) -> LengthwiseError:
    """The error of a worker, which Beam passes on as text, or a failure of the runner."""
    if "KeyboardInterrupt" in str(error):
        return Interrupted("stopped; the same command resumes")
    match = _OURS.search(str(error))
    if match:
        kind = getattr(errors, match[1], EnvironmentFailure)
        return kind(match[2].strip())
    if "No module named 'lengthwise" in str(error):
        return EnvironmentFailure(
            f"lengthwise {__version__} is not installed on a worker; install this version in the workers' environment"
        )
    lines = filter(None, map(str.strip, str(error).splitlines()))
    last = [line for line in lines if not _JAVA_FRAME.fullmatch(line)]
    return EnvironmentFailure(f"the Beam runner failed: {last[-1] if last else type(error).__name__}")
