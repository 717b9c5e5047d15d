"""`JobConfig`: a job's configuration, as in its YAML file. Each section has a file here.

Each field has its description, unit and default; the reference page and the JSON Schema are generated from these.
"""

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from lengthwise.columns import Column, groups, raw_context, sequence_features
from lengthwise.columns.field_errors import FieldError
from lengthwise.columns.from_tensorflow import from_feature_column, is_feature_column
from lengthwise.config import cross_section_checks as checks
from lengthwise.config.buckets_section import Buckets
from lengthwise.config.field_types import Section
from lengthwise.config.inputs_section import Inputs
from lengthwise.config.limits_section import Limits
from lengthwise.config.output_section import Output, Shuffle
from lengthwise.config.sequences_section import GroupRules, Sequences
from lengthwise.config.splits_section import TRAINING_SPLIT, Splits


def _convert_feature_columns(columns: object) -> object:
    """Converts `tf.feature_column` objects, which are tuples and would be read as lists of fields."""
    if not isinstance(columns, list | tuple) or is_feature_column(columns):
        return columns
    return [from_feature_column(column) if is_feature_column(column) else column for column in columns]


class JobConfig(Section):
    """One preparation: what is read, by which columns, and what is written."""

    inputs: Inputs = Inputs()
    columns: Annotated[tuple[Column, ...], BeforeValidator(_convert_feature_columns)] = Field(
        min_length=1, description="The features of a sequence."
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
        names = groups(self.columns)
        checks.check_initializers(self.columns)
        checks.check_split_key(self.splits, raw_context(self.columns))
        checks.check_from_context(self.columns, self.inputs)
        checks.check_group_rules(self.sequences, names)
        checks.check_pairs(self.buckets, self.sequences, names)
        checks.check_windows(self.sequences, self.buckets)
        checks.check_from_data(self.columns, self.split_names, self.training_split)
        checks.check_one_division(self.inputs, self.splits)
        return self

    def sequences_within(self, longest: Sequence[int | None]) -> Sequences:
        """The rules of sequences, with the lengths that buckets allow.

        Args:
            longest: the maximum steps of the leading group, which no rule of a group repeats; and of the second group,
                if buckets are pairs.
        """
        if len(longest) < 2:
            return self.sequences
        second = groups(self.columns)[1]
        rules = self.sequences.groups.get(second, GroupRules()).model_copy(update={"max_length": longest[1]})
        return self.sequences.model_copy(update={"groups": {**self.sequences.groups, second: rules}})

    @property
    def longest(self) -> tuple[int | None, ...]:
        """The maximum steps that buckets allow, as far as they are known before the lengths of the data are known."""
        return self.buckets.given[-1] if self.buckets.given else (self.buckets.longest,)

    @property
    def split_names(self) -> tuple[str, ...]:
        """The names of the splits, sorted: the order of their shares of the hash."""
        return tuple(self.inputs.by_split) or tuple(self.splits.fractions)

    @property
    def training_split(self) -> str | None:
        """The split whose numbers models may know: `train`, or the only split; None if there is neither."""
        names = self.split_names
        if TRAINING_SPLIT in names:
            return TRAINING_SPLIT
        return names[0] if len(names) == 1 else None
