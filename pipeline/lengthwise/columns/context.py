"""Columns with one value, or one array, a record: labels, weights, ids."""

import math
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from lengthwise.columns.base import Spec

Scalar = float | int | str


class ContextColumn(Spec):
    """A feature of the whole record.

    Attributes:
        key: the feature's name.
        dtype: `float32`, `int64` or `string`.
        shape: the value's shape; `()` is one value.
        default_value: the value of records without the feature; it makes the feature optional.
        min_value: the smallest valid number, itself included.
        max_value: the largest valid number, itself included.
        finite: whether NaN and infinity are rejected.
    """

    kind: Literal["context"] = "context"
    key: str = Field(min_length=1)
    dtype: Literal["float32", "int64", "string"] = "float32"
    shape: tuple[int, ...] = ()
    default_value: Scalar | None = None
    min_value: float | None = None
    max_value: float | None = None
    finite: bool = True

    @field_validator("shape", mode="before")
    @classmethod
    def _one_number_is_a_shape(cls, shape: Any) -> Any:
        return (shape,) if isinstance(shape, int) else shape

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.shape and min(self.shape) < 1:
            raise ValueError("expected a shape of positive sizes")
        kinds: dict[str, tuple[type, ...]] = {"string": (str,), "int64": (int,), "float32": (int, float)}
        if self.default_value is not None and not isinstance(self.default_value, kinds[self.dtype]):
            raise ValueError(f"expected a default_value of dtype {self.dtype}, received {self.default_value!r}")
        if self.dtype == "string" and (self.min_value, self.max_value) != (None, None):
            raise ValueError("min_value and max_value go with numbers only, not with dtype string")
        return self

    @property
    def required(self) -> bool:
        return self.default_value is None

    @property
    def name(self) -> str:
        return self.key

    @property
    def num_elements(self) -> int:
        """How many values a record has."""
        return math.prod(self.shape)
