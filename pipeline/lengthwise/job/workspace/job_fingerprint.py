"""A digest of all that the bytes of a data set depend on: configuration without paths, vocabularies, input files."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from lengthwise.columns import VocabularyColumn
from lengthwise.config import JobConfig
from lengthwise.job.task_values import Input
from lengthwise.job.workspace.vocabulary_files import vocabulary_columns
from lengthwise.manifest import FORMAT_VERSION
from lengthwise.nested_mappings import with_changed_mappings


def describe_config(config: JobConfig) -> dict[str, Any]:
    """The configuration without the fields that change no byte of the output: the paths, and the limits."""
    described = config.model_dump(mode="json")
    del described["output"]["path"], described["inputs"]["files"], described["inputs"]["by_split"]
    for name in ("rejected_fraction", "damaged_files", "stop_after_rejected"):
        del described["limits"][name]
    return described


def fingerprint_job(
    config: JobConfig, inputs: tuple[Input, ...], copies: Mapping[str, VocabularyColumn] | None = None
) -> str:
    """A digest of all that the output's bytes depend on: the same for equal output.

    Args:
        config: the job's.
        inputs: its files.
        copies: columns, by key, whose vocabularies replace those of the configuration.
    """
    vocabularies = {
        key: hashlib.sha256(repr(column.vocabulary).encode()).hexdigest()
        for key, column in {**vocabulary_columns(config.columns), **(copies or {})}.items()
        if not column.needs_counting  # otherwise it depends on the inputs
    }
    content = {
        "format": FORMAT_VERSION,
        "config": without_paths(describe_config(config)),
        "splits": config.split_names,
        "vocabularies": vocabularies,
        "inputs": [(source.name, source.size, source.split) for source in inputs],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def without_paths(content: Any) -> Any:
    """A described configuration without the paths of its vocabulary files."""

    def change(mapping: dict[str, Any]) -> dict[str, Any]:
        return {name: item for name, item in mapping.items() if name != "vocabulary_file"}

    return with_changed_mappings(content, change)
