"""Where two values of plain mappings, lists and numbers differ, such as two configurations."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """One place where two values differ: its dotted path, and what is there."""

    path: str
    one: Any
    other: Any


def differences(path: str, one: Any, other: Any) -> Iterator[Difference]:
    """The smallest parts that differ. Mappings of two kinds, and lists of two lengths, differ as wholes.

    Args:
        path: what the values are called; the root of all paths.
        one: a value.
        other: another.
    """
    pairs: Iterable[tuple[str, Any, Any]]
    if isinstance(one, dict) and isinstance(other, dict) and one.get("kind") == other.get("kind"):
        root = f"{path}." if path else ""
        pairs = [(f"{root}{name}", one.get(name), other.get(name)) for name in {**one, **other}]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(f"{path}[{place}]", *both) for place, both in enumerate(zip(one, other, strict=True))]
    else:
        if one != other:
            yield Difference(path, one, other)
        return
    for pair in pairs:
        yield from differences(*pair)


def shown(value: Any) -> str:
    """One side of a difference, in few words."""
    if isinstance(value, list) and (len(value) > 8 or any(isinstance(item, dict) for item in value)):
        return f"{len(value)} entries"
    if isinstance(value, dict):
        return str(value.get("kind", f"{len(value)} entries"))
    return "null" if value is None else repr(value)
