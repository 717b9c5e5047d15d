"""Which folder relative paths in a YAML file count from. Paths are taken literally: no `~`, no variables, no shell."""

from collections.abc import Mapping
from typing import Any

from lengthwise.storage.files import is_remote, join

_FROM_FILE = ("vocabulary_file", "columns_from_schema")


def folder_of(path: str) -> str:
    """The folder in which `path` stands; empty for the working directory."""
    folder, slash, _ = path.rpartition("/")
    return folder or slash


def with_resolved_paths(content: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The configuration with its vocabulary and schema files, wherever they stand in it, relative to `folder`."""
    return {
        name: _resolve(value, folder) if name in _FROM_FILE else _walk(value, folder) for name, value in content.items()
    }


def _walk(value: Any, folder: str) -> Any:
    if isinstance(value, Mapping):
        return with_resolved_paths(value, folder)
    if isinstance(value, list):
        return [_walk(item, folder) for item in value]
    return value


def _resolve(path: Any, folder: str) -> Any:
    if not isinstance(path, str) or not path or not folder or path.startswith("/") or is_remote(path):
        return path
    return join(folder, path)
