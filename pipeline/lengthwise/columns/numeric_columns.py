"""Columns of numbers: as they are, or converted to ids by value."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from lengthwise.columns.column_base import ColumnShape, Place, Spec, Strict
from lengthwise.columns.column_groups import GroupName
from lengthwise.columns.exact_numbers import INTEGER_RANGES, Number, in_dtype
from lengthwise.columns.field_errors import AS_LIST, AS_MAPPING, FieldError, show
from lengthwise.errors import ConfigError

MAX_ELEMENTS = 2**24
NumericDtype = Literal["float32", "float64", "int32", "int64"]


def check_shape(shape: tuple[int, ...], expected: str, *, allow_scalar: bool) -> None:
    """Raises FieldError unless all sizes are positive and their product is at most 2**24."""
    if min(shape, default=1 if allow_scalar else 0) < 1:
        raise FieldError("shape", f"expected {expected}, received {show(shape)}")
    if math.prod(shape) > MAX_ELEMENTS:
        raise FieldError("shape", f"expected at most {MAX_ELEMENTS} numbers, received {show(shape)}")


def check_range(min_value: float | None, max_value: float | None) -> None:
    """Raises FieldError if both limits are given and the smallest value is above the largest."""
    if min_value is not None and max_value is not None and min_value > max_value:
        raise FieldError("min_value", f"expected at most max_value {max_value}, received {min_value}")


class Decode(Strict):
    """How the bytes of a step are decoded into numbers: `stored * scale + offset`."""

    dtype: Literal["uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64"] = Field(
        description="The dtype of the stored numbers, which are contiguous and little-endian."
    )
    scale: Number = Field(default=1.0, description="The factor by which each stored number is multiplied.")
    offset: Number = Field(default=0.0, description="The number that is added to the product.")

    @property
    def stored(self) -> str:
        """The little-endian numpy dtype."""
        kind = self.dtype.rstrip("0123456789")
        return f"<{kind[0]}{int(self.dtype.removeprefix(kind)) // 8}"

    @property
    def is_unscaled(self) -> bool:
        """Whether the stored numbers are used without scale and offset."""
        return (self.scale, self.offset) == (1, 0)


class NumericColumn(Spec):
    """A sequence of numbers, or of arrays of numbers, one per step."""

    kind: Literal["numeric"] = "numeric"
    key: str = Field(min_length=1, description="The feature's name.")
    shape: ColumnShape = Field(default=(1,), description="The shape of one step; `(1,)` is one number per step.")
    dtype: NumericDtype = Field(
        default="float32",
        description="Int dtypes read an int64 list, float dtypes a float list. The layer always returns floats, but "
        "normalizer_fn and boundaries receive the integers. With an int dtype, default and limits are integers; with "
        "`int32`, values outside its range are out of range.",
    )  # precedes the numbers whose validation depends on it
    default_value: Number = Field(
        default=0.0,
        validate_default=True,
        description="The value of padding, of an absent optional feature, and of gaps with `missing: fill`.",
    )
    normalizer_fn: SkipJsonSchema[Callable[[Any], Any] | None] = Field(
        default=None,
        exclude=True,
        repr=False,
        description="A function that the layer applies to the values in the column's dtype (int64 values stay int64), "
        "but not to padding. Only in Python, not in YAML.",
    )
    required: bool = Field(default=True, description="Whether a record without the feature is rejected.")
    min_value: Number | None = Field(default=None, description="The smallest valid value (inclusive).")
    max_value: Number | None = Field(default=None, description="The largest valid value (inclusive).")
    finite: bool = Field(default=True, description="Whether NaN and infinity are rejected.")
    missing: Literal["error", "fill", "previous"] = Field(
        default="error",
        description="How gaps are handled, that is steps without a number or with NaN: `error` rejects the record (NaN "
        "only with `finite`), `fill` uses the default_value, `previous` the preceding number of the sequence, or the "
        "default_value at the start. Filled gaps are counted as repaired.",
    )
    observed: bool = Field(
        default=False,
        description="Whether data sets and batches also have `<key>_observed`: 1 if a number was read, 0 if a gap was "
        "filled, if the feature is absent, and for padding.",
    )
    decode: Decode | None = Field(
        default=None,
        description="For steps that are stored as byte strings, each of which contains the numbers of one `shape`. The "
        "block layout keeps the stored bytes; batches and the example layout have numbers of the column's dtype. With "
        "an int dtype, these are the stored integers.",
    )
    group: GroupName = ""
    from_: Place = Field(default="feature_lists", alias="from")

    @field_validator("default_value", "min_value", "max_value")
    @classmethod
    def _of_the_dtype(cls, number: float | None, fields: ValidationInfo) -> float | None:
        return number if number is None or "dtype" not in fields.data else in_dtype(number, fields.data["dtype"])

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_shape(self.shape, "a shape of positive sizes, such as [1]", allow_scalar=False)
        check_range(self.min_value, self.max_value)
        if self.decode is not None:
            self._check_decode(self.decode)
        return self

    def _check_decode(self, decode: Decode) -> None:
        if not self.required or self.missing != "error":
            field = "missing" if self.required else "required"
            rule = "expected no filled values with `decode`, since only stored bytes are kept"
            raise FieldError(field, f"{rule}, received {show(getattr(self, field))}; leave it out")
        if self.is_integer and ("float" in decode.dtype or not decode.is_unscaled):
            rule = f"expected stored integers with dtype {self.dtype}, without scale and offset"
            raise FieldError("decode", f"{rule}, received {show(decode.model_dump())}; write `dtype: float32`")

    @property
    def name(self) -> str:
        return self.key

    @property
    def observed_key(self) -> str | None:
        """The feature that marks the steps where numbers were read; None without `observed`."""
        return f"{self.key}_observed" if self.observed else None

    @property
    def num_elements(self) -> int:
        """The number of numbers per step: this column's share of the D axis."""
        return math.prod(self.shape)

    @property
    def is_integer(self) -> bool:
        return self.dtype.startswith("int")

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """The smallest and the largest valid value, or None; `int32` limits both, since records contain int64."""
        low, high = INTEGER_RANGES["int32"] if self.dtype == "int32" else (None, None)
        return (low if self.min_value is None else self.min_value, high if self.max_value is None else self.max_value)


