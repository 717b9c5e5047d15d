"""From the columns of a data set to those of a layer: ids get an embedding, context columns are separated.

numbers ──────────────────────────────────┐
ids ── embedding of a sensible size ──────┼─ one vector per step
embeddings, indicators ───────────────────┘
context ── only the keys of `context=`, next to every step
"""

import math
from collections.abc import Iterable, Mapping
from typing import get_args

from lengthwise.columns import (
    AnyColumn,
    BucketizedColumn,
    ContextColumn,
    IdColumn,
    embedding_column,
    feature_of,
    is_context,
)
from lengthwise.columns.field_errors import show
from lengthwise.errors import ConfigError

_IDS = (*get_args(IdColumn), BucketizedColumn)
_LARGEST_SIZE = 256

EmbeddingSizes = int | Mapping[str, int] | None
"""One size for all columns, or sizes by key; None for `embedding_size`."""


def embedding_size(num_ids: int) -> int:
    """The number of values that the vector of an id should have, by a rule of thumb.

    Four times the fourth root of the number of ids, rounded up to a multiple of 8, at most 256. The fourth root is the
    rule of TensorFlow's guide to feature columns. The factor is ours: these vectors are often the only input of a
    sequence model. Multiples of 8 suit matrix units.

    Args:
        num_ids: the number of ids.

    Returns:
        The dimension.

    Example:
    >>> from lengthwise.layers import embedding_size
    >>> [embedding_size(ids) for ids in (10, 1000, 100_000)]
    [8, 24, 72]
    """
    return min(8 * math.ceil(num_ids**0.25 / 2), _LARGEST_SIZE)


def step_columns(columns: Iterable[AnyColumn], embedding_dim: EmbeddingSizes) -> list[AnyColumn]:
    """The columns with vectors per step: plain ids are wrapped in an embedding, context columns are omitted.

    Args:
        columns: of `lengthwise`.
        embedding_dim: the size of the embeddings of plain ids: one for all, or by key; `embedding_size` for the others.

    Raises:
        ConfigError: `embedding_dim` names a key that no plain id column reads, or all columns are context.
    """
    columns = list(columns)
    _check_keys(columns, embedding_dim)
    steps = [column for column in columns if not is_context(column)]
    if not steps:
        names = ", ".join(feature_of(column).key for column in columns)
        raise ConfigError(f"columns: expected at least one sequence column, received context columns only ({names})")
    return [_wrapped(column, embedding_dim) for column in steps]


def context_columns(
    columns: Iterable[AnyColumn], keys: Iterable[str], embedding_dim: EmbeddingSizes
) -> tuple[AnyColumn, ...]:
    """The context columns of these keys, in the order of the keys; plain ids are wrapped in an embedding.

    Raises:
        ConfigError: no context column has the key, or its values are strings; or `embedding_dim` names a key that no
            plain id column reads.
    """
    columns = list(columns)
    _check_keys(columns, embedding_dim)
    known: dict[str, list[AnyColumn]] = {}
    for column in columns:
        if is_context(column) and not (isinstance(column, ContextColumn) and column.dtype == "string"):
            known.setdefault(feature_of(column).key, []).append(_wrapped(column, embedding_dim))
    for key in keys:
        if key not in known:
            names = ", ".join(known) or "none"
            raise ConfigError(
                f"context: expected the keys of context columns of numbers or of ids ({names}), received {show(key)}"
            )
    return tuple(column for key in keys for column in known[key])


def _wrapped(column: AnyColumn, embedding_dim: EmbeddingSizes) -> AnyColumn:
    return embedding_column(column, _size(column, embedding_dim)) if isinstance(column, _IDS) else column


def _size(column: IdColumn | BucketizedColumn, embedding_dim: EmbeddingSizes) -> int:
    size = embedding_dim.get(column.key) if isinstance(embedding_dim, Mapping) else embedding_dim
    return embedding_size(column.num_buckets) if size is None else size


def _check_keys(columns: Iterable[AnyColumn], embedding_dim: EmbeddingSizes) -> None:
    if not isinstance(embedding_dim, Mapping):
        return
    known = sorted({column.key for column in columns if isinstance(column, _IDS)})
    for key in embedding_dim:
        if key not in known:
            raise ConfigError(
                f"embedding_dim: expected the keys of plain id columns ({', '.join(known) or 'none'}), received "
                f"{show(key)}; a wrapped column already has a dimension"
            )
