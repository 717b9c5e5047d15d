"""Columns of ids: integers as they are, hashed values, or a vocabulary's entries.

`lengthwise.records.rows.id_lookup` has their look-ups; these are only values. In looked-up ids -1 is the missing id:
a zero vector, counted in the length.
"""

from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticKnownError

from lengthwise.columns.column_base import Place, Spec, Strict
from lengthwise.columns.column_groups import GroupName
from lengthwise.columns.field_errors import FieldError
from lengthwise.columns.vocabulary_file import load_vocabulary
from lengthwise.errors import ConfigError

MOST_ENTRIES = 2**24
"""Of a vocabulary that is counted: each process that looks values up holds the entries."""

_INT64 = range(-(2**63), 2**63)
IdCount = Annotated[int, Field(ge=1, lt=2**63)]


def _check_entries(entries: Any) -> Any:
    """A list of texts or a list of integers: numpy's as Python's, and bytes, as in TensorFlow's objects, as text."""
    if not isinstance(entries, list | tuple):
        raise PydanticKnownError("tuple_type")
    entries = tuple(entry.item() if hasattr(entry, "item") else entry for entry in entries)
    entries = tuple(entry.decode() if isinstance(entry, bytes) else entry for entry in entries)
    kind = str if isinstance(next(iter(entries), ""), str) else int
    for entry in entries:
        if not isinstance(entry, kind) or isinstance(entry, bool):
            what = "texts" if kind is str else "texts or of integers"
            raise ValueError(f"expected a list of {what}, received {entry!r} in it; in YAML, put texts in quotes")
        if isinstance(entry, int) and entry not in _INT64:
            raise ValueError(f"expected integers of 64 bits, received {entry}")
    return entries


def check_default(oov: str, *, given: bool) -> None:
    """Raises FieldError unless a default id is given exactly where the policy needs one."""
    if oov == "default" and not given:
        raise FieldError("default_value", "expected an id with oov 'default', received nothing")
    if oov != "default" and given:
        raise FieldError("oov", f"expected 'default' with a default_value, received {oov!r}")


Entries = Annotated[tuple[str, ...] | tuple[int, ...], BeforeValidator(_check_entries)]


class CategoricalColumn(Spec):
    """What the categorical kinds share."""

    key: str = Field(min_length=1, description="The feature's name.")
    per: Literal["step", "record"] = Field(
        default="step",
        description="`step` for a sequence; `record` for a feature of the whole record, which is read as a sequence "
        "of one step.",
    )
    weight_key: str | None = Field(
        default=None,
        min_length=1,
        description="The float feature with one weight for each value; None for equal weights.",
    )
    values_per_step: int = Field(
        default=1,
        ge=1,
        le=65536,
        description="The most values that a step may have (2 or more: multi-hot; shorter steps are filled with the "
        "missing id). A step without a value has the missing id whatever `oov` says; it is counted as repaired. In a "
        "tf.Example, whose lists are flat, each step is exactly that many values. With `per: record`, the most values "
        "of a record; where it is 2 or more, batches have their number as `<key>_count`.",
    )
    required: bool = Field(default=True, description="Whether a record without the feature is rejected.")
    group: GroupName = Field(
        default="",
        description="The columns of a group have one length in each record; left out, the one without a name.",
    )
    from_: Place = Field(
        default="feature_lists",
        alias="from",
        description="Where a tf.SequenceExample has the sequence: in its `feature_lists`, or, as Spark writes arrays, "
        "as a flat list in its `context`, cut into steps as the lists of a tf.Example are. In Python it is `from_`.",
    )

    @model_validator(mode="after")
    def _is_a_sequence(self) -> Self:
        if self.group and self.per == "record":
            raise FieldError("group", f"expected a group of sequences only, received {self.group!r} per record")
        if self.from_ == "context" and self.per == "record":
            raise FieldError("from", "expected `from: context` of sequences only, received it per record; leave it out")
        return self

    @model_validator(mode="after")
    def _weights_are_another_feature(self) -> Self:
        if self.weight_key == self.key:
            raise FieldError("weight_key", f"expected a feature other than the key, received {self.weight_key!r}")
        return self

    @property
    def name(self) -> str:
        return self.key if self.weight_key is None else f"{self.key}_weighted_by_{self.weight_key}"

    @property
    def count_key(self) -> str | None:
        """The feature that the look-up adds: how many values a record has; None where it can have one only."""
        return f"{self.key}_count" if self.per == "record" and self.values_per_step > 1 else None


