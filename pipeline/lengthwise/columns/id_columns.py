"""Columns of ids: integers, hashed values, or the entries of a vocabulary.

`lengthwise.records.rows.id_lookup` implements the lookups; these classes are only values. In the results of lookups, -1
is the missing id: a zero vector, counted in the length.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticKnownError

from lengthwise.columns.column_base import Place, Spec, Strict
from lengthwise.columns.column_groups import GroupName
from lengthwise.columns.exact_numbers import INT64
from lengthwise.columns.field_errors import FieldError
from lengthwise.columns.vocabulary_file import first_repetition, load_vocabulary
from lengthwise.errors import ConfigError

MOST_ENTRIES = 2**24
"""The maximum size of a counted vocabulary: each process with a lookup keeps all entries in memory."""

IdCount = Annotated[int, Field(ge=1, lt=2**63)]


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


def check_default_id(oov: str, default: int | None, num_ids: Callable[[], int]) -> None:
    """Raises FieldError unless a default id is given exactly if the policy needs one, and is one of the ids.

    Args:
        oov: the policy.
        default: the default id, or None.
        num_ids: computes how many ids the default may be one of; called only if there is a default.
    """
    if oov == "default" and default is None:
        raise FieldError("default_value", "expected an id with oov 'default', received nothing")
    if default is None:
        return
    if oov != "default":
        raise FieldError("oov", f"expected 'default' with a default_value, received {oov!r}")
    count = num_ids()
    if not 0 <= default < count:
        raise FieldError("default_value", f"expected an id in [0, {count}), received {default}")


Entries = Annotated[tuple[str, ...] | tuple[int, ...], BeforeValidator(_check_entries)]


class CategoricalColumn(Spec):
    """The fields that all columns of ids share."""

    key: str = Field(min_length=1, description="The feature's name.")
    per: Literal["step", "record"] = Field(
        default="step",
        description="`step` for a sequence; `record` for a feature of the whole record, which is read like a sequence "
        "of one step.",
    )
    weight_key: str | None = Field(
        default=None,
        min_length=1,
        description="The float feature with one weight per value; None for equal weights.",
    )
    values_per_step: int = Field(
        default=1,
        ge=1,
        le=65536,
        description="The maximum number of values per step (2 or more: multi-hot; shorter steps are filled with the "
        "missing id). A step without a value has the missing id regardless of `oov`, and is counted as repaired. In a "
        "tf.Example, whose lists are flat, each step has exactly this number of values. With `per: record`, the "
        "maximum number of values per record; if it is 2 or more, batches contain the number of values as "
        "`<key>_count`.",
    )
    required: bool = Field(default=True, description="Whether a record without the feature is rejected.")
    group: GroupName = ""
    from_: Place = Field(default="feature_lists", alias="from")

    @model_validator(mode="after")
    def _check_fields_of_sequences(self) -> Self:
        if self.per == "step":
            return self
        if self.group:
            rule = "expected no group with `per: record`, since only sequences have groups"
            raise FieldError("group", f"{rule}, received {self.group!r}; leave it out")
        if self.from_ == "context":
            rule = "expected no `from` with `per: record`, since only sequences have one"
            raise FieldError("from", f"{rule}, received 'context'; leave it out")
        return self

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        if self.weight_key == self.key:
            raise FieldError("weight_key", f"expected a feature other than the key, received {self.weight_key!r}")
        return self

    @property
    def name(self) -> str:
        return self.key if self.weight_key is None else f"{self.key}_weighted_by_{self.weight_key}"

    @property
    def count_key(self) -> str | None:
        """The feature, added by the lookup, with the number of values of a record; None if there is at most one."""
        return f"{self.key}_count" if self.per == "record" and self.values_per_step > 1 else None


class IdentityColumn(CategoricalColumn):
    """Integers in [0, num_buckets) that are used as ids."""

    kind: Literal["identity"] = "identity"
    num_buckets: IdCount = Field(description="The number of ids.")
    default_value: int | None = Field(default=None, description="The id of values out of range, with `oov: default`.")
    oov: Literal["error", "zero", "default"] = Field(
        default="error",
        description="How integers out of range are handled: `error` rejects the record (in a layer: an error), `zero` "
        "uses the missing id, `default` the id `default_value`. If omitted: `default` with a default_value, else "
        "`error`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_policy(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("oov") is None:
            fields = {**fields, "oov": "error" if fields.get("default_value") is None else "default"}
        return fields

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_default_id(self.oov, self.default_value, lambda: self.num_buckets)
        return self

    @property
    def dtype(self) -> Literal["int64"]:
        return "int64"


class HashColumn(CategoricalColumn):
    """Values hashed into ids by FarmHash Fingerprint64, the same as in `tf.strings.to_hash_bucket_fast`."""

    kind: Literal["hash"] = "hash"
    hash_bucket_size: IdCount = Field(description="The number of ids.")
    dtype: Literal["string", "int64"] = Field(
        default="string", description="`string`, or `int64`; of integers, the decimal text is hashed."
    )

    @property
    def num_buckets(self) -> int:
        return self.hash_bucket_size


class FromData(Strict):
    """The values of the training split that become a vocabulary."""

    top: int | None = Field(
        default=None,
        ge=1,
        le=MOST_ENTRIES,
        description="The maximum number of entries: the most frequent values, and of equally frequent ones those whose "
        "bytes sort first.",
    )
    min_count: int = Field(default=1, ge=1, lt=2**62, description="The minimum number of occurrences of an entry.")
    same_as: str | None = Field(
        default=None,
        min_length=1,
        description="In place of both, the key of another column with `from_data`: the values of both columns are "
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
