"""Columns that others describe: in a saved model, in a manifest. They open no file, or they are refused."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, ValidationError

from lengthwise.columns.column_base import Spec, Strict
from lengthwise.columns.column_parts import parts_of
from lengthwise.columns.column_queries import AnyColumn
from lengthwise.columns.embedding_columns import EmbeddingSpec
from lengthwise.columns.field_errors import explain_all
from lengthwise.errors import ConfigError
from lengthwise.nested_mappings import mappings_in

_FILES = ("vocabulary_file", "ckpt_to_load_from", "tensor_name_in_ckpt")


class _Columns(Strict):
    columns: tuple[Annotated[AnyColumn, Field(discriminator="kind")], ...]


def columns_from_outside(fields: Iterable[Any]) -> tuple[AnyColumn, ...]:
    """The columns of mappings of their fields, whoever wrote them. Nothing is opened.

    Raises:
        ConfigError: a field names a file or a tensor of one, at any depth, or is wrong; the message says which.
    """
    fields = list(fields)
    _refuse_files(fields)
    try:
        return _Columns.model_validate({"columns": fields}).columns
    except ValidationError as error:
        mistakes = (f"{path}: {text}" if path else text for path, text in explain_all(error, _Columns))
        raise ConfigError("; ".join(mistakes)) from error
    except RecursionError as error:
        raise ConfigError(
            "columns: expected the fields of columns, received some that are nested too deeply"
        ) from error


def names_a_checkpoint(column: Spec) -> bool:
    """Whether the column, or a part of it, takes its first weights from a file."""
    tables = (part for part in parts_of(column) if isinstance(part, EmbeddingSpec))
    return any(table.ckpt_to_load_from is not None for table in tables)


def _refuse_files(fields: list[Any]) -> None:
    for path, mapping in mappings_in(fields, "columns"):
        for name in _FILES:
            if mapping.get(name) is not None:
                raise ConfigError(
                    f"{path}.{name}: refused: expected no {name} in a saved configuration, which may open no file; "
                    "saved models hold their vocabularies' entries and their weights. Make the column in Python, where "
                    "a file is to be read"
                )
