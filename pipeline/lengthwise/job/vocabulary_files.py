"""The columns that look up in a vocabulary, and where they read it."""

from collections.abc import Callable, Iterable
from typing import Any

from lengthwise.columns import AnyColumn, VocabularyColumn, id_features
from lengthwise.columns.base import Spec


def vocabulary_columns(columns: Iterable[AnyColumn]) -> dict[str, VocabularyColumn]:
    """The columns that look up in a vocabulary, by key."""
    return {column.key: column for column in id_features(columns) if isinstance(column, VocabularyColumn)}


def with_vocabulary_files(spec: Any, path: Callable[[VocabularyColumn], str | None]) -> Any:
    """A column whose vocabulary file, if it has one, is at another path.

    Args:
        spec: the column, or what it wraps.
        path: from the column that looks up to the path.
    """
    changes = {name: with_vocabulary_files(value, path) for name, value in spec if isinstance(value, Spec)}
    if isinstance(spec, VocabularyColumn) and spec.vocabulary_file:
        changes["vocabulary_file"] = path(spec)
    return spec.model_copy(update=changes) if changes else spec
