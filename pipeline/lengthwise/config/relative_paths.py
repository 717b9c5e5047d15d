"""Resolves relative paths in a YAML file. Paths are literal: `~` and variables are not expanded."""

from collections.abc import Mapping
from typing import Any

from lengthwise.nested_mappings import with_changed_mappings
from lengthwise.storage.files import is_remote, join

_FROM_FILE = ("vocabulary_file", "columns_from_schema")


def folder_of(path: str) -> str:
    """The folder that contains `path`; empty for the working directory."""
    folder, slash, _ = path.rpartition("/")
    return folder or slash


def with_resolved_paths(content: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The configuration with the relative paths of vocabulary and schema files, at any depth, resolved in `folder`."""

    def resolve(mapping: dict[str, Any]) -> dict[str, Any]:
        return mapping | {name: _resolve(mapping[name], folder) for name in _FROM_FILE if name in mapping}

    resolved: dict[str, Any] = with_changed_mappings(content, resolve)
    return resolved


def _resolve(path: object, folder: str) -> object:
    if not isinstance(path, str) or not path or not folder or path.startswith("/") or is_remote(path):
        return path
    return join(folder, path)
