"""A job's configuration: what stands in the YAML file, field by field.

Every field's description, unit and default is here; the reference page and the JSON Schema are made from it.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from lengthwise.columns import (
    Column,
    ContextColumn,
    ContextFeature,
    VocabularyColumn,
    feature_of,
    groups,
    raw_context,
    sequence_features,
)
from lengthwise.columns.column_base import Strict
from lengthwise.columns.field_errors import FieldError, show
from lengthwise.columns.from_tensorflow import from_feature_column, is_feature_column
from lengthwise.errors import ConfigError
from lengthwise.manifest import Compression, Layout

TRAINING_SPLIT = "train"
"""The split whose values are counted: what a model may know before it is evaluated."""

_UNITS = {"": 1, "b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}


def _parse_size(value: Any) -> Any:
    """`128MiB` as a number of bytes."""
    if not isinstance(value, str):
        return value
    expected = f"expected a size in bytes, such as 134217728, 128MiB or 1GiB, received {show(value)}"
    number = value.strip().rstrip("BbIiKkMmGg")
    unit = value.strip()[len(number) :].lower()
    try:
        return int(float(number) * _UNITS[unit])
    except (KeyError, ValueError, OverflowError):  # the last of infinity
        raise ValueError(expected) from None


Bytes = Annotated[
    int,
    BeforeValidator(_parse_size),
    Field(ge=1, lt=2**63),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}),
]


def _one_is_a_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_PATTERN = {"type": "string", "minLength": 1}
Patterns = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(_one_is_a_list),
    WithJsonSchema({"anyOf": [_PATTERN, {"type": "array", "items": _PATTERN}]}),
]


Steps = Annotated[int, Field(ge=1, lt=2**31)]
NoOrMoreSteps = Annotated[int, Field(ge=0, lt=2**31)]


def _parse_multiple(value: Any) -> Any:
    """`auto`, or a whole number of steps."""
    if value == "auto" or (isinstance(value, int) and 1 <= value < 2**31):
        return value
    raise ValueError(f"expected `auto` or a whole number of steps from 1 on, received {show(value)}")


Multiple = Annotated[Steps | Literal["auto"], BeforeValidator(_parse_multiple)]


class Section(Strict):
    """Base of the configuration's parts: frozen, unknown fields are errors."""


class Inputs(Section):
    """What is read."""

    files: Patterns = Field(
        default=(), description="Raw TFRecord files: paths, glob patterns, or folders, all files below."
    )
    by_split: dict[str, Patterns] = Field(
        default={}, description="Instead of `files`: paths or patterns by split; then no record changes its split."
    )
    format: Literal["sequence_example", "example"] = Field(
        default="sequence_example", description="The records' protocol buffer: tf.SequenceExample or tf.Example."
    )
    compression: Literal["auto", "gzip", "zlib", "none"] = Field(
        default="auto", description="Of the files; `auto` tells it from each file's first bytes."
    )

    @field_validator("by_split")
    @classmethod
    def _by_name(cls, splits: dict[str, Patterns]) -> dict[str, Patterns]:
        return dict(sorted(splits.items()))  # a mapping's order means nothing

    @model_validator(mode="after")
    def _one_way_of_naming(self) -> Self:
        if self.files and self.by_split:
            raise FieldError("by_split", "expected either `files` or `by_split`, received both; leave one out")
        for name, patterns in self.by_split.items():
            check_split_name(name, "by_split")
            if not patterns:
                raise FieldError(f"by_split.{name}", "expected at least 1 path or pattern, received []")
        return self


class GroupRules(Section):
    """What happens to the sequences of one group, where it is not what happens to all."""

    empty: Literal["keep", "reject"] | None = Field(
        default=None, description="As `sequences.empty`, which it replaces."
    )
    min_steps: NoOrMoreSteps | None = Field(default=None, description="As `sequences.min_steps`, which it replaces.")
    over_long: Literal["reject", "truncate_left", "truncate_right"] | None = Field(
        default=None, description="As `sequences.over_long`, which it replaces."
    )
    mismatch: Literal["reject", "truncate"] | None = Field(
        default=None, description="As `sequences.mismatch`, which it replaces."
    )
    max_length: Steps | None = Field(
        default=None,
        description="The most steps of a sequence of this group; left out: any number. Of the group that leads, the "
        "last boundary says it.",
    )


