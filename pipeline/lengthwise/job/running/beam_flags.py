"""The names of Beam's options: Beam ignores unknown options silently, so a typing error would go unnoticed."""

import difflib
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from lengthwise.errors import ConfigError
from lengthwise.job.running.fast_start import import_beam

_CLOSE = 0.8  # the similarity of names that differ by a letter or two


def check_runner_name(name: str) -> None:
    """Refuses the name of a runner that Beam does not have. Beam itself finds classes that are given with their module.

    Raises:
        ConfigError: no runner has this name.
    """
    import_beam()
    from apache_beam.options.pipeline_options import StandardOptions

    known = list(StandardOptions.KNOWN_RUNNER_NAMES)
    lower = {runner.lower() for runner in known}
    if "." not in name and not {name.lower(), f"{name.lower()}runner"} & lower:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        raise ConfigError(f"--runner={name}: expected a runner of Beam's, received an unknown one; {hint}")


def check_flags(options: Sequence[str], *, is_open: bool) -> None:
    """Refuses options that no class of Beam's options reads.

    Args:
        options: the options for Beam.
        is_open: whether the runner may have options that Beam's Python does not know, as the job servers of Flink and
            Spark do: unknown ones are refused only if their name is similar to that of a known one.

    Raises:
        ConfigError: an option is unknown or its value is wrong, or an argument is not an option.
    """
    parser = _parser()
    known = [name for action in parser._actions for name in action.option_strings]
    _, unknown = parser.parse_known_args(list(options))
    for argument in _arguments(unknown, takes_values=is_open):
        if not argument.startswith("-"):
            raise ConfigError(
                f"{argument}: expected an option of Beam's, such as --runner=..., received a word; input files and "
                "options of lengthwise itself must precede --"
            )
        name = argument.partition("=")[0]
        near = difflib.get_close_matches(name, known, n=1, cutoff=_CLOSE)
        if not is_open or (near and name == name.lower()):  # options of job servers, in Java, look likeThis
            hint = f"did you mean {near[0]}? Options" if near else "options"
            raise ConfigError(f"{name}: Beam has no such option; {hint} of lengthwise itself must precede --")


def _arguments(unknown: Sequence[str], *, takes_values: bool) -> Iterator[str]:
    """The unknown arguments, without those that may be the values of unknown options."""
    previous = ""
    for argument in unknown:
        is_value = takes_values and previous.startswith("--") and "=" not in previous and not argument.startswith("-")
        if not is_value:
            yield argument
        previous = argument


def _parser() -> Any:
    """A parser of all options that Beam's classes read, which raises our errors."""
    import_beam()
    from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser

    class Parser(_BeamArgumentParser):  # type: ignore[misc, unused-ignore]
        def error(self, message: str) -> NoReturn:
            raise ConfigError(f"an option of Beam's is wrong: {message.removeprefix('argument ')}")

    parser = Parser(allow_abbrev=False, add_help=False)
    classes = {str(kind): kind for kind in PipelineOptions.__subclasses__()}  # as in Beam, the last of one name counts
    for kind in classes.values():
        kind._add_argparse_args(parser)
    return parser
