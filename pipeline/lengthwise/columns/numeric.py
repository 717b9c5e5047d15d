"""Columns of numbers: as they are, or cut into buckets by value."""

import math
from collections.abc import Callable
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from lengthwise.columns.base import Spec

NumericDtype = Literal["float32", "float64", "int32", "int64"]


class NumericColumn(Spec):
    """A sequence of numbers, or of arrays of numbers, one a step.

    Attributes:
        key: the feature's name.
        shape: the shape of one step; `(1,)` is one number a step.
        default_value: what padding, and an absent optional feature, is filled with.
        dtype: int dtypes read an int64 list, float dtypes a float list; the layer always gives floats.
        normalizer_fn: applied by the layer to the values, never to padding. Python only, not from YAML.
        required: whether a record without the feature is rejected.
        min_value: the smallest valid value, itself included.
        max_value: the largest valid value, itself included.
        finite: whether NaN and infinity are rejected.
    """

    kind: Literal["numeric"] = "numeric"
    key: str = Field(min_length=1)
    shape: tuple[int, ...] = (1,)
    default_value: float = 0.0
    dtype: NumericDtype = "float32"
    normalizer_fn: Callable[[Any], Any] | None = Field(default=None, exclude=True, repr=False)
    required: bool = True
    min_value: float | None = None
    max_value: float | None = None
    finite: bool = True

    @field_validator("shape", mode="before")
    @classmethod
    def _one_number_is_a_shape(cls, shape: Any) -> Any:
        return (shape,) if isinstance(shape, int) else shape

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.shape or min(self.shape) < 1:
            raise ValueError("expected a shape of positive sizes, such as (1,)")
        if self.min_value is not None and self.max_value is not None and self.min_value > self.max_value:
            raise ValueError(f"expected min_value <= max_value, received {self.min_value} > {self.max_value}")
        return self

    @property
    def name(self) -> str:
        return self.key

    @property
    def num_elements(self) -> int:
        """How many numbers a step has: this column's share of the D axis."""
        return math.prod(self.shape)

    @property
    def is_integer(self) -> bool:
        return self.dtype.startswith("int")


class BucketizedColumn(Spec):
    """A numeric sequence turned into ids by value boundaries: id = how many boundaries are <= the value.

    Attributes:
        source_column: a numeric column; data sets keep its numbers, the layer cuts them.
        boundaries: strictly increasing; n boundaries make n + 1 ids.
    """

    kind: Literal["bucketized"] = "bucketized"
    source_column: NumericColumn
    boundaries: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(low >= high for low, high in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise ValueError("expected strictly increasing boundaries")
        if self.source_column.num_elements != 1:
            raise ValueError(f"expected a source column of shape (1,), received {self.source_column.shape}")
        return self

    @property
    def name(self) -> str:
        return f"{self.source_column.name}_bucketized"

    @property
    def key(self) -> str:
        return self.source_column.key

    @property
    def num_buckets(self) -> int:
        return len(self.boundaries) + 1