class Sequences(Section):
    """What happens to sequences that are empty, too long, or uneven."""

    empty: Literal["keep", "reject"] = Field(
        default="reject", description="Sequences without a step: kept (length 0, first bucket) or rejected."
    )
    min_steps: NoOrMoreSteps = Field(
        default=0, description="Sequences of fewer steps are rejected; those without a step as `empty` says."
    )
    over_long: Literal["reject", "truncate_left", "truncate_right", "window"] = Field(
        default="reject",
        description="Sequences beyond the last boundary: rejected; cut, dropping their first steps (`truncate_left`) "
        "or their last (`truncate_right`); or split into windows of at most the last boundary.",
    )
    window_overlap: int = Field(
        default=0, ge=0, lt=2**31, description="Steps that a window shares with the one before it."
    )
    mismatch: Literal["reject", "truncate"] = Field(
        default="reject",
        description="Records whose sequence columns differ in length: rejected, or cut to the shortest.",
    )
    groups: dict[str, GroupRules] = Field(
        default={}, description="Other rules for some groups, by name: a group is what columns of one length name."
    )

    @field_validator("groups")
    @classmethod
    def _by_name(cls, groups: dict[str, GroupRules]) -> dict[str, GroupRules]:
        return dict(sorted(groups.items()))  # a mapping's order means nothing

    def of(self, group: str) -> GroupRules:
        """The rules of a group, none left open but `max_length`; `over_long` of an only group may be `window`."""
        own = self.groups.get(group, GroupRules())
        names = ("empty", "min_steps", "over_long", "mismatch")
        given = {name: getattr(own, name) for name in names}
        rules: dict[str, Any] = {name: getattr(self, name) if value is None else value for name, value in given.items()}
        return GroupRules.model_construct(**rules, max_length=own.max_length)


