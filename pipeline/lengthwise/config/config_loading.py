"""Loads a YAML file, or a mapping, as a checked `JobConfig`."""

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any, get_args

from pydantic import ValidationError

from lengthwise.columns import AnyColumn, VocabularyColumn, feature_of
from lengthwise.columns.field_errors import explain_all, show
from lengthwise.columns.from_schema import columns_from_schema
from lengthwise.columns.from_tensorflow import from_feature_column, is_feature_column
from lengthwise.config.command_line_overrides import with_overrides
from lengthwise.config.job_config import JobConfig
from lengthwise.config.relative_paths import folder_of, with_resolved_paths
from lengthwise.config.yaml_reading import read_mapping
from lengthwise.errors import ConfigError

MOST_ERRORS = 10


def load_config(
    config: str | PathLike[str] | Mapping[str, Any] | JobConfig, overrides: Mapping[str, object] | None = None
) -> JobConfig:
    """A job's configuration, from a YAML file or from Python.

    Relative paths of vocabulary and schema files are relative to the folder of the YAML file; those of inputs and
    output to the working directory.

    Args:
        config: the path of a YAML file, local or on a file system that Beam supports; or its content as a mapping, in
            which columns may be objects; or a configuration.
        overrides: values that replace those of the file, by dotted path (`buckets.count`) or as nested mappings; None
            keeps the value of the file. A value removes the fields that exclude it: `inputs.files` removes
            `inputs.by_split`, for example.

    Raises:
        ConfigError: up to ten mistakes, one per line: `FILE: PATH: expected ..., received ...; what to do`.
    """
    if isinstance(config, JobConfig):
        if not overrides:
            return config
        sections = config.model_dump(exclude_unset=True, exclude={"columns"})
        config = {**sections, "columns": config.columns}
    if isinstance(config, Mapping):
        return parse_config(with_overrides(dict(config), overrides or {}))
    path = fspath(config)
    content = with_resolved_paths(read_mapping(path), folder_of(path))
    return parse_config(with_overrides(content, overrides or {}), source=path)


def parse_config(mapping: Mapping[str, Any], source: str = "configuration") -> JobConfig:
    """Checks a configuration from Python or YAML. Columns may be mappings or objects.

    Args:
        mapping: the fields of `JobConfig`, and `columns_from_schema`: a TFMD schema whose features become columns,
            except those that `columns` names.
        source: the name of the configuration in messages.

    Raises:
        ConfigError: as in `load_config`.
    """
    try:
        fields = {name: value for name, value in mapping.items() if value is not None}  # an empty section
        config = JobConfig.model_validate(_with_schema_columns(fields, source))
    except ValidationError as error:
        raise ConfigError(*_explain(source, error)) from error
    _check_vocabularies(config.columns, source)
    return config


def _explain(source: str, error: ValidationError) -> list[str]:
    lines = [f"{source}: {mistake}" for mistake in explain_all(error, JobConfig)]
    if len(lines) > MOST_ERRORS:
        lines[MOST_ERRORS:] = [f"{source}: and {len(lines) - MOST_ERRORS} more mistakes"]
    return lines


def _with_schema_columns(mapping: dict[str, Any], source: str) -> dict[str, Any]:
    schema = mapping.pop("columns_from_schema", None)
    if schema is None:
        return mapping
    columns = mapping.get("columns", ())
    if not isinstance(columns, list | tuple):
        return mapping  # the model reports the mistake
    if not isinstance(schema, str) or not schema:
        raise ConfigError(
            f"{source}: columns_from_schema: expected the path of a schema.pbtxt, received {show(schema)}"
        )
    try:
        mapping["columns"] = [*columns, *columns_from_schema(schema, leave_out=set(filter(None, map(_key, columns))))]
    except ConfigError as error:
        raise ConfigError(f"{source}: columns_from_schema: {error}") from error
    return mapping


def _key(column: object) -> str | None:
    """The feature that a column, or the mapping of a column, reads."""
    while isinstance(column, Mapping):
        inner = column.get("categorical_column", column.get("source_column"))
        if inner is None:
            return column.get("key") if isinstance(column.get("key"), str) else None
        column = inner
    if isinstance(column, get_args(AnyColumn)) or is_feature_column(column):
        return feature_of(from_feature_column(column)).key
    return None


def _check_vocabularies(columns: Iterable[AnyColumn], source: str) -> None:
    mistakes = []
    for index, column in enumerate(columns):
        feature = feature_of(column)
        if not isinstance(feature, VocabularyColumn) or feature.vocabulary_file is None:
            continue
        try:
            feature.vocabulary  # noqa: B018 (reading checks it)
        except ConfigError as error:
            mistakes.append(f"{source}: columns[{index}]: {error}")
    if mistakes:
        raise ConfigError(*dict.fromkeys(mistakes))
