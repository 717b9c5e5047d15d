"""How to reproduce the data set: the configuration as YAML, the input files, the command."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lengthwise.manifest import InputFile, Manifest

MOST_FILES = 50
MOST_ENTRIES = 200  # of a list in the configuration, such as a vocabulary


@dataclass(frozen=True, slots=True)
class Recipe:
    """The steps to reproduce a data set.

    Attributes:
        config: the configuration as YAML, without fields that are None.
        command: the command line.
        files: the first input files.
        more_files: the number of files that are not shown.
        by_split: whether the inputs were given by split; `command` then contains no inputs.
    """

    config: str
    command: str
    files: tuple[InputFile, ...]
    more_files: int
    by_split: bool


def reproduction_recipe(manifest: Manifest) -> Recipe:
    """The recipe of a data set, from its manifest."""
    import yaml

    by_split = set(manifest.splits) != set(_fractions(manifest.config))
    files = manifest.inputs
    return Recipe(
        config=yaml.safe_dump(_without_none(manifest.config), sort_keys=False, allow_unicode=True, width=100),
        command=_command(manifest, by_split),
        files=files[:MOST_FILES],
        more_files=max(0, len(files) - MOST_FILES),
        by_split=by_split,
    )


def _command(manifest: Manifest, by_split: bool) -> str:
    if by_split:
        return "lengthwise prepare job.yaml --output prepared"
    paths = [source.path for source in manifest.inputs]
    arguments = " ".join(shlex.quote(path) for path in paths[:3])
    return f"lengthwise prepare job.yaml {arguments}{' ...' if len(paths) > 3 else ''} --output prepared"


def _fractions(config: Mapping[str, Any]) -> Mapping[str, Any]:
    splits = config.get("splits")
    fractions = splits.get("fractions") if isinstance(splits, dict) else None
    return fractions if isinstance(fractions, dict) else {}


def _without_none(content: Any) -> Any:
    """The content without fields that are None, since omitting a field has the same effect; `kind` and `key` first."""
    if isinstance(content, dict):
        order = sorted(content, key=lambda name: (name != "kind", name != "key", name))
        return {name: _without_none(content[name]) for name in order if content[name] is not None}
    if not isinstance(content, list):
        return content
    entries = [_without_none(item) for item in content[:MOST_ENTRIES]]
    if len(content) > MOST_ENTRIES:
        entries.append(f"... and {len(content) - MOST_ENTRIES:,} more, see manifest.json")
    return entries
