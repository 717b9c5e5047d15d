"""`buckets`: the lengths by which a job groups sequences, given or planned."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lengthwise.columns.field_errors import FieldError, show
from lengthwise.config.field_types import Multiple, Section, StepCount
from lengthwise.errors import ConfigError


class Buckets(Section):
    """How sequences are grouped by length; the sequences of a bucket are padded to its boundary."""

    boundaries: tuple[StepCount, ...] | None = Field(
        default=None,
        description="Inclusive maximum lengths, strictly increasing; with groups, those of the leading group. If "
        "omitted, they are planned from the data; with groups, as `pairs`.",
    )
    pairs: tuple[tuple[StepCount, StepCount], ...] | None = Field(
        default=None,
        description="With groups: inclusive maximum lengths of the first two groups, one pair per bucket. A record "
        "goes to the first bucket that has room for it; the last pair must be at least as large as all others.",
    )
    count: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="The number of buckets to plan. If omitted: the smallest number with at most 10% more padding and "
        "remainders than any number up to 32. That is about 30 for large data, and 1 for data of one batch.",
    )
    batch_steps: StepCount = Field(
        default=8192,
        description="The `batch_steps` with which the data will be read. It affects the planned number of buckets: "
        "the last batch of each bucket is counted as half full.",
    )
    cost: Literal["linear", "quadratic"] = Field(
        default="linear", description="What the plan minimizes: padded steps, or their squares (attention)."
    )
    group_weights: dict[str, Annotated[int, Field(ge=1, lt=2**31)]] = Field(
        default={},
        description="With pairs: the cost of a padded step of each of the two groups, 1 if omitted. With "
        "`product_weight` c, a record of T1 and T2 padded steps costs a * T1 + b * T2 + c * T1 * T2.",
    )
    product_weight: float = Field(
        default=0.0,
        ge=0,
        le=1e6,
        description="With pairs: the cost of T1 * T2, as in cross-attention or the joint network of a transducer.",
    )
    multiple_of: Multiple = Field(
        default="auto",
        description="Planned boundaries are multiples of this many steps. `auto`: the largest of 64, 32, 16, 8, 4, "
        "2, 1 that adds at most 2% of padded steps, and divides `max_length` if that is given.",
    )
    max_length: StepCount | None = Field(
        default=None, description="The last planned boundary; if omitted, the length of the longest sequence."
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
            other = "`pairs`" if planned[0] == "pairs" else "a plan"
            rule = f"expected either `{given}` or {other}, received `{given}` and `{planned[0]}`; leave one out"
            raise FieldError(planned[0], rule)
        if self.boundaries is not None:
            _check_boundaries(self.boundaries)
        if self.pairs is not None:
            _check_pairs(self.pairs)
        if self.sample < 1 and self.max_length is None:
            rule = f"expected `max_length` with a sample below 1, received {self.sample:g} alone; "
            raise FieldError("sample", rule + "a sample may miss the longest sequence, so set the maximum length")
        return self

    @property
    def planning(self) -> dict[str, Any]:
        """The arguments of `lengthwise.buckets.plan` and of the related functions."""
        return {name: getattr(self, name) for name in ("cost", "count", "batch_steps", "multiple_of", "max_length")}

    @property
    def given(self) -> tuple[tuple[int, ...], ...]:
        """The maximum steps of each bucket, of one group or of two; empty if they are planned."""
        return self.pairs or tuple((boundary,) for boundary in self.boundaries or ())

    @property
    def longest(self) -> int | None:
        """The last boundary, if it is known before the lengths of the data are known."""
        if self.given:
            return self.given[-1][0]
        if self.max_length is None or self.multiple_of == "auto":  # `auto` divides max_length
            return self.max_length
        from lengthwise.buckets.candidate_boundaries import round_up_to_multiple  # imports numpy

        return round_up_to_multiple(self.max_length, self.multiple_of)


PLANNING = ("count", "batch_steps", "group_weights", "product_weight", "multiple_of", "max_length", "sample")
"""The fields of `Buckets` that control planning, and so exclude `boundaries` and `pairs`."""


def _check_boundaries(boundaries: tuple[int, ...]) -> None:
    """Raises FieldError, with a message for YAML, unless the boundaries are a valid plan."""
    from lengthwise.buckets import BucketPlan  # imports numpy

    if not boundaries:
        raise FieldError("boundaries", "expected at least 1 length, such as [8, 16, 32], received []")
    try:
        BucketPlan(boundaries)
    except ConfigError as error:
        rule = f"expected strictly increasing lengths, received {show(boundaries)}; sort them without duplicates"
        raise FieldError("boundaries", rule) from error


def _check_pairs(pairs: tuple[tuple[int, int], ...]) -> None:
    """Raises FieldError unless the pairs are a valid plan."""
    from lengthwise.buckets import PairPlan  # imports numpy

    try:
        PairPlan(pairs)
    except ConfigError as error:
        raise FieldError("pairs", str(error).removeprefix("boundaries: ")) from error
