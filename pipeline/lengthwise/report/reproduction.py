"""How to make the same data set again: the configuration as YAML, the input files, the command."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lengthwise.manifest import Manifest
from lengthwise.report import number_text

MOST_FILES = 50
MOST_ENTRIES = 200  # of a list in the configuration, such as a vocabulary


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a reader needs.

    Attributes:
        config: the configuration as YAML, defaults and absent fields left out where they say nothing.
        command: what to type.
        files: (path, size, records) of the first input files.
        more_files: how many are not shown.
        by_split: whether the inputs were given by split, which `command` then leaves to its reader.
    """

    config: str
    command: str
    files: tuple[tuple[str, str, str], ...]
    more_files: int
    by_split: bool


def recipe(manifest: Manifest) -> Recipe:
    """The recipe of a data set, from its manifest alone."""
    import yaml

    given = _without_nothing(manifest.config)
    by_split = set(manifest.splits) != set(_fractions(manifest.config))
    files = manifest.inputs
    return Recipe(
        config=yaml.safe_dump(given, sort_keys=False, allow_unicode=True, width=100),
        command=_command(manifest, by_split),
        files=tuple(
            (number_text.shorten(source.path, 200), number_text.size(source.bytes), number_text.count(source.records))
            for source in files[:MOST_FILES]
        ),
        more_files=max(0, len(files) - MOST_FILES),
        by_split=by_split,
    )


def _command(manifest: Manifest, by_split: bool) -> str:
    if by_split:
        return "lengthwise prepare job.yaml --output prepared"
    paths = [source.path for source in manifest.inputs]
    shown = " ".join(shlex.quote(path) for path in paths[:3])
    return f"lengthwise prepare job.yaml {shown}{' ...' if len(paths) > 3 else ''} --output prepared"


def _fractions(config: Mapping[str, Any]) -> Mapping[str, Any]:
    splits = config.get("splits")
    fractions = splits.get("fractions") if isinstance(splits, dict) else None
    return fractions if isinstance(fractions, dict) else {}


def _without_nothing(content: Any) -> Any:
    """Without fields that are None, since leaving a field out says the same; `kind` and `key` first."""
    if isinstance(content, dict):
        order = sorted(content, key=lambda name: (name != "kind", name != "key", name))
        return {name: _without_nothing(content[name]) for name in order if content[name] is not None}
    if not isinstance(content, list):
        return content
    left_out = (
        [f"... and {len(content) - MOST_ENTRIES:,} more, see manifest.json"] if len(content) > MOST_ENTRIES else []
    )
    return [_without_nothing(item) for item in content[:MOST_ENTRIES]] + left_out
