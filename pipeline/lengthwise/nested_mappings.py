"""Walks through nested mappings and lists, as in JSON and YAML. For columns there is `columns.column_parts`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any


def mappings_in(content: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each mapping in the content, at any depth, with its path. Without recursion, so any depth is possible.

    Args:
        content: a mapping, a list or any other value.
        path: of the content itself.
    """
    pending: list[tuple[str, Any]] = [(path, content)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, list | tuple):
            pending.extend((f"{path}[{place}]", item) for place, item in enumerate(value))
        elif isinstance(value, Mapping):
            yield path, value
            pending.extend((f"{path}.{name}", item) for name, item in value.items())


def with_changed_mappings(content: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """The content with `change` applied to each mapping in it, the inner ones first."""
    if isinstance(content, list):
        return [with_changed_mappings(item, change) for item in content]
    if isinstance(content, Mapping):
        return change({name: with_changed_mappings(item, change) for name, item in content.items()})
    return content
