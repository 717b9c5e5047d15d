"""The component's configuration: accepted in several forms, stored as text that a cache can compare.

    path | YAML or JSON text | mapping | JobConfig ──▶ canonical JSON ──(the node starts)──▶ JobConfig of this execution

The text omits the fields that TFX decides: the input files, their format and splits, and the output folder.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import lengthwise
from lengthwise.config import JobConfig, parse_config
from lengthwise.config.relative_paths import folder_of, with_resolved_paths
from lengthwise.config.yaml_reading import mapping_of, read_mapping
from lengthwise.nested_mappings import mappings_in
from lengthwise.storage import files

_SOURCE = "SequencePrep's config"
_PLACEHOLDER = {"kind": "numeric", "key": "stands in for the schema's columns"}


def canonical_settings(config: str | Mapping[str, Any] | JobConfig, *, has_schema: bool) -> str:
    """The configuration as JSON with sorted keys, validated and without the fields that TFX decides.

    Args:
        config: see `SequencePrep`.
        has_schema: whether columns, or more columns, come from a `Schema` artifact, which is read when the node runs.

    Raises:
        ConfigError: it is invalid, or its file cannot be read.
    """
    given = _without_tfx_decisions(_mapping(config))
    if isinstance(output := given.get("output", {}), Mapping):
        given["output"] = {"layout": "example", **output}  # the layout that other components read
    only_schema = has_schema and not given.get("columns") and "columns_from_schema" not in given
    checked = parse_config({**given, "columns": [_PLACEHOLDER]} if only_schema else given, source=_source(config))
    fields = _without_tfx_decisions(checked.model_dump(mode="json"))
    if only_schema:
        del fields["columns"]
    return json.dumps(fields, sort_keys=True)


def for_execution(
    text: str, *, by_split: Mapping[str, Sequence[str]], record_format: str, output: str, schema: str | None
) -> JobConfig:
    """The job of one execution: the stored configuration over the artifacts' files.

    Args:
        text: the result of `canonical_settings`.
        by_split: the patterns of the input files by split.
        record_format: the `inputs.format`.
        output: the folder of the prepared `Examples`.
        schema: the path of the `Schema` artifact's file, if one is given.
    """
    fields = json.loads(text)
    fields["inputs"] = {"by_split": by_split, "format": record_format}
    fields["output"] |= {"path": output, "compression": "gzip"}
    if schema is not None:
        fields["columns_from_schema"] = schema
    return parse_config(fields, source=_SOURCE)


def fingerprint_settings(text: str) -> str:
    """A text of all else that the output depends on: this version, and the contents of vocabulary files."""
    named = {mapping.get("vocabulary_file") for _, mapping in mappings_in(json.loads(text))}
    paths = sorted(path for path in named if isinstance(path, str))
    sums = [f"{path} {zlib.crc32(files.read_bytes(path)):08x}" for path in paths]
    return "; ".join([f"lengthwise {lengthwise.__version__}", *sums])


def _mapping(config: str | Mapping[str, Any] | JobConfig) -> Mapping[str, Any]:
    if isinstance(config, JobConfig):
        unset = set() if "layout" in config.output.model_fields_set else {"layout"}
        return config.model_dump(mode="json", exclude={"output": unset})
    if isinstance(config, Mapping):
        return config
    if _is_text(config):
        return mapping_of(config, _SOURCE)
    return with_resolved_paths(read_mapping(config), folder_of(config))


def _source(config: str | Mapping[str, Any] | JobConfig) -> str:
    return config if isinstance(config, str) and not _is_text(config) else _SOURCE


def _is_text(config: str) -> bool:
    """Whether a string is a configuration itself, not the path of one."""
    return "\n" in config or config.lstrip().startswith("{")


def _without_tfx_decisions(fields: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if name not in ("inputs", "splits")}
    if isinstance(kept.get("output"), Mapping):
        kept["output"] = {name: value for name, value in kept["output"].items() if name not in ("path", "compression")}
    return kept
