"""What every column shares: it is frozen, checks itself when made, and is the same object in Python, YAML and JSON."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from lengthwise.errors import ConfigError

RESERVED_KEY = "sequence_length"
"""The feature in which prepared data and batches keep each sequence's number of steps."""


class Spec(BaseModel):
    """Base of the columns. Frozen and hashable; unknown fields are errors; fields compare by value."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @classmethod
    def make(cls, **fields: Any) -> Self:
        """Builds the column from Python.

        Raises:
            ConfigError: a field is wrong; the message names the constructor's argument, the rule and what was received.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            raise ConfigError(f"{cls.__name__}: " + "; ".join(map(_explain, error.errors()))) from error


def _explain(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "arguments"
    message = error["msg"].removeprefix("Value error, ")
    return f"{where}: {message} (received {error['input']!r})"
