"""The plan of a layer, computed once from its columns: their order, the features to read, the tables to own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias, cast

from lengthwise.columns import (
    AnyColumn,
    BucketizedColumn,
    BytesColumn,
    ContextColumn,
    DenseColumn,
    EmbeddingColumn,
    EmbeddingSpec,
    IndicatorColumn,
    LayerFeature,
    NumericColumn,
    SharedEmbeddingColumn,
    VocabularyColumn,
    feature_of,
    from_feature_column,
    groups,
    is_context,
    length_key,
)
from lengthwise.columns.column_base import Spec
from lengthwise.columns.column_parts import with_changed_parts
from lengthwise.columns.from_tensorflow import is_feature_column
from lengthwise.columns.numeric_columns import MAX_ELEMENTS
from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import FeatureColumn
from lengthwise.padding_side import Padding, checked_padding

Per = Literal["step", "record"]

ColumnLike: TypeAlias = AnyColumn | FeatureColumn
"""A column of `lengthwise` or of `tf.feature_column`."""

ColumnsLike: TypeAlias = Iterable[ColumnLike] | ColumnLike
"""The columns that a caller passes: many, or a single one."""


_DENSE = (NumericColumn, EmbeddingColumn, SharedEmbeddingColumn, IndicatorColumn)


@dataclass(frozen=True)
class EmbeddingTable:
    """An embedding table of the layer: its name, its number of ids (rows) and its dimension and initializer."""

    name: str
    num_buckets: int
    spec: EmbeddingSpec

    @property
    def shape(self) -> tuple[int, int]:
        return self.num_buckets, self.spec.dimension


@dataclass(frozen=True)
class LayerPlan:
    """The columns in the order of the D axis, and the features and tables that they share.

    Attributes:
        columns: sorted by name.
        sources: the distinct features that the columns read.
        source_of: the position of each column's feature in `sources`.
        tables: the embedding tables by name, shared ones once.
        length_key: the feature that has the lengths of the columns' group.
        padding: the side of a sequence on which its padding is.
    """

    columns: tuple[DenseColumn, ...]
    sources: tuple[LayerFeature, ...]
    source_of: tuple[int, ...]
    tables: Mapping[str, EmbeddingTable]
    length_key: str
    padding: Padding = "right"

    @property
    def num_elements(self) -> int:
        """The size of the D axis."""
        return sum(column.num_elements for column in self.columns)


def plan_columns(
    columns: ColumnsLike, per: Per = "step", padding: Padding = "right", *, reads_vocabularies: bool = False
) -> LayerPlan:
    """The plan of our columns, `tf.feature_column.*` objects, or both: all of sequences, or all of the record.

    Args:
        columns: the columns.
        per: whether all of them are of sequences (`step`), or of the record.
        padding: the side of a sequence on which its padding is.
        reads_vocabularies: whether the plan has the entries of vocabulary files instead of their paths: tables that a
            layer keeps must not depend on changed files.

    Raises:
        ConfigError: no columns, a dict, a column of the wrong kind, two columns of one name, or no such padding.
    """
    accepted = [_accepted(column, per) for column in converted_columns(columns)]
    dense = tuple(sorted(accepted, key=lambda column: column.name))
    _refuse_duplicates(dense)
    _require_width(dense)
    group = _only_group(dense)
    if reads_vocabularies:
        dense = tuple(with_changed_parts(column, _vocabulary_entries) for column in dense)
    sources: list[LayerFeature] = []
    positions = []
    for column in dense:
        feature = feature_of(column)
        assert not isinstance(feature, ContextColumn | BytesColumn)
        if feature not in sources:
            sources.append(feature)
        positions.append(sources.index(feature))
    tables, side = tables_of(dense), checked_padding(padding)
    return LayerPlan(dense, tuple(sources), tuple(positions), tables, length_key(group), side)


def table_of(column: DenseColumn) -> EmbeddingTable | None:
    """The column's embedding table; None if it needs none."""
    match column:
        case EmbeddingColumn():
            return EmbeddingTable(column.name, column.categorical_column.num_buckets, column)
        case SharedEmbeddingColumn():
            return EmbeddingTable(column.shared.name, column.categorical_column.num_buckets, column.shared)
        case _:
            return None


