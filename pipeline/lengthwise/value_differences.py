"""The differences between two values of mappings, lists and scalars, such as two configurations."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """A difference between two values: its dotted path, and both values at this path."""

    path: str
    first: Any
    second: Any


def differences(path: str, first: Any, second: Any) -> Iterator[Difference]:
    """The smallest parts that differ. Mappings of different kinds, and lists of different lengths, differ as a whole.

    Args:
        path: the name of the values, and the root of all paths.
        first: a value.
        second: the value to compare it with.
    """
    pairs: Iterable[tuple[str, Any, Any]]
    if isinstance(first, dict) and isinstance(second, dict) and first.get("kind") == second.get("kind"):
        root = f"{path}." if path else ""
        pairs = [(f"{root}{name}", first.get(name), second.get(name)) for name in {**first, **second}]
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = [(f"{path}[{index}]", *items) for index, items in enumerate(zip(first, second, strict=True))]
    else:
        if first != second:
            yield Difference(path, first, second)
        return
    for pair in pairs:
        yield from differences(*pair)


def brief(value: object) -> str:
    """A short text for one side of a difference."""
    if isinstance(value, list) and (len(value) > 8 or any(isinstance(item, dict) for item in value)):
        return f"{len(value)} entries"
    if isinstance(value, dict):
        return str(value.get("kind", f"{len(value)} entries"))
    return "null" if value is None else repr(value)
