"""The checks of `lengthwise doctor`. Each is a function that yields findings."""

import importlib.metadata
import importlib.util
import os
import platform
import resource
import shutil
import socket
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from lengthwise_cli.library_silence import native_stderr_silenced

GIB = 2**30
_CGROUP_MEMORY = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check.

    Attributes:
        what: the checked package, resource, path or runner.
        status: `ok`; `note`: works, but something is worth knowing; `bad`: something will not work.
        found: what was found.
        advice: how to fix it; empty if nothing is wrong.
    """

    what: str
    status: Literal["ok", "note", "bad"]
    found: str
    advice: str = ""


def checks(
    paths: Sequence[str], runner_options: Sequence[str]
) -> Iterator[tuple[str, Callable[[], Iterator[Finding]]]]:
    """Returns the checks and their descriptions, the slow ones last.

    Args:
        paths: files or folders that the user wants to reach.
        runner_options: Beam's options of the runner that the user wants to use; none for the embedded one.
    """
    yield "versions", versions
    yield "threads and memory", machine
    yield "file systems", file_system_clients
    for path in paths:
        yield f"access to {path}", partial(access, path)
    yield "Beam's embedded runner", embedded_runner
    yield "other runners", other_runners
    if runner_options:
        yield "the runner and its workers", partial(chosen_runner, runner_options, paths)
    yield "TensorFlow", tensorflow


def versions() -> Iterator[Finding]:
    """Checks that each dependency has a supported version. Imports none of them."""
    yield Finding("python", "ok", f"{platform.python_version()} ({sys.executable}), {platform.platform()}")
    try:
        needed = importlib.metadata.requires("lengthwise") or []
        yield Finding("lengthwise", "ok", importlib.metadata.version("lengthwise"))
    except importlib.metadata.PackageNotFoundError:
        yield Finding("lengthwise", "note", "not installed, run from its source", "pip install -e .")
        return
    from packaging.requirements import Requirement

    for requirement in map(Requirement, needed):
        name, marker = requirement.name, requirement.marker
        required = marker is None or marker.evaluate({"extra": ""})
        if required or (marker and marker.evaluate({"extra": "prepare"}) and _installed_version(name)):
            yield _version(name, str(requirement.specifier))


def _installed_version(name: str) -> str:
    """The version of a package; empty if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _version(name: str, specifier: str) -> Finding:
    from packaging.specifiers import SpecifierSet

    advice = f"pip install '{name}{specifier}'"
    found = _installed_version(name)
    if not found:
        return Finding(name, "bad", "not installed", advice)
    if not SpecifierSet(specifier).contains(found, prereleases=True):
        return Finding(name, "bad", f"{found}, expected {specifier}", advice)
    return Finding(name, "ok", found)


def machine() -> Iterator[Finding]:
    """Cores, memory, open files."""
    from lengthwise.cores import usable_cores

    usable = f"{usable_cores()} of {os.cpu_count() or 1} usable, by CPU affinity and the quotas of cgroups"
    yield Finding("cores", "ok", f"{usable}; `--workers` chooses how many are used")
    memory = _memory()
    advice = "" if memory >= 4 * GIB else "give at least 2 GiB per worker, or use --workers 1"
    yield Finding("memory", "note" if advice else "ok", f"{memory / GIB:.1f} GiB", advice)
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    advice = "" if files >= 1024 else f"ulimit -n {min(most, 4096) if most > 0 else 4096}"
    yield Finding("open files", "note" if advice else "ok", f"up to {files}", advice)


def _memory() -> int:
    """Returns the machine's memory, or the limit of the container."""
    limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in _CGROUP_MEMORY:
        if os.path.exists(path):
            with open(path) as stream:
                text = stream.read().strip()
            limits += [int(text)] if text.isdigit() else []
    return min(limits)


