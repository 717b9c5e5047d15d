"""Columns from untrusted sources: saved models and manifests. They are refused if they name files."""

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
    """Creates columns from mappings of their fields, which may come from any source. No file is opened.

    Raises:
        ConfigError: a field at any depth names a file or a tensor in a file, or is wrong; the message names the field.
    """
    fields = list(fields)
    _refuse_files(fields)
    try:
        return _Columns.model_validate({"columns": fields}).columns
    except ValidationError as error:
        raise ConfigError("; ".join(explain_all(error, _Columns))) from error
    except RecursionError as error:
        raise ConfigError("columns: expected the fields of columns, received fields nested too deeply") from error


def names_a_checkpoint(column: Spec) -> bool:
    """Whether the column, or a part of it, reads its initial weights from a file."""
    tables = (part for part in parts_of(column) if isinstance(part, EmbeddingSpec))
    return any(table.ckpt_to_load_from is not None for table in tables)


def _refuse_files(fields: list[Any]) -> None:
    for path, mapping in mappings_in(fields, "columns"):
        for name in _FILES:
            if mapping.get(name) is not None:
                raise ConfigError(
                    f"{path}.{name}: refused: expected no {name} in a saved configuration, which must not open files; "
                    "saved models contain the entries of their vocabularies and their weights. To read a file, create "
                    "the column in Python"
                )
