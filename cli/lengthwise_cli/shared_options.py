"""Options that several commands share, and how a configuration is loaded with them."""

import os
from typing import TYPE_CHECKING

import click

from lengthwise.errors import ConfigError

if TYPE_CHECKING:
    from lengthwise.config import JobConfig

BEAM_OPTIONS = "lengthwise.beam_options"


class DataSetPath(click.Path):
    """The folder of a prepared data set, given by its path or by that of its manifest."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> str:
        del param, ctx
        path = os.fspath(value)
        folder, _, name = path.rpartition("/")
        return path if name != "manifest.json" else folder or ("/" if path.startswith("/") else ".")


def size(value: str) -> int:
    """Parses a number of bytes, such as 1000 or 128MiB, as in configurations."""
    from pydantic import TypeAdapter, ValidationError

    from lengthwise.config import Bytes

    try:
        return int(TypeAdapter(Bytes).validate_python(value))
    except ValidationError:
        raise click.BadParameter(f"expected a size in bytes, such as 128MiB or 1GiB, received {value!r}") from None


path = click.Path(path_type=str)  # may be remote, so click cannot check whether it exists
data_set = click.argument("folder", metavar="DIR", type=DataSetPath())
config_file = click.argument("config", type=path)
input_files = click.argument("files", nargs=-1, type=path)
max_record_bytes = click.option(
    "--max-record-bytes",
    metavar="SIZE",
    type=size,
    default="64MiB",
    show_default=True,
    help="Do not examine larger records.",
)
quiet = click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines instead of text.")
events = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per event (see below).")
workers = click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Number of workers on this machine.  [default: one per usable core]",
)
overrides = click.option(
    "--set",
    "settings",
    metavar="FIELD=VALUE",
    multiple=True,
    help="Replace a field of CONFIG, such as buckets.count=8. May be repeated.",
)

EVENTS = """\b
Events of --json:
  {"event": "progress", "stage": "read", "done": BYTES, "total": BYTES,
   "records": N, "rejected": N, "seconds": SINCE_START}
  {"event": "log", "message": TEXT}
  {"event": "result", ...}    last, on success
  {"event": "error", "message": TEXT, "exit_code": N}    last, otherwise"""


class BeamCommand(click.Command):
    """A command that passes the arguments after `--` to Beam."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            place = args.index("--")
            ctx.meta[BEAM_OPTIONS] = tuple(args[place + 1 :])
            args = args[:place]
        try:
            return super().parse_args(ctx, list(args))
        except click.NoSuchOption as error:
            if error.possibilities and "_" not in error.option_name:  # as Beam's names have
                raise
            option = next((word for word in args if word.partition("=")[0] == error.option_name), error.option_name)
            rule = f"{error.message} Beam's options follow --, as in: {ctx.command_path} ... -- {option}"
            raise click.NoSuchOption(error.option_name, rule, ctx=error.ctx) from error

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- BEAM OPTIONS]"]


def beam_options() -> tuple[str, ...]:
    """Returns the arguments after `--` on the command line of the running command.

    Raises:
        ConfigError: Beam does not know the runner or an option.
    """
    options: tuple[str, ...] = click.get_current_context().meta.get(BEAM_OPTIONS, ())
    if options:
        from lengthwise.job.running.beam_options import check_runner

        check_runner(options)
    return options


def require_data_set(folder: str) -> None:
    """Raises ConfigError if the path of a data set is not a folder."""
    from lengthwise.storage.files import exists, is_remote, join, list_tree

    if not is_remote(folder) and os.path.isfile(folder):
        raise ConfigError(f"{folder}: expected the folder of a prepared data set, received a file")
    if not (exists(folder) or (is_remote(folder) and (exists(join(folder, "manifest.json")) or list_tree(folder)))):
        raise ConfigError(
            f"{folder}: expected a prepared data set, received a path that does not exist; check the path"
        )


def refuse_existing(option: str, path: str, *, overwrite: bool) -> None:
    """Raises ConfigError if an option's path exists, unless it may be replaced."""
    from lengthwise.storage.files import exists

    if not overwrite and exists(path):
        raise ConfigError(f"{option}: {path} exists already; name another file, or replace it with --overwrite")


def load(config: str, files: tuple[str, ...], settings: tuple[str, ...], **fields: object) -> "JobConfig":
    """Loads a configuration, with overrides from the command line.

    Args:
        config: the YAML file.
        files: replace `inputs.files`, unless empty.
        settings: the values of `--set`.
        fields: more overrides, by section and field: `output_path` is `output.path`; None changes nothing.
    """
    from lengthwise.config import load_config

    overrides: dict[str, object] = {"inputs.files": list(files) or None}
    overrides |= {name.replace("_", ".", 1): value for name, value in fields.items()}
    overrides |= dict(map(_setting, settings))
    return load_config(config, overrides)


def _setting(text: str) -> tuple[str, object]:
    import yaml

    field, equals, value = text.partition("=")
    if not equals or not field:
        raise ConfigError(f"--set: expected FIELD=VALUE, such as buckets.count=8, received {text!r}")
    try:
        return field, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {field}: expected a YAML value, received {value!r}; put strings in quotes") from error
