"""Columns with one value or one array per record: labels, weights, ids."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from lengthwise.columns.column_base import ColumnShape, Spec
from lengthwise.columns.exact_numbers import Number, in_dtype
from lengthwise.columns.field_errors import FieldError, show
from lengthwise.columns.numeric_columns import check_range, check_shape


def _check_scalar(value: Any) -> Any:
    if value is not None and not isinstance(value, float | int | str):
        raise ValueError(f"expected one number or one string for all elements of the shape, received {show(value)}")
    return value


Scalar = Annotated[float | int | str | None, BeforeValidator(_check_scalar)]


class ContextColumn(Spec):
    """A feature of the whole record."""

    kind: Literal["context"] = "context"
    key: str = Field(min_length=1, description="The feature's name.")
    dtype: Literal["float32", "int64", "string"] = Field(
        default="float32", description="`float32`, `int64` or `string`. With `int64`, default and limits are integers."
    )
    shape: ColumnShape = Field(default=(), description="The value's shape; `()` is one value.")
    default_value: Scalar = Field(
        default=None, description="The value for records without the feature. With a default, the feature is optional."
    )
    min_value: Number | None = Field(default=None, description="The smallest valid number (inclusive).")
    max_value: Number | None = Field(default=None, description="The largest valid number (inclusive).")
    finite: bool = Field(default=True, description="Whether NaN and infinity are rejected.")

    @field_validator("default_value", "min_value", "max_value")
    @classmethod
    def _of_the_dtype(cls, value: float | str | None, fields: ValidationInfo) -> float | str | None:
        if value is None or isinstance(value, str) or "dtype" not in fields.data:
            return value
        if fields.field_name == "default_value" and fields.data["dtype"] != "int64":
            return value
        return in_dtype(value, fields.data["dtype"])

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_shape(self.shape, "a shape of positive sizes, or [] for one value", allow_scalar=True)
        kinds: dict[str, tuple[type, ...]] = {"string": (str,), "int64": (int,), "float32": (int, float)}
        if self.default_value is not None and not isinstance(self.default_value, kinds[self.dtype]):
            raise FieldError("default_value", f"expected dtype {self.dtype}, received {show(self.default_value)}")
        if self.dtype == "string" and (self.min_value, self.max_value) != (None, None):
            raise FieldError("dtype", "expected a dtype of numbers with min_value and max_value, received 'string'")
        check_range(self.min_value, self.max_value)
        return self

    @property
    def required(self) -> bool:
        return self.default_value is None

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """The smallest and the largest valid number, or None."""
        return self.min_value, self.max_value

    @property
    def name(self) -> str:
        return self.key

    @property
    def num_elements(self) -> int:
        """The number of values per record."""
        return math.prod(self.shape)
