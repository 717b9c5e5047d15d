"""How sequences become batches: what the readers and `batch_by_steps` share."""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal, Self, TypeVar, get_type_hints

from pydantic import Discriminator, Field, Tag, model_validator

from lengthwise.buckets.batch_rows import rows_per_batch
from lengthwise.columns import RESERVED_KEY, group_of, length_key
from lengthwise.columns.column_base import Spec
from lengthwise.padding_side import Padding

WINDOW = 24_576
Function = TypeVar("Function", bound=Callable[..., Any])
Steps = Annotated[int, Field(ge=1, lt=2**31)]
StepsOfGroups = Annotated[
    Annotated[Steps, Tag("(number)")] | Annotated[dict[str, Steps], Tag("(by group)")],
    Discriminator(lambda value: "(by group)" if isinstance(value, Mapping) else "(number)"),
]
"""A number of steps, or where columns name groups, one for each of some groups, by name."""


class BatchOptions(Spec):
    """How sequences become batches."""

    batch_steps: int | None = Field(
        default=None,
        ge=1,
        description="The most padded steps (rows times T) of a batch: no batch exceeds it. This or `batch_size`. "
        "Where there are groups, those of all groups count.",
    )
    batch_size: int | None = Field(default=None, ge=1, description="The number of rows of a batch.")
    group_weights: dict[str, Steps] = Field(
        default={},
        description="How much a padded step of each group counts in `batch_steps`, whole numbers by the group's name, "
        '1 by default: `{"audio": 1, "text": 4}` where a step of text takes four times the memory.',
    )
    multiple_of: int = Field(
        default=8,
        ge=1,
        description="Row counts are multiples of this where `batch_steps` permits, so that replicas and matrix units "
        "get equal work. A split's or a window's last batch may be smaller.",
    )
    over_budget: Literal["error", "alone"] = Field(
        default="error",
        description="What becomes of a sequence longer than `batch_steps`: an error, or a batch of its own (`alone`).",
    )
    drop_remainder: bool = Field(
        default=False,
        description="Leaves out the batches that did not get all their rows. In the example layout these are random "
        "rows of each bucket; elsewhere the shortest of what is left in the end.",
    )
    max_shapes: int | None = Field(
        default=None,
        ge=1,
        description="The most shapes (rows, T) that batches may have, hence the most programs that XLA compiles. "
        "Batches that did not get all their rows are then filled up with rows of weight 0, of one padded step (or "
        "dropped, by `drop_remainder`).",
    )
    crop: StepsOfGroups | None = Field(
        default=None,
        description="The most steps that are taken of a sequence, from a random place, another one in each epoch, of "
        "features, labels and weights of steps included. Without `shuffle` they are the first ones. With groups, by "
        'their names, each from a place of its own: `{"clicks": 100}`; the others are taken whole.',
    )
    largest_first: bool = Field(
        default=False,
        description="Whether an epoch begins with its largest batches, a few at most, so that memory runs out there "
        "or never: each later batch has at most as many padded steps, and a T at most as long, as one of these. Their "
        "T is known from the data's lengths, so raw files need `buckets.boundaries`, and `batch_by_steps` boundaries. "
        "In block data and raw files epochs may then differ by a few batches.",
    )
    padding: Padding = Field(
        default="right",
        description="The side of a sequence on which its padding is: `right`, or `left`, where all sequences end at "
        'the last step. The model must know it: `SequenceFeatures(..., padding="left")`.',
    )
    shuffle: bool = Field(
        default=True, description="Whether order is random: of shards, of rows across a window, and of batches."
    )
    seed: int | None = Field(
        default=0,
        ge=0,
        lt=2**31,
        description="The same seed gives the same order, and each epoch another one. None: another order each time.",
    )
    window: int | None = Field(
        default=None,
        ge=1,
        description="How many rows are shuffled, and sorted by length, together. More pad less and need more memory. "
        "None: as many as make about a hundred batches, at least 24,576.",
    )

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if (self.batch_steps is None) == (self.batch_size is None):
            raise ValueError("expected either batch_steps (padded steps a batch) or batch_size (rows a batch)")
        return self

    @property
    def fills(self) -> bool:
        """Whether batches are filled up with empty rows."""
        return self.max_shapes is not None and not self.drop_remainder

    def crop_of(self, key: str) -> int | None:
        """How many steps are taken at most of a sequence whose lengths are in the feature `key`; None for all."""
        return steps_of_group(self.crop, key)

    def cropped(self, steps: int, key: str = RESERVED_KEY) -> int:
        """How many of so many steps are taken."""
        return min(steps, self.crop_of(key) or steps)

    def cropped_steps(self, steps: Mapping[str, int]) -> dict[str, int]:
        """How many steps are taken of so many of each group, by the features that have the groups' lengths."""
        return {key: self.cropped(own, key) for key, own in steps.items()}

    def weighed(self, steps: Mapping[str, Any]) -> Any:
        """What the steps of groups count together.

        Args:
            steps: numbers, arrays or tensors, by the features that have the groups' lengths.
        """
        weights = {length_key(group): weight for group, weight in self.group_weights.items()}
        return sum(own * weights[key] if key in weights else own for key, own in steps.items())

    def rows(self, steps: int) -> int:
        """How many rows of `steps` steps make a batch."""
        if self.batch_size is not None:
            return self.batch_size
        assert self.batch_steps is not None
        return rows_per_batch(self.batch_steps, steps, self.multiple_of)


def steps_of_group(steps: StepsOfGroups | None, key: str) -> int | None:
    """The number of steps that an option gives the group whose lengths are in the feature `key`."""
    return steps.get(group_of(key)) if isinstance(steps, Mapping) else steps


def takes_fields_of(model: type[Spec], but: Collection[str] = ()) -> Callable[[Function], Function]:
    """Shows the fields of a model in the signature of a function that takes them as `**fields`.

    There `help`, notebooks and editors that run the code look for them; they are declared in the model alone.

    Args:
        model: whose fields they are.
        but: fields that are not shown.
    """

    def show(function: Function) -> Function:
        shown, kinds = inspect.signature(function), get_type_hints(model)
        own = [one for one in shown.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        fields = [one for name, one in inspect.signature(model).parameters.items() if name not in but]
        fields = [one.replace(annotation=kinds[one.name]) for one in fields]
        function.__signature__ = shown.replace(parameters=[*own, *fields])  # type: ignore[attr-defined]
        return function

    return show