def file_system_clients() -> Iterator[Finding]:
    """Checks local space, and which remote file systems have their client."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    advice = "" if free >= GIB else "free some space, or set TMPDIR"
    yield Finding(f"temporary files in {folder}", "note" if advice else "ok", f"{free / GIB:.1f} GiB free", advice)
    clients = {"gs://": ("google.cloud.storage", "gcp"), "s3://": ("boto3", "aws"), "hdfs://": ("hdfs", "hdfs")}
    for scheme, (module, extra) in clients.items():
        if _is_installed(module):
            yield Finding(scheme, "ok", f"client installed ({module})")
        else:
            yield Finding(scheme, "note", "no client", f"only if you need it: pip install 'lengthwise[{extra}]'")


def access(path: str) -> Iterator[Finding]:
    """Checks that a file can be read, or a folder can be written."""
    from lengthwise.errors import LengthwiseError
    from lengthwise.storage import files

    try:
        found = files.find(path)
        if found:
            with files.open_binary(found[0].path) as stream:
                stream.read(1)
            yield Finding(path, "ok", f"readable, {len(found)} files")
            return
        if not files.is_remote(path) and not os.path.isdir(path):
            yield _may_make(path)
            return
        probe = files.join(path, f".lengthwise-{uuid.uuid4().hex[:8]}")
        files.write_bytes(probe, b"")
        files.remove(probe)
        yield Finding(path, "ok", "a folder that can be written")
    except (LengthwiseError, OSError) as error:
        yield Finding(path, "bad", str(error), "check path, permissions and credentials")
    except Exception as error:  # noqa: BLE001 (each remote file system has its own exceptions)
        yield Finding(
            path, "bad", f"{type(error).__name__}: {error}", "check path and credentials, and the client above"
        )


def _may_make(path: str) -> Finding:
    """Checks whether a missing local folder could be created."""
    parent = os.path.abspath(path)
    while not os.path.exists(parent):
        parent = os.path.dirname(parent)
    if os.path.isdir(parent) and os.access(parent, os.W_OK):
        return Finding(path, "note", f"does not exist; can be created in {parent}")
    return Finding(path, "bad", f"does not exist, cannot be created in {parent}", "check the path, or its permissions")


def embedded_runner() -> Iterator[Finding]:
    """Runs a pipeline of one element, and tfx-bsl's decoder."""
    if not (_is_installed("apache_beam") and _is_installed("tfx_bsl")):
        advice = "only if you prepare data here: pip install 'lengthwise[prepare]'"
        yield Finding("embedded runner", "note", "Beam and tfx-bsl are not installed", advice)
        return
    try:
        import apache_beam as beam
        from tfx_bsl.coders import example_coder

        from lengthwise.job.running.beam_runner import run_pipeline

        def build(pipeline: object) -> None:
            _ = pipeline | "Create" >> beam.Create([1]) | "Double" >> beam.Map(lambda value: 2 * value)

        run_pipeline(build, ["--direct_num_workers=1"])
        example_coder.ExamplesToRecordBatchDecoder(b"").DecodeBatch([b""])
        yield Finding("embedded runner", "ok", "runs; tfx-bsl decodes")
    except Exception as error:  # noqa: BLE001 (any failure is the finding)
        advice = "reinstall in a fresh environment: tfx-bsl, TensorFlow and protobuf move together"
        yield Finding("embedded runner", "bad", f"{type(error).__name__}: {error}", advice)


def other_runners() -> Iterator[Finding]:
    """Lists the other runners that `--runner` may name."""
    if _is_installed("google.cloud.dataflow_v1beta3") or _is_installed("apache_beam.runners.dataflow.internal.clients"):
        yield Finding("DataflowRunner", "ok", "installed; needs --project, --region and a gs:// --temp_location")
    else:
        advice = "only if you need it: pip install 'lengthwise[gcp]'"
        yield Finding("DataflowRunner", "note", "its client is not installed", advice)
    yield Finding("PortableRunner", "ok", "Flink, Spark, Prism: needs --job_endpoint=HOST:PORT")
    yield Finding("DaskRunner", "note", "refused: it loses records", "use one of the others")


def chosen_runner(options: Sequence[str], paths: Sequence[str]) -> Iterator[Finding]:
    """Checks that the job endpoint and the pool of workers answer, and that a worker runs a job."""
    from lengthwise.errors import LengthwiseError
    from lengthwise.job.running.beam_options import option_value, runner_name
    from lengthwise.job.running.runner_trial import try_runner
    from lengthwise.storage import files

    endpoint = option_value(options, "job_endpoint")
    if endpoint and not _answers(endpoint):
        advice = "start the engine's job server there, or check host and port"
        yield Finding(f"job endpoint {endpoint}", "bad", "nothing answers", advice)
        return
    pool = option_value(options, "environment_config")
    if option_value(options, "environment_type") == "EXTERNAL" and not _answers(pool):
        advice = "start the pool there; if only the engine's machines reach it, that is enough"
        yield Finding(f"pool of workers {pool}", "note", "nothing answers here", advice)
    folders = [path for path in paths if files.is_remote(path) or os.path.isdir(path)]
    name = runner_name(options)
    try:
        try_runner(options, folders)
    except LengthwiseError as error:
        yield Finding(name, "bad", str(error), "read the logs of the job server and of the workers")
    else:
        reached = f" and reaches {', '.join(folders)}" if folders else ""
        yield Finding(name, "ok", f"a worker ran a job, has this version{reached}")


def _answers(address: str) -> bool:
    """Whether something listens at `HOST:PORT`."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5):
            return True
    except (OSError, ValueError):
        return False


def tensorflow() -> Iterator[Finding]:
    """Imports TensorFlow, and lists its devices."""
    try:
        with native_stderr_silenced():
            import tensorflow as tf

            gpus = [device.name for device in tf.config.list_physical_devices("GPU")]
            built = tf.test.is_built_with_cuda()
    except Exception as error:  # noqa: BLE001 (any failure is the finding)
        yield Finding("tensorflow", "bad", f"cannot be imported: {error}", "pip install 'tensorflow>=2.21,<2.22'")
        return
    yield Finding("tensorflow", "ok", f"{tf.__version__} imports")
    if gpus:
        yield Finding("GPU", "ok", ", ".join(gpus))
    else:
        why = "none seen" if built else "this TensorFlow is built without CUDA"
        yield Finding("GPU", "note", why, "only if you have one: pip install 'tensorflow[and-cuda]'")


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