class Quantiles(Strict):
    """Boundaries that `prepare` computes from the numbers of the training split."""

    quantiles: int = Field(
        ge=2,
        le=1000,
        description="The number of buckets with about the same number of values; fewer if many values are equal.",
    )
    numbers: tuple[float, ...] | None = Field(
        default=None,
        min_length=1,
        description="The boundaries of an earlier data set, which `prepare` fills in with `--like` or `--part`.",
    )


def _form(boundaries: Any) -> str:
    return AS_MAPPING if isinstance(boundaries, Mapping | Quantiles) else AS_LIST


Boundaries = Annotated[
    Annotated[tuple[float, ...], Field(min_length=1), Tag(AS_LIST)] | Annotated[Quantiles, Tag(AS_MAPPING)],
    Discriminator(_form),
]


class BucketizedColumn(Spec):
    """A numeric sequence converted to ids by value boundaries: the id is the number of boundaries <= the value."""

    kind: Literal["bucketized"] = "bucketized"
    source_column: NumericColumn = Field(
        description="A numeric column; data sets contain its numbers, the layer converts them to ids."
    )
    boundaries: Boundaries = Field(
        description="Strictly increasing; n boundaries give n + 1 ids. Or `{quantiles: 10}`: `prepare` computes them "
        "from the numbers of the training split, and the columns of the data set contain them."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        boundaries = self.boundaries
        numbers = boundaries.numbers or () if isinstance(boundaries, Quantiles) else boundaries
        if any(low >= high for low, high in pairwise(numbers)):
            raise FieldError("boundaries", f"expected strictly increasing numbers, received {show(numbers)}")
        if self.source_column.num_elements != 1:
            raise FieldError("source_column.shape", f"expected [1], received {show(self.source_column.shape)}")
        return self

    @property
    def name(self) -> str:
        return f"{self.source_column.name}_bucketized"

    @property
    def key(self) -> str:
        return self.source_column.key

    @property
    def boundary_values(self) -> tuple[float, ...]:
        """The boundaries as numbers.

        Raises:
            ConfigError: they are quantiles of data that is not prepared yet.
        """
        if not isinstance(self.boundaries, Quantiles):
            return self.boundaries
        if self.boundaries.numbers is None:
            raise ConfigError(
                f"column {self.name!r}: boundaries: expected numbers, received {{quantiles: "
                f"{self.boundaries.quantiles}}}, which only `lengthwise prepare` can compute; prepare the data, then "
                "use `lengthwise.open(...).columns`"
            )
        return self.boundaries.numbers

    @property
    def num_buckets(self) -> int:
        return len(self.boundary_values) + 1
