"""What every column shares: it is frozen, checks itself when made, and is the same object in Python, YAML and JSON."""

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
"""The feature in which prepared data and batches keep each sequence's number of steps."""

SEGMENTS, POSITIONS = "segment_ids", "positions"
"""The features in which packed batches keep the number of each step's sequence in its row, and of the step in that."""


Place = Literal["feature_lists", "context"]
"""Where a tf.SequenceExample has a sequence."""


def _one_number_is_a_shape(shape: Any) -> Any:
    return (shape,) if isinstance(shape, int | float) and not isinstance(shape, bool) else shape


def _as_index(size: Any) -> Any:
    """An integer of numpy as one of Python; 1.0 stays a float, which is no size."""
    try:
        return operator.index(size)
    except TypeError:
        return size


_SIZES = {"type": "array", "items": {"type": "integer", "minimum": 1}}
Shape = Annotated[
    tuple[Annotated[int, BeforeValidator(_as_index), Field(strict=True)], ...],
    Field(max_length=64),  # numpy has no more axes
    BeforeValidator(_one_number_is_a_shape),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, _SIZES]}),
]
"""A shape; one number stands for one axis."""


class Strict(BaseModel):
    """Base of all that stands in a configuration: frozen, unknown fields are errors, numbers are finite.

    YAML reads a bare yes, no, on, off as a boolean; where text or a number belongs it is refused, not turned into 1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _booleans_are_no_numbers(cls, fields: Any) -> Any:
        for name, value in fields.items() if isinstance(fields, dict) else ():
            field = cls.model_fields.get(name)
            if field is None or field.annotation in (bool, Any):
                continue
            word = next((item for item in value if isinstance(item, bool)), None) if _is_list(value) else value
            if isinstance(word, bool):
                hint = "put yes, no, on, off, true and false in quotes where they are text"
                raise FieldError(name, f"expected text or a number, received {str(word).lower()}; {hint}")
        return fields


class Spec(Strict):
    """Base of the columns. Fields compare by value; a column is hashable."""

    model_config = ConfigDict(
        arbitrary_types_allowed=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    if not TYPE_CHECKING:  # type checkers know the fields as arguments

        def __init__(self, **fields: Any) -> None:
            """Takes the fields.

            Raises:
                ConfigError: a field is wrong; the message names it, the rule and what was received.
                ConfigTypeError: a field is of a wrong type; it is a ConfigError, and a TypeError as in TensorFlow.
            """
            try:
                super().__init__(**fields)
            except ValidationError as error:
                kind = type(self)
                mistakes = (f"{path}: {text}" if path else text for path, text in explain_all(error, kind))
                failure = ConfigTypeError if is_of_wrong_type(error) else ConfigError
                raise failure(f"{kind.__name__}: " + "; ".join(mistakes)) from error

        __init__.__pydantic_base_init__ = True  # values inside a larger model are checked with it, not by this

    @classmethod
    def make(cls, **fields: Any) -> Self:
        """Builds the value from fields that no type checker has seen."""
        return cls(**fields)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
