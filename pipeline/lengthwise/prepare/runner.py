"""Which Beam runner runs the job, with how many workers, and how its failures become ours."""

import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.portability.portable_runner import JobServiceHandle

from lengthwise import errors
from lengthwise.beam_files import environment_options
from lengthwise.errors import EnvironmentFailure, Interrupted, LengthwiseError
from lengthwise.prepare.options import is_embedded

_PROCESSES_FROM = 512 * 2**20  # worker processes take seconds to start, and a core each: they pay off from here on
_OURS = re.compile(r"lengthwise\.errors\.(\w+): (.*?)(?: \[while running|\n|\\n|$)", re.DOTALL)


def embedded_options(workers: int | None, files: int, size: int) -> tuple[list[str], str]:
    """Options for the embedded runner, and a line that says what was chosen and why.

    Args:
        workers: how many; None for one a core.
        files: the number of input files: more workers than files would idle.
        size: the input's bytes.
    """
    count = min(workers or os.cpu_count() or 1, max(files, 1))
    if count == 1:
        return ["--direct_num_workers=1", "--direct_running_mode=in_memory"], "1 worker in this process"
    processes = size >= _PROCESSES_FROM
    mode, kind = ("multi_processing", "processes") if processes else ("multi_threading", "threads")
    why = f"{size / 2**20:.0f} MiB of input is {'at least' if processes else 'less than'} {_PROCESSES_FROM >> 20} MiB"
    return [f"--direct_num_workers={count}", f"--direct_running_mode={mode}"], f"{count} {kind}: {why}"


def run_pipeline(build: Callable[[beam.Pipeline], Any], options: Sequence[str]) -> None:
    """Builds a pipeline and runs it to its end.

    Raises:
        LengthwiseError: what a worker raised, with its own class and message.
        EnvironmentFailure: the runner failed.
    """
    pipeline_options = PipelineOptions([*environment_options(), *options])
    runner: Any = None
    if is_embedded(options):
        # As DirectRunner makes it: a bare FnApiRunner gives worker processes no options.
        encoded = JobServiceHandle.encode_pipeline_options(pipeline_options.get_all_options())
        info = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
        runner = _Embedded(provision_info=fn_runner.ExtendedProvisionInfo(info))
    try:
        pipeline = beam.Pipeline(runner=runner, options=pipeline_options)
        build(pipeline)
        pipeline.run().wait_until_finish()
    except LengthwiseError:
        raise
    except Exception as error:
        raise _translate(error) from error


class _Embedded(fn_runner.FnApiRunner):
    """Beam's embedded runner, whose worker processes start as `lengthwise.prepare.worker` says."""

    def run_via_runner_api(self, pipeline_proto: Any, options: PipelineOptions) -> Any:
        for environment in pipeline_proto.components.environments.values():
            if environment.urn == python_urns.SUBPROCESS_SDK:
                environment.payload = f"{shlex.quote(sys.executable)} -m lengthwise.prepare.worker".encode()
        return super().run_via_runner_api(pipeline_proto, options)


def _translate(error: Exception) -> LengthwiseError:
    """A worker's own error, which Beam hands on as text, or a failure of the runner."""
    if "KeyboardInterrupt" in str(error):
        return Interrupted("stopped; the same command goes on where it stopped")
    found = _OURS.search(str(error))
    if found:
        kind = getattr(errors, found[1], EnvironmentFailure)
        return kind(found[2].strip())
    last = [line for line in str(error).splitlines() if line.strip()]
    return EnvironmentFailure(f"the Beam runner failed: {last[-1].strip() if last else type(error).__name__}")