class IdentityColumn(CategoricalColumn):
    """Integers in [0, num_buckets), used as ids."""

    kind: Literal["identity"] = "identity"
    num_buckets: IdCount = Field(description="The number of ids.")
    default_value: int | None = Field(
        default=None, description="The id of values out of range, where `oov` is `default`."
    )
    oov: Literal["error", "zero", "default"] = Field(
        default="error",
        description="What an integer out of range becomes: `error` rejects the record (the layer: an error), `zero` "
        "the missing id, `default` the id `default_value`. Left out: `default` where there is a default_value, else "
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
        check_default(self.oov, given=self.default_value is not None)
        if self.default_value is not None and not 0 <= self.default_value < self.num_buckets:
            rule = f"expected an id in [0, {self.num_buckets}), received {self.default_value}"
            raise FieldError("default_value", rule)
        return self

    @property
    def dtype(self) -> Literal["int64"]:
        return "int64"


class HashColumn(CategoricalColumn):
    """Values hashed into ids by FarmHash Fingerprint64, as `tf.strings.to_hash_bucket_fast` does."""

    kind: Literal["hash"] = "hash"
    hash_bucket_size: IdCount = Field(description="The number of ids.")
    dtype: Literal["string", "int64"] = Field(
        default="string", description="`string`, or `int64`, whose decimal text is hashed."
    )

    @property
    def num_buckets(self) -> int:
        return self.hash_bucket_size


class FromData(Strict):
    """Which values of the training split become a vocabulary."""

    top: int | None = Field(
        default=None,
        ge=1,
        le=MOST_ENTRIES,
        description="The most entries: those that occur most often; of equally frequent ones, those whose bytes sort "
        "first.",
    )
    min_count: int = Field(default=1, ge=1, lt=2**62, description="How often a value must occur to become an entry.")
    same_as: str | None = Field(
        default=None,
        min_length=1,
        description="Instead of both, the key of another column with `from_data`: the values of both are counted "
        "together, and both have one vocabulary.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.same_as is None and self.top is None:
            raise FieldError("top", "expected the most entries that the vocabulary may have, received nothing")
        if self.same_as is not None and (self.top is not None or self.min_count != 1):
            rule = f"expected neither top nor min_count beside it, received both; {self.same_as!r} has them"
            raise FieldError("same_as", rule)
        return self


class VocabularyColumn(CategoricalColumn):
    """Values looked up in a list, a file with one entry a line, or what the data has; an entry's id is its position."""

    kind: Literal["vocabulary"] = "vocabulary"
    vocabulary_list: Entries | None = Field(
        default=None, description="The entries; one of this, `vocabulary_file` and `from_data`."
    )
    vocabulary_file: str | None = Field(default=None, min_length=1, description="A UTF-8 text file, one entry a line.")
    vocabulary_size: int | None = Field(
        default=None, ge=1, lt=2**62, description="How many lines of the file count; None for all."
    )
    from_data: FromData | None = Field(
        default=None,
        description="`prepare` counts the values of the training split (`train`, or the only one), and writes the "
        "vocabulary beside the data set, the most frequent entry first. The columns of the manifest name that file. "
        "Not with `oov: error`.",
    )
    dtype: Literal["string", "int64"] = Field(
        default="string", description="`string` or `int64`; by default that of the list's entries."
    )
    num_oov_buckets: int = Field(
        default=0,
        ge=0,
        lt=2**62,
        description="How many ids after the vocabulary are shared, by hash, by the values outside of it.",
    )
    default_value: int = Field(default=-1, ge=-1, description="The id of values outside, where `oov` is `default`.")
    oov: Literal["error", "zero", "default", "buckets"] = Field(
        default="zero",
        description="What a value outside becomes: `error` rejects the record, `zero` the missing id, `default` the "
        "id `default_value`, `buckets` one of `num_oov_buckets` ids. Left out: as TensorFlow does, `buckets` or "
        "`default` where their number is given, else `zero`.",
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
            has_default = fields.get("default_value", -1) != -1
            fields["oov"] = "buckets" if fields.get("num_oov_buckets") else "default" if has_default else "zero"
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
        check_default(self.oov, given=self.default_value >= 0)
        # Without a default nothing is to be read: a file without a told size is, at the first use.
        if self.default_value >= 0:
            size = self.size if self.from_data is None else self.from_data.top or MOST_ENTRIES
            if self.default_value >= size:
                raise FieldError("default_value", f"expected an id in [0, {size}), received {self.default_value}")
        return self

    def _check_from_data(self, rules: FromData) -> None:
        if self.vocabulary_size is not None:
            raise FieldError("vocabulary_size", "expected only with vocabulary_file, received with from_data")
        if self.oov == "error":
            rule = "expected zero, default or buckets with from_data, received 'error': rare values would be refused"
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
        if len(set(entries)) < len(entries):
            twice = next(entry for entry, count in Counter(entries).items() if count > 1)
            raise FieldError("vocabulary_list", f"expected distinct entries, received {twice!r} twice")

    @property
    def vocabulary(self) -> tuple[str, ...] | tuple[int, ...]:
        """The entries in the order of their ids; a file is read at the first use.

        Raises:
            ConfigError: the file has a BOM, duplicates, too few lines, or lines that are no integers for int64; or
                there is none yet, because a job has still to count the vocabulary.
        """
        if self.vocabulary_list is not None:
            return self.vocabulary_list
        if self.vocabulary_file is None:
            raise ConfigError(
                f"column {self.key!r}: expected a vocabulary, received from_data, by which a job makes one; prepare "
                "the data first, and take the columns of its manifest: lengthwise.open(DIR).manifest.columns"
            )
        return load_vocabulary(self.vocabulary_file, self.vocabulary_size, self.dtype)

    @property
    def needs_counting(self) -> bool:
        """Whether there is no vocabulary before a job has counted one."""
        return self.from_data is not None and self.vocabulary_file is None

    @property
    def size(self) -> int:
        """The number of entries, OOV buckets left out."""
        return self.vocabulary_size or len(self.vocabulary)

    @property
    def num_buckets(self) -> int:
        """The number of ids: the entries and the OOV buckets."""
        return self.size + self.num_oov_buckets
