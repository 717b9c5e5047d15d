"""Columns of ids by a vocabulary: a list, a file, or the values of the data."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticKnownError

from lengthwise.columns.column_base import Strict
from lengthwise.columns.exact_numbers import INT64
from lengthwise.columns.field_errors import FieldError
from lengthwise.columns.id_columns import CategoricalColumn, check_default_id
from lengthwise.columns.vocabulary_file import first_repetition, load_vocabulary
from lengthwise.errors import ConfigError

MOST_ENTRIES = 2**24
"""The maximum size of a counted vocabulary: each process with a lookup keeps all entries in memory."""


def _check_entries(entries: Any) -> Any:
    """A list of strings or a list of integers; numpy values become Python's, and TensorFlow's bytes become strings."""
    if not isinstance(entries, list | tuple):
        raise PydanticKnownError("tuple_type")
    entries = tuple(entry.item() if hasattr(entry, "item") else entry for entry in entries)
    entries = tuple(entry.decode() if isinstance(entry, bytes) else entry for entry in entries)
    kind = str if isinstance(next(iter(entries), ""), str) else int
    for entry in entries:
        if not isinstance(entry, kind) or isinstance(entry, bool):
            expected = "strings" if kind is str else "strings or of integers"
            hint = "in YAML, put strings in quotes"
            raise ValueError(f"expected a list of {expected}, received an entry {entry!r}; {hint}")
        if isinstance(entry, int) and entry not in INT64:
            raise ValueError(f"expected integers of 64 bits, received {entry}")
    return entries


Entries = Annotated[tuple[str, ...] | tuple[int, ...], BeforeValidator(_check_entries)]


class FromData(Strict):
    """The values of the training split that become a vocabulary."""

    top: int | None = Field(
        default=None,
        ge=1,
        le=MOST_ENTRIES,
        description="The maximum number of entries: the most frequent values; among equally frequent ones, those "
        "whose bytes sort first.",
    )
    min_count: int = Field(default=1, ge=1, lt=2**62, description="The minimum number of occurrences of an entry.")
    same_as: str | None = Field(
        default=None,
        min_length=1,
        description="Instead of both, the key of another column with `from_data`: the values of both columns are "
        "counted together, and both use the same vocabulary.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.same_as is None and self.top is None:
            raise FieldError("top", "expected the maximum number of entries of the vocabulary, received nothing")
        if self.same_as is not None and (self.top is not None or self.min_count != 1):
            rule = "expected neither top nor min_count with same_as"
            raise FieldError("same_as", f"{rule}, received one of them; those of {self.same_as!r} are used")
        return self


class VocabularyColumn(CategoricalColumn):
    """Values looked up in a list, in a file with one entry per line, or in the data; an entry's id is its position."""

    kind: Literal["vocabulary"] = "vocabulary"
    vocabulary_list: Entries | None = Field(
        default=None, description="The entries. Exactly one of this, `vocabulary_file` and `from_data` is given."
    )
    vocabulary_file: str | None = Field(
        default=None, min_length=1, description="A UTF-8 text file, one entry per line."
    )
    vocabulary_size: int | None = Field(
        default=None, ge=1, lt=2**62, description="The number of lines to use; None for all."
    )
    from_data: FromData | None = Field(
        default=None,
        description="`prepare` counts the values of the training split (`train`, or the only one), and writes the "
        "vocabulary to the data set, the most frequent entry first. The columns of the manifest refer to that file. "
        "Not with `oov: error`.",
    )
    dtype: Literal["string", "int64"] = Field(
        default="string", description="`string` or `int64`; by default the dtype of the list's entries."
    )
    num_oov_buckets: int = Field(
        default=0,
        ge=0,
        lt=2**62,
        description="The number of ids after the vocabulary that values outside it share, by hash.",
    )
    default_value: int = Field(
        default=-1, ge=-1, description="The id of values outside the vocabulary, with `oov: default`."
    )
    oov: Literal["error", "zero", "default", "buckets"] = Field(
        default="zero",
        description="How values outside the vocabulary are handled: `error` rejects the record, `zero` uses the "
        "missing id, `default` the id `default_value`, `buckets` one of `num_oov_buckets` ids. If omitted, the same as "
        "in TensorFlow: `buckets` with num_oov_buckets, `default` with a default_value, else `zero`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_dtype_and_policy(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        fields = dict(fields)
        entries = fields.get("vocabulary_list")
        if fields.get("dtype") is None:
            is_text = not isinstance(entries, list | tuple) or not entries or isinstance(entries[0], str | bytes)
            fields["dtype"] = "string" if is_text else "int64"
        if fields.get("default_value", -1) is None:
            del fields["default_value"]
        if fields.get("oov") is None:
            if fields.get("num_oov_buckets"):
                fields["oov"] = "buckets"
            elif fields.get("default_value", -1) != -1:
                fields["oov"] = "default"
            else:
                fields["oov"] = "zero"
        return fields

    @model_validator(mode="after")
    def _check(self) -> Self:
        sources = ("vocabulary_list", "vocabulary_file", "from_data")
        given = [name for name in sources if getattr(self, name) is not None]
        if len(given) != 1:
            rule = f"expected one of {', '.join(sources)}, received {' and '.join(given) or 'none'}"
            raise FieldError("vocabulary_list", rule)
        if self.vocabulary_list is not None:
            self._check_list(self.vocabulary_list)
        if self.from_data is not None:
            self._check_from_data(self.from_data)
        if self.num_oov_buckets and self.default_value >= 0:
            raise FieldError("default_value", "expected either default_value or num_oov_buckets, received both")
        if self.oov == "buckets" and not self.num_oov_buckets:
            raise FieldError("num_oov_buckets", "expected a number of ids with oov 'buckets', received nothing")
        if self.oov != "buckets" and self.num_oov_buckets:
            raise FieldError("oov", f"expected 'buckets' with num_oov_buckets, received {self.oov!r}")
        default = None if self.default_value < 0 else self.default_value
        check_default_id(self.oov, default, self._max_size)
        return self

    def _max_size(self) -> int:
        """The maximum number of entries. Without a vocabulary_size, this reads the file."""
        return self.size if self.from_data is None else self.from_data.top or MOST_ENTRIES

    def _check_from_data(self, rules: FromData) -> None:
        if self.vocabulary_size is not None:
            raise FieldError("vocabulary_size", "expected only with vocabulary_file, received with from_data")
        if self.oov == "error":
            rule = "expected zero, default or buckets with from_data, received 'error': it would reject rare values"
            raise FieldError("oov", rule)
        if rules.same_as == self.key:
            raise FieldError("from_data.same_as", f"expected the key of another column, received {self.key!r}")

    def _check_list(self, entries: tuple[str, ...] | tuple[int, ...]) -> None:
        if not entries:
            raise FieldError("vocabulary_list", "expected at least 1 entry, received []")
        if self.vocabulary_size is not None:
            raise FieldError("vocabulary_size", "expected only with vocabulary_file, received with vocabulary_list")
        if isinstance(entries[0], str) != (self.dtype == "string"):
            hint = "; put them in quotes" if self.dtype == "string" else ""
            rule = f"expected entries of dtype {self.dtype}, received {entries[0]!r}{hint}"
            raise FieldError("vocabulary_list", rule)
        repetition = first_repetition(entries)
        if repetition is not None:
            raise FieldError("vocabulary_list", f"expected distinct entries, received {entries[repetition[0]]!r} twice")

    @property
    def vocabulary(self) -> tuple[str, ...] | tuple[int, ...]:
        """The entries in the order of their ids; a file is read on first use.

        Raises:
            ConfigError: the file has a BOM, duplicates, too few lines, or for int64 lines that are not integers; or a
                job has not counted the vocabulary yet.
        """
        if self.vocabulary_list is not None:
            return self.vocabulary_list
        if self.vocabulary_file is None:
            raise ConfigError(
                f"column {self.key!r}: expected a vocabulary, received from_data, which only a job can count; prepare "
                "the data first, then use the columns of its manifest: lengthwise.open(DIR).manifest.columns"
            )
        return load_vocabulary(self.vocabulary_file, self.vocabulary_size, self.dtype)

    @property
    def needs_counting(self) -> bool:
        """Whether a job must count the vocabulary first."""
        return self.from_data is not None and self.vocabulary_file is None

    @property
    def size(self) -> int:
        """The number of entries, without OOV buckets."""
        return self.vocabulary_size or len(self.vocabulary)

    @property
    def num_buckets(self) -> int:
        """The number of ids: the entries and the OOV buckets."""
        return self.size + self.num_oov_buckets
