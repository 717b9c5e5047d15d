"""Beam's options by name: Beam itself ignores those that it does not know, so a slip of the pen would go unseen."""

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from lengthwise.errors import ConfigError
from lengthwise.job.running.fast_start import import_beam

_CLOSE = 0.8  # so alike are names that differ by a letter or two


def check_runner_name(name: str) -> None:
    """Refuses a runner that Beam does not have. A class with its module is Beam's to find.

    Raises:
        ConfigError: there is none of this name.
    """
    import_beam()
    from apache_beam.options.pipeline_options import StandardOptions

    known = list(StandardOptions.KNOWN_RUNNER_NAMES)
    lower = {one.lower() for one in known}
    if "." not in name and not {name.lower(), f"{name.lower()}runner"} & lower:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise ConfigError(f"--runner={name}: expected a runner of Beam's, received an unknown one; {hint}")


def check_flags(options: Sequence[str], *, is_open: bool) -> None:
    """Refuses what no class of Beam's options reads.

    Args:
        options: what Beam is to be given.
        is_open: whether the runner may know options that Beam's Python does not, as the job servers of Flink and Spark
            do: unknown ones are then refused only if they are nearly called like a known one.

    Raises:
        ConfigError: an option is unknown or its value is wrong, or there is something that is no option.
    """
    parser = _parser()
    known = [name for action in parser._actions for name in action.option_strings]
    _, unknown = parser.parse_known_args(list(options))
    for argument in _arguments(unknown, takes_values=is_open):
        if not argument.startswith("-"):
            raise ConfigError(
                f"{argument}: expected an option of Beam's, such as --runner=..., received a word; input files and "
                "what else is for lengthwise stand before --"
            )
        name = argument.partition("=")[0]
        near = difflib.get_close_matches(name, known, n=1, cutoff=_CLOSE)
        if not is_open or (near and name == name.lower()):  # job servers speak Java: theirs look likeThis
            hint = f"did you mean {near[0]}? Those" if near else "those"
            raise ConfigError(f"{name}: Beam has no such option; {hint} of lengthwise itself stand before --")


def _arguments(unknown: Sequence[str], *, takes_values: bool) -> Iterator[str]:
    """The unknown arguments, without those that may be the values of unknown options."""
    before = ""
    for argument in unknown:
        is_value = takes_values and before.startswith("--") and "=" not in before and not argument.startswith("-")
        if not is_value:
            yield argument
        before = argument


def _parser() -> Any:
    """A parser of all options that Beam's classes read, whose failures are ours."""
    import_beam()
    from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

    class Parser(_BeamArgumentParser):  # type: ignore[misc, unused-ignore]
        def error(self, message: str) -> NoReturn:
            raise ConfigError(f"an option of Beam's is wrong: {message.removeprefix('argument ')}")

    parser = Parser(allow_abbrev=False, add_help=False)
    classes = {str(one): one for one in PipelineOptions.__subclasses__()}  # as Beam does: of namesakes the last
    for one in classes.values():
        one._add_argparse_args(parser)
    return parser