class Buckets(Section):
    """Into which lengths the sequences are grouped; sequences of a bucket are padded to its boundary."""

    boundaries: tuple[Steps, ...] | None = Field(
        default=None,
        description="Inclusive maximum lengths, strictly increasing; with groups, of the one that leads. Left out: "
        "planned from the data; with groups, as `pairs`.",
    )
    pairs: tuple[tuple[Steps, Steps], ...] | None = Field(
        default=None,
        description="With groups: inclusive maximum lengths of the first two, a pair for each bucket. A record is in "
        "the first that holds it; the last holds all others.",
    )
    count: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="How many buckets to plan. Left out: as few as leave at most 10% more padding and remainders than "
        "any number up to 32: for large data about 30, for data of one batch one.",
    )
    batch_steps: Steps = Field(
        default=8192,
        description="The `batch_steps` at which the data will be read. The number of buckets follows it: each bucket's "
        "last batch counts as half full.",
    )
    cost: Literal["linear", "quadratic"] = Field(
        default="linear", description="What the plan minimises: padded steps, or their squares (attention)."
    )
    group_weights: dict[str, Annotated[int, Field(ge=1, lt=2**31)]] = Field(
        default={},
        description="Of pairs: how much a padded step of each of the two groups costs, 1 if left out. With "
        "`product_weight` c, a record of T1 and T2 padded steps costs a * T1 + b * T2 + c * T1 * T2.",
    )
    product_weight: float = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="Of pairs: what T1 * T2 costs, as in cross-attention or the joint network of a transducer.",
    )
    multiple_of: Multiple = Field(
        default="auto",
        description="Planned boundaries are multiples of this many steps; `auto`: of the largest of 64, 32, 16, 8, 4, "
        "2, 1 that adds at most 2% of padded steps, and divides `max_length` if that is given.",
    )
    max_length: Steps | None = Field(
        default=None, description="The last planned boundary. Left out: the longest sequence of the data."
    )
    sample: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="The share of the input's blocks that `lengthwise plan` reads; below 1 it needs `max_length`.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = ("pairs", *PLANNING) if self.boundaries is not None else PLANNING
        planned = [name for name in names if getattr(self, name) != type(self).model_fields[name].default]
        given = "boundaries" if self.boundaries is not None else "pairs"
        if self.given and planned:
            what = "`pairs`" if planned[0] == "pairs" else "a plan"
            rule = f"expected either `{given}` or {what}, received `{given}` and `{planned[0]}`; leave one out"
            raise FieldError(planned[0], rule)
        if self.boundaries is not None:
            _check_boundaries(self.boundaries)
        if self.pairs is not None:
            _check_pairs(self.pairs)
        if self.sample < 1 and self.max_length is None:
            rule = f"expected `max_length` with a sample below 1, received {self.sample:g} alone; "
            raise FieldError("sample", rule + "a sample may miss the longest sequence, so say how long it may be")
        return self

    @property
    def planning(self) -> dict[str, Any]:
        """The arguments of `lengthwise.buckets.plan` and of its neighbours."""
        return {name: getattr(self, name) for name in ("cost", "count", "batch_steps", "multiple_of", "max_length")}

    @property
    def given(self) -> tuple[tuple[int, ...], ...]:
        """The most steps of each bucket, of one group or of two; none where they are planned."""
        return self.pairs or tuple((boundary,) for boundary in self.boundaries or ())

    @property
    def longest(self) -> int | None:
        """The last boundary, where it is known before the data's lengths are."""
        if self.given:
            return self.given[-1][0]
        if self.max_length is None or self.multiple_of == "auto":  # which divides it
            return self.max_length
        return -(-self.max_length // self.multiple_of) * self.multiple_of


PLANNING = ("count", "batch_steps", "group_weights", "product_weight", "multiple_of", "max_length", "sample")
"""The fields of `Buckets` that say how boundaries are planned, so go with no `boundaries` and no `pairs`."""


def _check_boundaries(boundaries: tuple[int, ...]) -> None:
    """Raises FieldError, in words for YAML, where they make no plan."""
    from lengthwise.buckets import BucketPlan  # which imports numpy

    if not boundaries:
        raise FieldError("boundaries", "expected at least 1 length, such as [8, 16, 32], received []")
    try:
        BucketPlan(boundaries)
    except ConfigError as error:
        rule = f"expected strictly increasing lengths, received {show(boundaries)}; sort them, each once"
        raise FieldError("boundaries", rule) from error


def _check_pairs(pairs: tuple[tuple[int, int], ...]) -> None:
    """Raises FieldError where they make no plan."""
    from lengthwise.buckets import PairPlan  # which imports numpy

    try:
        PairPlan(pairs)
    except ConfigError as error:
        raise FieldError("pairs", str(error).removeprefix("boundaries: ")) from error


class Splits(Section):
    """How records are divided: by a hash, so that a record never changes its split."""

    fractions: dict[str, float] = Field(default={"train": 1.0}, description="Splits and their shares, adding up to 1.")
    key: str | None = Field(
        default=None,
        description="A context column: records of equal value share a split. Left out: the record's bytes.",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Another seed, another division.")

    @field_validator("fractions")
    @classmethod
    def _by_name(cls, fractions: dict[str, float]) -> dict[str, float]:
        return dict(sorted(fractions.items()))  # a mapping's order means nothing: manifest and YAML may change it

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.fractions or any(share <= 0 for share in self.fractions.values()):
            shares = show([f"{name}: {share:g}" for name, share in self.fractions.items()])
            raise FieldError("fractions", f"expected shares above 0, such as train: 0.9, eval: 0.1, received {shares}")
        if abs(sum(self.fractions.values()) - 1) > 1e-6:
            total = sum(self.fractions.values())
            raise FieldError("fractions", f"expected shares that add up to 1, received {total:g}")
        for name in self.fractions:
            check_split_name(name, "fractions")
        return self


def check_split_name(name: str, field: str) -> None:
    """Raises FieldError unless `name` can stand in a folder's name on every file system."""
    if not name or not all(char.isascii() and (char.isalnum() or char in "_-") for char in name):
        raise FieldError(field, f"expected split names of letters, digits, '_' and '-', received {show(name)}")


class Shuffle(Section):
    """In which order sequences are written."""

    enabled: bool = Field(default=True, description="Globally, by a seeded hash; otherwise in the input's order.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="Another seed, another order.")


class Output(Section):
    """What is written."""

    path: str = Field(default="", description="The folder of the prepared data set.")
    layout: Layout = Field(
        default="block",
        description="`block`: a tf.Example has the buffers of many sequences, unpadded; `example`: a padded tf.Example "
        "a sequence, for other tools.",
    )
    compression: Literal["auto", "gzip", "zlib", "none"] = Field(
        default="auto",
        description="Of shards and rejects. `auto`: gzip, but shards of blocks are plain files in which each buffer is "
        "compressed by itself where that leaves less than half.",
    )
    shard_bytes: Bytes = Field(
        default=64 * 2**20, description="A shard's size to aim at, before compression: bytes, or `64MiB`."
    )
    block_sequences: int = Field(
        default=256, ge=1, le=65536, description="Block layout: how many sequences a block has at most."
    )

    @property
    def shards_as(self) -> Compression:
        """How the files of shards are compressed."""
        if self.compression == "auto":
            return "none" if self.layout == "block" else "gzip"
        return self.compression

    @property
    def rejects_as(self) -> Compression:
        """How the file of rejects is compressed."""
        return "gzip" if self.compression == "auto" else self.compression


class Limits(Section):
    """How much bad data is too much, and how large a record may be."""

    rejected_fraction: float = Field(
        default=0.01, ge=0, le=1, description="The job fails when a larger share of the records is rejected."
    )
    damaged_files: int = Field(
        default=0, ge=0, description="The job fails when more input files than this are unreadable in whole or in part."
    )
    stop_after_rejected: int = Field(
        default=4096,
        ge=0,
        description="The job stops at once when the first so many records, of several files, are all rejected for one "
        "reason, as a wrong key makes them; 0: it reads on. Nothing stops it where `rejected_fraction` is 1.",
    )
    max_record_bytes: Bytes = Field(
        default=64 * 2**20, description="Larger records are rejected without being parsed: bytes, or `64MiB`."
    )

    @property
    def looked_ahead(self) -> int:
        """How many first records, all rejected for one reason, stop the reading; 0 where nothing does."""
        return self.stop_after_rejected if self.rejected_fraction < 1 else 0


def _ours(columns: Any) -> Any:
    """`tf.feature_column` objects as columns of ours; they are tuples, which would be read as lists of fields."""
    if not isinstance(columns, list | tuple) or is_feature_column(columns):
        return columns
    return [from_feature_column(column) if is_feature_column(column) else column for column in columns]


class JobConfig(Section):
    """One preparation: what is read, by which columns, and what is written."""

    inputs: Inputs = Inputs()
    columns: Annotated[tuple[Column, ...], BeforeValidator(_ours)] = Field(
        min_length=1, description="What a sequence is."
    )
    sequences: Sequences = Sequences()
    buckets: Buckets = Buckets()
    splits: Splits = Splits()
    shuffle: Shuffle = Shuffle()
    output: Output = Output()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not sequence_features(self.columns):
            raise FieldError("columns", "expected at least one sequence column, received context columns only")
        self._check_initializers()
        self._check_split_key(raw_context(self.columns))
        self._check_places()
        self._check_groups()
        self._check_windows()
        self._check_from_data()
        divided = [name for name in ("fractions", "key") if getattr(self.splits, name) != getattr(Splits(), name)]
        if self.inputs.by_split and divided:
            rule = "expected either `inputs.by_split` or a division by hash, received both; leave one out"
            raise FieldError(f"splits.{divided[0]}", rule)
        return self

    def _check_initializers(self) -> None:
        """The manifest keeps the columns, and can keep no code."""
        for place, column in enumerate(self.columns):
            for name, table in (("", column), ("shared.", getattr(column, "shared", None))):
                initializer = getattr(table, "initializer", None)
                if callable(initializer):
                    received = getattr(initializer, "__name__", type(initializer).__name__)
                    rule = (
                        "expected the name or the config of a Keras initializer, which the manifest can keep, received "
                        f"{received!r}, which is code; leave it out here, and give it to the column of the model"
                    )
                    raise FieldError(f"columns[{place}].{name}initializer", rule)

    def _check_places(self) -> None:
        for place, column in enumerate(self.columns):
            if self.inputs.format == "example" and getattr(feature_of(column), "from_", "") == "context":
                rule = "expected no `from: context` with inputs.format example, whose lists are all flat; leave it out"
                raise FieldError(f"columns[{place}].from", f"{rule}, received 'context'")

    def _check_groups(self) -> None:
        named = groups(self.columns)
        for name, rules in self.sequences.groups.items():
            if name not in named or not name:
                known = ", ".join(filter(None, named)) or "none"
                rule = f"expected the group of a column, received {name!r}; there are: {known}"
                raise FieldError(f"sequences.groups.{name}", rule)
            if name == named[0] and rules.max_length is not None:
                rule = (
                    f"expected no max_length of the group that leads, received {rules.max_length}; "
                    "write buckets.max_length, or the last of buckets.boundaries"
                )
                raise FieldError(f"sequences.groups.{name}.max_length", rule)
        self._check_pairs(named)
        if len(named) > 1 and self.sequences.over_long == "window":
            rule = f"expected reject, truncate_left or truncate_right with several groups ({', '.join(named)})"
            raise FieldError("sequences.over_long", f"{rule}, received 'window': windows of one would part from others")

    def _check_pairs(self, named: tuple[str, ...]) -> None:
        buckets, (*two,) = self.buckets, named[:2]
        if len(two) < 2 and (buckets.pairs or buckets.product_weight or buckets.group_weights):
            name = "pairs" if buckets.pairs else "product_weight" if buckets.product_weight else "group_weights"
            raise FieldError(f"buckets.{name}", "expected columns of two groups with it, received one; leave it out")
        for name in buckets.group_weights:
            if name not in two:
                rule = f"expected one of the first two groups, {two[0]} and {two[1]}, received {name!r}"
                raise FieldError(f"buckets.group_weights.{name}", rule)
        if buckets.pairs and self.sequences.of(two[1]).max_length is not None:
            rule = f"expected none beside `buckets.pairs`, whose last says it, received one of {two[1]!r}; leave it out"
            raise FieldError(f"sequences.groups.{two[1]}.max_length", rule)

    def _check_windows(self) -> None:
        overlap, policy = self.sequences.window_overlap, self.sequences.over_long
        if overlap and policy != "window":
            rule = f"expected an overlap with `over_long: window` only, received {overlap} with {policy!r}"
            raise FieldError("sequences.window_overlap", rule)
        longest = (self.buckets.boundaries or (self.buckets.max_length,))[-1]
        if longest is not None and overlap >= longest:
            rule = f"expected less than the last boundary {longest}, received {overlap}"
            raise FieldError("sequences.window_overlap", rule)

    def _check_from_data(self) -> None:
        features = list(map(feature_of, self.columns))
        found = {one.key: one for one in features if isinstance(one, VocabularyColumn) and one.from_data is not None}
        own = {key for key, one in found.items() if one.from_data is not None and one.from_data.same_as is None}
        for place, column in enumerate(features):
            if column.key not in found:
                continue
            if self.training_split is None:
                splits = ", ".join(self.split_names)
                rule = f"expected a split {TRAINING_SPLIT!r}, whose values are counted, received the splits {splits}"
                raise FieldError(f"columns[{place}].from_data", rule)
            rules = found[column.key].from_data
            other = None if rules is None else rules.same_as
            if other is None:
                continue
            if other not in own:
                known = ", ".join(sorted(own)) or "none"
                rule = f"expected the key of a column with from_data of its own, received {other!r}; there are: {known}"
                raise FieldError(f"columns[{place}].from_data.same_as", rule)
            if found[other].dtype != found[column.key].dtype:
                rule = f"expected a column of dtype {found[column.key].dtype}, {other!r} has {found[other].dtype}"
                raise FieldError(f"columns[{place}].from_data.same_as", f"{rule}; received {other!r}")

    def _check_split_key(self, contexts: tuple[ContextFeature, ...]) -> None:
        if self.splits.key is None:
            return
        single = [
            one.key
            for one in contexts
            if (one.num_elements if isinstance(one, ContextColumn) else one.values_per_step) == 1
        ]
        if self.splits.key not in single:
            known = ", ".join(single) or "none"
            rule = f"expected a context column of one value, received {self.splits.key!r}; there are: {known}"
            raise FieldError("splits.key", rule)

    def sequences_within(self, longest: Sequence[int | None]) -> Sequences:
        """The rules of sequences where buckets say how long they may be.

        Args:
            longest: the most steps of the group that leads, which are no rule of a group; and of the second group,
                where buckets are pairs.
        """
        if len(longest) < 2:
            return self.sequences
        second = groups(self.columns)[1]
        own = self.sequences.groups.get(second, GroupRules()).model_copy(update={"max_length": longest[1]})
        return self.sequences.model_copy(update={"groups": {**self.sequences.groups, second: own}})

    @property
    def longest(self) -> tuple[int | None, ...]:
        """The most steps that buckets allow, as far as it is known before the data's lengths are."""
        return (self.buckets.longest, *(self.buckets.pairs or ((),))[-1][1:])

    @property
    def split_names(self) -> tuple[str, ...]:
        """The names of the splits, sorted: the order of their shares of the hash."""
        return tuple(self.inputs.by_split) or tuple(self.splits.fractions)

    @property
    def training_split(self) -> str | None:
        """The split whose numbers models may know: `train`, or the only split; None where there is neither."""
        names = self.split_names
        return TRAINING_SPLIT if TRAINING_SPLIT in names else names[0] if len(names) == 1 else None
