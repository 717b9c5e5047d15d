"""The parts of a column: itself, and the columns and tables that it wraps, such as the ids of an embedding."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from lengthwise.columns.column_base import Spec

S = TypeVar("S", bound=Spec)


def parts_of(column: Spec) -> Iterator[Spec]:
    """The column and everything that it wraps, at any depth."""
    yield column
    for _, value in column:
        if isinstance(value, Spec):
            yield from parts_of(value)


def with_changed_parts(column: S, change: Callable[[Spec], Mapping[str, object]]) -> S:
    """The column with changed fields, in itself and in the parts that it wraps. Nothing is validated.

    Args:
        column: a column.
        change: maps a part of the column to its changed fields.
    """
    inner = {name: with_changed_parts(value, change) for name, value in column if isinstance(value, Spec)}
    changes = {**inner, **change(column)}
    return column.model_copy(update=changes) if changes else column
