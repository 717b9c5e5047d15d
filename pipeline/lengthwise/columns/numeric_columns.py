"""Columns of numbers: as they are, or cut into buckets by value."""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from lengthwise.columns.column_base import Place, Shape, Spec, Strict
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


class Decode(Strict):
    """How the bytes of a step become numbers: `stored * scale + offset`."""

    dtype: Literal["uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64"] = Field(
        description="Of the numbers as they are stored, one after the other, little-endian."
    )
    scale: Number = Field(default=1.0, description="By which each stored number is multiplied.")
    offset: Number = Field(default=0.0, description="What is added to it then.")

    @property
    def stored(self) -> str:
        """The little-endian numpy dtype."""
        kind = self.dtype.rstrip("0123456789")
        return f"<{kind[0]}{int(self.dtype.removeprefix(kind)) // 8}"

    @property
    def is_plain(self) -> bool:
        """Whether the numbers are those that are stored."""
        return (self.scale, self.offset) == (1, 0)


class NumericColumn(Spec):
    """A sequence of numbers, or of arrays of numbers, one a step."""

    kind: Literal["numeric"] = "numeric"
    key: str = Field(min_length=1, description="The feature's name.")
    shape: Shape = Field(default=(1,), description="The shape of one step; `(1,)` is one number a step.")
    dtype: NumericDtype = Field(
        default="float32",
        description="Int dtypes read an int64 list, float dtypes a float list; the layer always gives floats, but not "
        "before normalizer_fn and boundaries had the integers. With an int dtype, default and limits are integers; "
        "values beyond `int32` are out of range.",
    )  # before the numbers that it judges
    default_value: Number = Field(
        default=0.0,
        validate_default=True,
        description="What padding, an absent optional feature, and by `missing: fill` a gap, is filled with.",
    )
    normalizer_fn: SkipJsonSchema[Callable[[Any], Any] | None] = Field(
        default=None,
        exclude=True,
        repr=False,
        description="Applied by the layer to the values, in the column's dtype, never to padding: of int64 it gets "
        "int64. Python only, not from YAML.",
    )
    required: bool = Field(default=True, description="Whether a record without the feature is rejected.")
    min_value: Number | None = Field(default=None, description="The smallest valid value, itself included.")
    max_value: Number | None = Field(default=None, description="The largest valid value, itself included.")
    finite: bool = Field(default=True, description="Whether NaN and infinity are rejected.")
    missing: Literal["error", "fill", "previous"] = Field(
        default="error",
        description="What becomes of a gap, a step without a number or NaN in its place: `error` rejects the record "
        "(NaN: where `finite` says so), `fill` puts the default_value there, `previous` the number before it in the "
        "sequence, or the default_value where there is none. Filled gaps are counted as repaired.",
    )
    observed: bool = Field(
        default=False,
        description="Whether data sets and batches have `<key>_observed`, too: 1 where a number was read, 0 where a "
        "gap was filled or the feature is absent, and on padding.",
    )
    decode: Decode | None = Field(
        default=None,
        description="For steps that are stored as bytes, one string each, which hold as many numbers as `shape` says. "
        "In the block layout they stay as they are stored; batches and the example layout have numbers of the column's "
        "dtype. With an int dtype they are the integers that are stored.",
    )
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

    @field_validator("default_value", "min_value", "max_value")
    @classmethod
    def _of_the_dtype(cls, number: float | None, fields: ValidationInfo) -> float | None:
        return number if number is None or "dtype" not in fields.data else in_dtype(number, fields.data["dtype"])

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_shape(self.shape, "a shape of positive sizes, such as [1]", allow_scalar=False)
        if self.min_value is not None and self.max_value is not None and self.min_value > self.max_value:
            raise FieldError("min_value", f"expected at most max_value {self.max_value}, received {self.min_value}")
        if self.decode is not None:
            self._check_decode(self.decode)
        return self

    def _check_decode(self, decode: Decode) -> None:
        if not self.required or self.missing != "error":
            field = "missing" if self.required else "required"
            rule = "expected no filling with `decode`, since nothing but what is stored can be held"
            raise FieldError(field, f"{rule}, received {show(getattr(self, field))}; leave it out")
        if self.is_integer and ("float" in decode.dtype or not decode.is_plain):
            rule = f"expected integers as they are stored with dtype {self.dtype}, without scale and offset"
            raise FieldError("decode", f"{rule}, received {show(decode.model_dump())}; write `dtype: float32`")

    @property
    def name(self) -> str:
        return self.key

    @property
    def observed_key(self) -> str | None:
        """The feature that says where numbers were read; None where none is asked for."""
        return f"{self.key}_observed" if self.observed else None

    @property
    def num_elements(self) -> int:
        """How many numbers a step has: this column's share of the D axis."""
        return math.prod(self.shape)

    @property
    def is_integer(self) -> bool:
        return self.dtype.startswith("int")

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """The smallest and the largest valid value, or None: `int32` has limits of its own, for records hold int64."""
        low, high = INTEGER_RANGES["int32"] if self.dtype == "int32" else (None, None)
        return (low if self.min_value is None else self.min_value, high if self.max_value is None else self.max_value)


class Quantiles(Strict):
    """Boundaries that `prepare` takes from the numbers of the training split."""

    quantiles: int = Field(
        ge=2,
        le=1000,
        description="How many buckets of about equal numbers of values; fewer where many values are equal.",
    )
    numbers: tuple[float, ...] | None = Field(
        default=None,
        min_length=1,
        description="The boundaries that an earlier data set found, which `prepare` with `--like` or `--part` fills "
        "in.",
    )


def _form(boundaries: Any) -> str:
    return AS_MAPPING if isinstance(boundaries, Mapping | Quantiles) else AS_LIST


Boundaries = Annotated[
    Annotated[tuple[float, ...], Field(min_length=1), Tag(AS_LIST)] | Annotated[Quantiles, Tag(AS_MAPPING)],
    Discriminator(_form),
]


class BucketizedColumn(Spec):
    """A numeric sequence turned into ids by value boundaries: id = how many boundaries are <= the value."""

    kind: Literal["bucketized"] = "bucketized"
    source_column: NumericColumn = Field(
        description="A numeric column; data sets keep its numbers, the layer cuts them."
    )
    boundaries: Boundaries = Field(
        description="Strictly increasing; n boundaries make n + 1 ids. Or `{quantiles: 10}`: `prepare` takes them "
        "from the numbers of the training split, and the columns of the data set have them."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        asked = self.boundaries
        known = asked.numbers or () if isinstance(asked, Quantiles) else asked
        if any(low >= high for low, high in pairwise(known)):
            raise FieldError("boundaries", f"expected strictly increasing numbers, received {show(known)}")
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
    def limits(self) -> tuple[float, ...]:
        """The boundaries, as numbers.

        Raises:
            ConfigError: they are quantiles of data that is not prepared.
        """
        if not isinstance(self.boundaries, Quantiles):
            return self.boundaries
        if self.boundaries.numbers is None:
            raise ConfigError(
                f"column {self.name!r}: boundaries: expected numbers, received {{quantiles: "
                f"{self.boundaries.quantiles}}}, which only `lengthwise prepare` finds; prepare the data, then take "
                "`lengthwise.open(...).columns`"
            )
        return self.boundaries.numbers

    @property
    def num_buckets(self) -> int:
        return len(self.limits) + 1
