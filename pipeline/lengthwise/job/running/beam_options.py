"""Checks Beam's options before Beam runs: options that would lose data, hang, or fail after minutes are errors."""

import re
from collections.abc import Sequence

from lengthwise.config import JobConfig
from lengthwise.errors import ConfigError
from lengthwise.job.running.beam_flags import check_flags, check_runner_name
from lengthwise.storage import files

_EMBEDDED = ("FnApiRunner", "DirectRunner")
_PROJECT = (re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"), "a project id, such as my-project")
_REGION = (re.compile(r"[a-z]+-[a-z]+[0-9]+"), "a region, such as europe-west1")
_FOLDER = (re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/.*)?"), "a folder such as gs://my-bucket/tmp")


def runner_name(options: Sequence[str]) -> str:
    """The name of the runner that the options select; by default that of the embedded runner."""
    return option_value(options, "runner") or _EMBEDDED[0]


def is_embedded(options: Sequence[str]) -> bool:
    """Whether the job runs on this machine, in Beam's own runner."""
    return _short(runner_name(options)) in map(_short, _EMBEDDED)


def needs_beam(options: Sequence[str]) -> bool:
    """Whether Beam runs the job: its options name a runner, or belong to the embedded runner, or request a dry run.

    Worker processes on this machine are always our own: if one of Beam's dies early, its runner waits forever.
    """
    if is_embedded(options) and option_value(options, "direct_running_mode") == "multi_processing":
        return False
    return is_dry_run(options) or any(option.startswith(("--runner", "--direct_")) for option in options)


def number_of_workers(options: Sequence[str]) -> int | None:
    """The number of workers on this machine that the options request; None if they do not say."""
    value = option_value(options, "direct_num_workers")
    return int(value) or None if value.isdigit() else None


def is_dry_run(options: Sequence[str]) -> bool:
    """Whether the job is only built, not run."""
    return any(option in ("--dry_run", "--dry_run=True", "--dry_run=true") for option in options)


def check_options(options: Sequence[str], config: JobConfig, folder: str, name: str = "output.path") -> None:
    """Refuses options that cannot work, immediately and without a network.

    Args:
        options: Beam's.
        config: the configuration, whose input the workers read.
        folder: the folder to which they write.
        name: the folder's name in messages, such as the field that names it.

    Raises:
        ConfigError: what `check_runner` refuses, Dataflow options that are missing or malformed, or paths that remote
            workers cannot reach.
    """
    check_runner(options)
    if "dataflow" in runner_name(options).lower():
        _check_dataflow(options, [(name, folder), *(("inputs.files", pattern) for pattern in input_patterns(config))])


def check_runner(options: Sequence[str]) -> None:
    """Refuses runners and options that are not Beam's.

    Raises:
        ConfigError: the runner is unknown or loses data, or an option is unknown or has a wrong value.
    """
    if not options:
        return
    name = runner_name(options)
    if "dask" in name.lower():
        raise ConfigError(
            "--runner=DaskRunner: Beam's Dask runner drops finish_bundle output and whole branches while it reports "
            "success, so it would lose records; use FnApiRunner, Flink, Spark (PortableRunner) or Dataflow"
        )
    check_runner_name(name)
    check_flags(options, is_open=not is_embedded(options) and "dataflow" not in name.lower())


def _short(runner: str) -> str:
    """The runner's short name, which Beam accepts too: in lower case, and without `runner` at its end."""
    return runner.lower().removesuffix("runner")


def input_patterns(config: JobConfig) -> list[str]:
    """The paths and patterns of the input, of all splits."""
    return [*config.inputs.files, *(path for paths in config.inputs.by_split.values() for path in paths)]


def _check_dataflow(options: Sequence[str], paths: list[tuple[str, str]]) -> None:
    for option, (pattern, expected) in (("project", _PROJECT), ("region", _REGION), ("temp_location", _FOLDER)):
        value = option_value(options, option)
        if not pattern.fullmatch(value):
            received = repr(value) if value else "none"
            raise ConfigError(f"--{option}: expected {expected} for DataflowRunner, received {received}")
    for field, path in paths:
        if not files.is_remote(path):
            raise ConfigError(f"{field}: expected a gs:// path, which Dataflow's workers reach, received {path!r}")


def option_value(options: Sequence[str], name: str) -> str:
    """The last value given to an option, as `--name=value` or `--name value`; empty if it is not given."""
    value = ""
    for position, option in enumerate(options):
        if option.startswith(f"--{name}="):
            value = option.partition("=")[2]
        elif option == f"--{name}" and position + 1 < len(options):
            value = options[position + 1]
    return value
