"""The features of a prepared data set: what their values are."""

from dataclasses import dataclass

from lengthwise.columns import (
    BytesColumn,
    ContextColumn,
    HashColumn,
    IdentityColumn,
    SequenceFeature,
    VocabularyColumn,
    context_features,
    is_context,
    raw_context,
    sequence_features,
)
from lengthwise.columns.column_queries import IdColumn
from lengthwise.manifest import Manifest
from lengthwise.report.number_text import plural


@dataclass(frozen=True, slots=True)
class WrittenFeature:
    """A feature of a prepared data set.

    Attributes:
        key: its name.
        column: the column that reads it.
        is_weights: whether it is the weights of the ids that the column reads.
    """

    key: str
    column: SequenceFeature | ContextColumn
    is_weights: bool = False

    @property
    def in_context(self) -> bool:
        """Whether it belongs to the whole record."""
        return is_context(self.column)

    @property
    def num_ids(self) -> int | None:
        """The number of possible ids; None if the values are not ids."""
        return self.column.num_buckets if isinstance(self.column, IdColumn) and not self.is_weights else None

    @property
    def is_whole(self) -> bool:
        """Whether the values are integers."""
        if self.is_weights:
            return False
        return isinstance(self.column, BytesColumn) or self.column.dtype.startswith("int")

    @property
    def kind(self) -> str:
        """The feature in a few words: `sequence · vocabulary of 1,596 + 3 OOV buckets`, `context · float32`."""
        return f"{'context' if self.in_context else 'sequence'} · {self._values}"

    @property
    def _values(self) -> str:
        if self.is_weights:
            return f"weights of {self.column.key}"
        match self.column:
            case VocabularyColumn(size=size, num_oov_buckets=oov):
                return f"vocabulary of {size:,}" + (f" + {plural(oov, 'OOV bucket')}" if oov else "")
            case HashColumn(num_buckets=ids):
                return f"hashed into {ids:,} ids"
            case IdentityColumn(num_buckets=ids):
                return f"ids below {ids:,}"
            case BytesColumn():
                return "bytes: the numbers are the sizes of steps, in bytes"
            case column:
                return f"{column.dtype}{'' if column.shape in ((), (1,)) else f' of shape {list(column.shape)}'}"

    def entry_text(self, value: str) -> str:
        """The entry of an id in a vocabulary, or its OOV bucket; other ids and strings as they are."""
        if not isinstance(self.column, VocabularyColumn) or not value.lstrip("-").isdecimal():
            return value
        number, size = int(value), self.column.size
        if 0 <= number < size:
            return str(self.column.vocabulary[number])
        return f"(OOV bucket {number - size})" if number >= size else "(missing)"


def written_features(manifest: Manifest) -> dict[str, WrittenFeature]:
    """The features of the data set, by key."""
    features = {context.key: WrittenFeature(context.key, context) for context in context_features(manifest.columns)}
    for column in (*sequence_features(manifest.columns), *raw_context(manifest.columns)):
        features[column.key] = WrittenFeature(column.key, column)
        weight_key = getattr(column, "weight_key", None)
        if weight_key is not None:
            features[weight_key] = WrittenFeature(weight_key, column, is_weights=True)
    return features
