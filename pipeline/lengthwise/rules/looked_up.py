"""The result of a lookup of raw values."""

from dataclasses import dataclass
from typing import Generic

from lengthwise.rules.array_protocol import A

MISSING = -1
"""The id of a step without one: the zero vector, counted in the length."""

REFUSED = -2
"""The result of a lookup on tensors for a value that the column's policy `error` refuses; never stored."""


@dataclass(frozen=True, slots=True)
class LookedUp(Generic[A]):
    """Looked-up values.

    Attributes:
        ids: int64 `[values]`.
        outside: bool `[values]`: the values outside the range or the vocabulary; None if there are none.
        distinct: where the ids are codes, the distinct values, `large_binary`: integers as their decimal text.
    """

    ids: A
    outside: A | None = None
    distinct: A | None = None