def tables_of(columns: Iterable[DenseColumn]) -> dict[str, EmbeddingTable]:
    """The tables of the columns by name, shared ones once.

    Raises:
        ConfigError: two different tables have one name.
    """
    tables: dict[str, EmbeddingTable] = {}
    for table in filter(None, map(table_of, columns)):
        if tables.setdefault(table.name, table) != table:
            raise ConfigError(f"feature_columns: two different embedding tables are named {table.name!r}; rename one")
    return tables


def converted_columns(columns: ColumnsLike) -> list[AnyColumn]:
    """The columns as a list, those of TensorFlow converted to ours. `plan_columns` refuses objects of other types.

    Raises:
        ConfigError: there are no columns, they are a dict, or one of TensorFlow's cannot be converted.
    """
    if isinstance(columns, Mapping):
        raise ConfigError(f"feature_columns: expected a list of columns, received a dict {dict(columns)}")
    is_single = isinstance(columns, Spec) or is_feature_column(columns)
    several = [cast(ColumnLike, columns)] if is_single else list(cast(Iterable[ColumnLike], columns))
    if not several:
        raise ConfigError("feature_columns: expected at least one column, received an empty list")
    return [_converted(column) for column in several]


def _converted(column: ColumnLike) -> AnyColumn:
    is_of_tensorflow = type(column).__module__.startswith("tensorflow.")
    return from_feature_column(column) if is_of_tensorflow else cast(AnyColumn, column)


def _accepted(column: AnyColumn, per: Per) -> DenseColumn:
    if isinstance(column, _DENSE) and is_context(column) == (per == "record"):
        return column
    kinds = ", ".join(kind.__name__ for kind in _DENSE)
    raise ConfigError(
        f"All feature_columns must be of type {kinds}; received {type(column).__name__} "
        f"{getattr(column, 'name', column)!r}; {_advice(column)}"
    )


def _advice(column: ColumnLike) -> str:
    if isinstance(column, BytesColumn):
        return (
            "no layer reads bytes: leave it out with columns.without(key), or decode its steps in a map over batches "
            "and pass a numeric column of the results"
        )
    if isinstance(column, AnyColumn) and is_context(column):
        return "join a feature of the whole record by `context=` of SequenceFeatures, or with concatenate_context_input"
    if isinstance(column, AnyColumn | BucketizedColumn):
        return "wrap it in embedding_column or indicator_column"
    return "build columns with the functions of lengthwise or of tf.feature_column"


def _vocabulary_entries(part: Spec) -> dict[str, object]:
    """The fields of a column whose vocabulary file is replaced by the file's entries."""
    if not isinstance(part, VocabularyColumn) or part.vocabulary_file is None:
        return {}
    return {"vocabulary_list": part.vocabulary, "vocabulary_file": None, "vocabulary_size": None, "from_data": None}


def _refuse_duplicates(columns: tuple[DenseColumn, ...]) -> None:
    for column, following in pairwise(columns):
        if column.name == following.name:
            raise ConfigError(
                f"feature_columns: expected distinct names, received two columns named {column.name!r} "
                f"({column} and {following}); rename a key or leave one out"
            )


def _group_of(column: DenseColumn) -> str:
    (group,) = groups([column]) or ("",)
    return f"the group {group!r}" if group else "no group"


def _only_group(columns: tuple[DenseColumn, ...]) -> str:
    """The group of all columns."""
    group, *others = groups(columns) or ("",)
    if others:
        received = ", ".join(f"{column.name!r} of {_group_of(column)}" for column in columns)
        raise ConfigError(
            f"feature_columns: expected columns of one group, which have one length, received {received}; "
            "make a layer for each group"
        )
    return group


def _require_width(columns: tuple[DenseColumn, ...]) -> None:
    width = sum(column.num_elements for column in columns)
    if width > MAX_ELEMENTS:
        widest = max(columns, key=lambda column: column.num_elements)
        raise ConfigError(
            f"feature_columns: expected at most {MAX_ELEMENTS} numbers per step, received {width}, of which "
            f"{widest.num_elements} in {widest.name!r}; wrap ids in embedding_column instead of indicator_column"
        )
