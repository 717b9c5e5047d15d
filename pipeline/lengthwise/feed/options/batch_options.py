"""How sequences become batches: the options that the readers and `batch_by_steps` share."""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal, Self, TypeVar, get_type_hints

from pydantic import Discriminator, Field, Tag, model_validator

from lengthwise.buckets.batch_rows import rows_per_batch
from lengthwise.columns import RESERVED_KEY, group_of, length_key
from lengthwise.columns.column_base import Spec
from lengthwise.config.field_types import StepCount
from lengthwise.padding_side import Padding

WINDOW = 24_576
Function = TypeVar("Function", bound=Callable[..., object])
StepsOfGroups = Annotated[
    Annotated[StepCount, Tag("(number)")] | Annotated[dict[str, StepCount], Tag("(by group)")],
    Discriminator(lambda value: "(by group)" if isinstance(value, Mapping) else "(number)"),
]
"""A number of steps; if columns name groups, a number for each of some groups, by name."""


class BatchOptions(Spec):
    """How sequences become batches."""

    batch_steps: int | None = Field(
        default=None,
        ge=1,
        description="The maximum number of padded steps (rows times T) of a batch: no batch exceeds it. Either this or "
        "`batch_size`. With groups, the steps of all groups count.",
    )
    batch_size: int | None = Field(default=None, ge=1, description="The number of rows of a batch.")
    group_weights: dict[str, StepCount] = Field(
        default={},
        description="The weight of a padded step of each group in `batch_steps`, integers by the group's name, 1 by "
        'default: `{"audio": 1, "text": 4}` if a step of text needs four times the memory.',
    )
    multiple_of: int = Field(
        default=8,
        ge=1,
        description="Row counts are multiples of this if `batch_steps` permits, so that replicas and matrix units get "
        "equal work. The last batch of a split or a window may be smaller.",
    )
    over_budget: Literal["error", "alone"] = Field(
        default="error",
        description="The handling of a sequence longer than `batch_steps`: an error, or a separate batch (`alone`).",
    )
    drop_remainder: bool = Field(
        default=False,
        description="Drops incomplete batches. In the example layout these contain random rows of each bucket; "
        "otherwise the shortest of the remaining rows.",
    )
    max_shapes: int | None = Field(
        default=None,
        ge=1,
        description="The maximum number of shapes (rows, T) of batches, and so of programs that XLA compiles. "
        "Incomplete batches are filled up with rows of weight 0, of one padded step (or dropped, by `drop_remainder`).",
    )
    crop: StepsOfGroups | None = Field(
        default=None,
        description="The maximum number of steps of a sequence, cropped at a random position that differs in each "
        "epoch; applies to features, labels and weights of steps. Without `shuffle` the first steps are kept. With "
        'groups, a number by name, each group cropped independently: `{"clicks": 100}`; other groups are not cropped.',
    )
    largest_first: bool = Field(
        default=False,
        description="Whether an epoch begins with its few largest batches, so that memory runs out at the start or "
        "never: each later batch has at most as many padded steps, and at most as long a T, as one of these. Their T "
        "is known from the data's lengths, so raw files need `buckets.boundaries`, and `batch_by_steps` boundaries. "
        "With block data and raw files, epochs may then differ by a few batches.",
    )
    padding: Padding = Field(
        default="right",
        description="The side of a sequence on which its padding is: `right`, or `left`, where all sequences end at "
        'the last step. Set the same in the model: `SequenceFeatures(..., padding="left")`.',
    )
    shuffle: bool = Field(
        default=True, description="Whether order is random: of shards, of rows across a window, and of batches."
    )
    seed: int | None = Field(
        default=0,
        ge=0,
        lt=2**31,
        description="The same seed reproduces the order; each epoch has a different order. None: a random seed.",
    )
    window: int | None = Field(
        default=None,
        ge=1,
        description="The number of rows that are shuffled, and sorted by length, together. More rows reduce padding "
        "and need more memory. None: enough for about a hundred batches, at least 24,576.",
    )

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if (self.batch_steps is None) == (self.batch_size is None):
            raise ValueError("expected either batch_steps (padded steps per batch) or batch_size (rows per batch)")
        return self

    @property
    def fills(self) -> bool:
        """Whether batches are filled up with empty rows."""
        return self.max_shapes is not None and not self.drop_remainder

    def crop_of(self, key: str) -> int | None:
        """The maximum number of steps of a sequence whose lengths are in the feature `key`; None for all."""
        return steps_of_group(self.crop, key)

    def cropped(self, steps: int, key: str = RESERVED_KEY) -> int:
        """The number of steps after cropping."""
        return min(steps, self.crop_of(key) or steps)

    def cropped_steps(self, steps: Mapping[str, int]) -> dict[str, int]:
        """The number of steps of each group after cropping, by the features that have the groups' lengths."""
        return {key: self.cropped(count, key) for key, count in steps.items()}

    def weighed(self, steps: Mapping[str, Any]) -> Any:
        """The weighted sum of the groups' steps.

        Args:
            steps: numbers, arrays or tensors, by the features that have the groups' lengths.
        """
        weights = {length_key(group): weight for group, weight in self.group_weights.items()}
        return sum(count * weights[key] if key in weights else count for key, count in steps.items())

    def rows(self, steps: int) -> int:
        """The number of rows of a batch with T = `steps`."""
        if self.batch_size is not None:
            return self.batch_size
        assert self.batch_steps is not None
        return rows_per_batch(self.batch_steps, steps, self.multiple_of)


def steps_of_group(steps: StepsOfGroups | None, key: str) -> int | None:
    """The number of steps in an option for the group whose lengths are in the feature `key`."""
    return steps.get(group_of(key)) if isinstance(steps, Mapping) else steps


def takes_fields_of(model: type[Spec], but: Collection[str] = ()) -> Callable[[Function], Function]:
    """Adds the fields of a model to the signature of a function that takes them as `**fields`.

    `help`, notebooks and editors that run the code read the signature; the fields are declared only in the model.

    Args:
        model: the model of the fields.
        but: fields that are omitted.
    """

    def add_fields(function: Function) -> Function:
        signature, types = inspect.signature(function), get_type_hints(model)
        named = [part for part in signature.parameters.values() if part.kind is not inspect.Parameter.VAR_KEYWORD]
        fields = [field for name, field in inspect.signature(model).parameters.items() if name not in but]
        fields = [field.replace(annotation=types[field.name]) for field in fields]
        function.__signature__ = signature.replace(parameters=[*named, *fields])  # type: ignore[attr-defined]
        return function

    return add_fields
