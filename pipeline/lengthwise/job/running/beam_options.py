"""Beam's options, looked at before Beam is: what would lose data, hang, or fail after minutes, is an error at once."""

import re
from collections.abc import Sequence

from lengthwise.config import JobConfig
from lengthwise.errors import ConfigError
from lengthwise.job.running.beam_flags import check_flags, check_runner_name
from lengthwise.storage import files

_EMBEDDED = ("FnApiRunner", "DirectRunner")
_PROJECT = (re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"), "a project id, such as my-project")
_REGION = (re.compile(r"[a-z]+-[a-z]+[0-9]+"), "a region, such as europe-west1")
_PLACE = (re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/.*)?"), "a folder such as gs://my-bucket/tmp")


def runner_name(options: Sequence[str]) -> str:
    """The name of the runner that the options choose; the embedded runner's where they choose none."""
    return option_value(options, "runner") or _EMBEDDED[0]


def is_embedded(options: Sequence[str]) -> bool:
    """Whether the job runs on this machine, in Beam's own runner."""
    return _short(runner_name(options)) in map(_short, _EMBEDDED)


def needs_beam(options: Sequence[str]) -> bool:
    """Whether Beam runs the job: its options name a runner, or are those of the embedded runner, or of a dry run.

    Worker processes on this machine are always our own: where one of Beam's dies early, its runner waits forever.
    """
    if is_embedded(options) and option_value(options, "direct_running_mode") == "multi_processing":
        return False
    return is_dry_run(options) or any(option.startswith(("--runner", "--direct_")) for option in options)


def number_of_workers(options: Sequence[str]) -> int | None:
    """How many workers on this machine the options ask for; None where they leave it open."""
    value = option_value(options, "direct_num_workers")
    return int(value) or None if value.isdigit() else None


def is_dry_run(options: Sequence[str]) -> bool:
    """Whether the job is to be built but not run."""
    return any(option in ("--dry_run", "--dry_run=True", "--dry_run=true") for option in options)


def check_options(options: Sequence[str], config: JobConfig, folder: str, name: str = "output.path") -> None:
    """Refuses what cannot work, within a moment and without a network.

    Args:
        options: Beam's.
        config: whose input the workers are to read.
        folder: where they are to write.
        name: what the folder is called by who gave it.

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
        ConfigError: an unknown runner or one that loses data, or an option that is unknown or has a wrong value.
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
    """The runner's name as Beam takes it too: in any case, and without its last syllables."""
    return runner.lower().removesuffix("runner")


def input_patterns(config: JobConfig) -> list[str]:
    """What the configuration names as input, in all splits."""
    return [*config.inputs.files, *(one for group in config.inputs.by_split.values() for one in group)]


def _check_dataflow(options: Sequence[str], paths: list[tuple[str, str]]) -> None:
    for option, (pattern, expected) in (("project", _PROJECT), ("region", _REGION), ("temp_location", _PLACE)):
        value = option_value(options, option)
        if not pattern.fullmatch(value):
            received = repr(value) if value else "none"
            raise ConfigError(f"--{option}: expected {expected} for DataflowRunner, received {received}")
    for field, path in paths:
        if not files.is_remote(path):
            raise ConfigError(f"{field}: expected a gs:// path, which Dataflow's workers reach, received {path!r}")


def option_value(options: Sequence[str], name: str) -> str:
    """The last value given to an option, as `--name=value` or `--name value`; empty for none."""
    value = ""
    for position, option in enumerate(options):
        if option.startswith(f"--{name}="):
            value = option.partition("=")[2]
        elif option == f"--{name}" and position + 1 < len(options):
            value = options[position + 1]
    return value
