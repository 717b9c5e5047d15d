"""The bases of all columns: immutable, validated on creation, and the same object in Python, YAML and JSON."""

import operator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from lengthwise.columns.field_errors import FieldError, explain_all, is_of_wrong_type
from lengthwise.errors import ConfigError, ConfigTypeError

RESERVED_KEY = "sequence_length"
"""The feature of prepared data and batches that contains the number of steps of each sequence."""

SEGMENTS, POSITIONS = "segment_ids", "positions"
"""The features of packed batches that contain, per step, the number of its sequence in the row and its position."""


Place = Annotated[
    Literal["feature_lists", "context"],
    Field(
        description="Where a tf.SequenceExample contains the sequence: in its `feature_lists`, or, as Spark writes "
        "arrays, as a flat list in its `context`, which is split into steps like a list of a tf.Example. In Python the "
        "argument is `from_`."
    ),
]
"""Where a tf.SequenceExample contains a sequence."""


def _one_number_is_a_shape(shape: Any) -> Any:
    return (shape,) if isinstance(shape, int | float) and not isinstance(shape, bool) else shape


def _as_index(size: Any) -> Any:
    """A numpy integer as a Python int; 1.0 stays a float, which is not a valid size."""
    try:
        return operator.index(size)
    except TypeError:
        return size


_SIZES = {"type": "array", "items": {"type": "integer", "minimum": 1}}
ColumnShape = Annotated[
    tuple[Annotated[int, BeforeValidator(_as_index), Field(strict=True)], ...],
    Field(max_length=64),  # numpy has no more axes
    BeforeValidator(_one_number_is_a_shape),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, _SIZES]}),
]
"""A shape; a single number is a shape of one axis."""


class Strict(BaseModel):
    """Base of all parts of a configuration: immutable, unknown fields are errors, numbers are finite.

    YAML reads an unquoted yes, no, on or off as a boolean; if text or a number is expected, it is refused instead of
    converted to 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_booleans(cls, fields: Any) -> Any:
        for name, value in fields.items() if isinstance(fields, dict) else ():
            field = cls.model_fields.get(name)
            if field is None or field.annotation in (bool, Any):
                continue
            for item in value if isinstance(value, list | tuple) else (value,):
                if isinstance(item, bool):
                    hint = "put yes, no, on, off, true and false in quotes if they are text"
                    raise FieldError(name, f"expected text or a number, received {str(item).lower()}; {hint}")
        return fields


class Spec(Strict):
    """Base of the columns. Columns are compared by the values of their fields, and are hashable."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    if not TYPE_CHECKING:  # type checkers know the fields as arguments

        def __init__(self, **fields: Any) -> None:
            """Creates the value from its fields.

            Raises:
                ConfigError: a field is wrong; the message names the field, what was expected and what was received.
                ConfigTypeError: a field has a wrong type; it is a ConfigError, and a TypeError as in TensorFlow.
            """
            try:
                super().__init__(**fields)
            except ValidationError as error:
                kind = type(self)
                failure = ConfigTypeError if is_of_wrong_type(error) else ConfigError
                raise failure(f"{kind.__name__}: {'; '.join(explain_all(error, kind))}") from error

        __init__.__pydantic_base_init__ = True  # values inside a larger model are checked with it, not by this

    @classmethod
    def make(cls, **fields: Any) -> Self:
        """Creates the value from fields whose types are not checked statically."""
        return cls(**fields)
