"""A list of columns that is also a table: columns by position and by key."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self, SupportsIndex, overload

from lengthwise.columns.column_queries import AnyColumn, feature_of, groups, is_context
from lengthwise.errors import ConfigError


class Moments(NamedTuple):
    """The mean and the standard deviation of a numeric feature; one per number of a step if it has a shape."""

    mean: float | tuple[float, ...]
    std: float | tuple[float, ...]


class ColumnList(tuple[AnyColumn, ...]):
    """Columns, by position and by the key of the feature that they read.

    Attributes:
        moments: the mean and the deviation of each numeric feature in the training split, by key; empty if they are not
            known.

    Example:
        >>> columns = lw.open("prepared").columns
        >>> columns["items"].num_buckets
        1000
        >>> lw.SequenceFeatures(columns.without("label"))
    """

    moments: Mapping[str, Moments]

    def __new__(cls, columns: Iterable[AnyColumn], moments: Mapping[str, Moments] | None = None) -> Self:
        self = super().__new__(cls, columns)
        self.moments = dict(moments or {})
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the features, in the order of the columns."""
        return tuple(feature_of(column).key for column in self)

    @overload
    def __getitem__(self, place: SupportsIndex) -> AnyColumn: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[AnyColumn, ...]: ...
    @overload
    def __getitem__(self, place: str) -> AnyColumn: ...
    def __getitem__(self, place: Any) -> Any:
        if not isinstance(place, str):
            return super().__getitem__(place)
        self._check([place])
        return super().__getitem__(self.keys.index(place))

    def only(self, *keys: str) -> Self:
        """The columns of these features, in their order in this list."""
        self._check(keys)
        return type(self)((column for column in self if feature_of(column).key in keys), self.moments)

    def without(self, *keys: str) -> Self:
        """The columns of all other features."""
        self._check(keys)
        return type(self)((column for column in self if feature_of(column).key not in keys), self.moments)

    def of_group(self, group: str) -> Self:
        """The columns of one group, for a layer, and the columns of the whole record."""
        known = groups(self)
        if group not in known:
            names = ", ".join(filter(None, known)) or "none"
            raise ConfigError(f"columns: expected the name of a group ({names}), received {group!r}")
        chosen = (column for column in self if is_context(column) or group in groups([column]))
        return type(self)(chosen, self.moments)

    def _check(self, keys: Iterable[str]) -> None:
        unknown = [key for key in keys if key not in self.keys]
        if unknown:
            raise ConfigError(
                f"columns: expected the key of a column ({', '.join(self.keys)}), received {unknown[0]!r}"
            )
