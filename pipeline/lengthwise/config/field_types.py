"""Types that fields of several sections share: sizes in bytes, file patterns, numbers of steps."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from lengthwise.columns.column_base import Strict
from lengthwise.columns.field_errors import FieldError, show

_UNITS = {"": 1, "b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}


class Section(Strict):
    """Base of the configuration's sections: frozen; unknown fields are errors."""


def _parse_size(value: object) -> object:
    """`128MiB` as a number of bytes."""
    if not isinstance(value, str):
        return value
    expected = f"expected a size in bytes, such as 134217728, 128MiB or 1GiB, received {show(value)}"
    number = value.strip().rstrip("BbIiKkMmGg")
    unit = value.strip()[len(number) :].lower()
    try:
        return int(float(number) * _UNITS[unit])
    except (KeyError, ValueError, OverflowError):  # OverflowError: infinity
        raise ValueError(expected) from None


Bytes = Annotated[
    int,
    BeforeValidator(_parse_size),
    Field(ge=1, lt=2**63),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}),
]
"""A size in bytes: an integer, or text with a unit."""


def _pattern_as_list(value: object) -> object:
    return (value,) if isinstance(value, str) else value


_PATTERN = {"type": "string", "minLength": 1}
Patterns = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(_pattern_as_list),
    WithJsonSchema({"anyOf": [_PATTERN, {"type": "array", "items": _PATTERN}]}),
]
"""Paths or glob patterns: a list, or a single one as text."""

V = TypeVar("V")


def _sorted_by_name(mapping: dict[str, V]) -> dict[str, V]:
    return dict(sorted(mapping.items()))


SORTED = AfterValidator(_sorted_by_name)
"""Sorts a mapping, whose order has no meaning to users: that of the splits assigns the ranges of the hash."""

StepCount = Annotated[int, Field(ge=1, lt=2**31)]
StepCountOrZero = Annotated[int, Field(ge=0, lt=2**31)]


def _check_multiple(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and 1 <= value < 2**31):
        return value
    raise ValueError(f"expected `auto` or a positive whole number of steps, received {show(value)}")


Multiple = Annotated[StepCount | Literal["auto"], BeforeValidator(_check_multiple)]
"""`auto`, or a whole number of steps."""


def check_split_name(name: str, field: str) -> None:
    """Raises FieldError unless `name` can be part of a folder's name on every file system."""
    if not name or not all(char.isascii() and (char.isalnum() or char in "_-") for char in name):
        raise FieldError(field, f"expected split names of letters, digits, '_' and '-', received {show(name)}")
