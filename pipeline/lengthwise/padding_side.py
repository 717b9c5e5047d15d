"""On which side of a sequence its padding is: one rule for tf.data and each Keras backend.

right:  a b c . .        left:  . . a b c
"""

from typing import Literal, Protocol, Self, TypeVar, get_args

from lengthwise.errors import ConfigError

Padding = Literal["right", "left"]


class Integers(Protocol):
    """A tensor of integers, or an array."""

    def __add__(self, other: Self, /) -> Self: ...
    def __sub__(self, other: Self, /) -> Self: ...
    def __mod__(self, other: Self, /) -> Self: ...
    def __lt__(self, other: Self, /) -> Self: ...
    def __ge__(self, other: Self, /) -> Self: ...


Numbers = TypeVar("Numbers", bound=Integers)


class SidedInputs:
    """A base of layers whose inputs have their padding on one side. The feed recognizes them without Keras."""

    @property
    def padding(self) -> Padding:
        """The side."""
        raise NotImplementedError


def is_real(positions: Numbers, lengths: Numbers, count: Numbers, padding: Padding) -> Numbers:
    """Whether a position in a row of `count` steps belongs to the sequence; all of one integer dtype.

    Args:
        positions: `[T]`, from 0 on.
        lengths: `[B, 1]`, of the sequences.
        count: T.
        padding: the side.
    """
    return positions < lengths if padding == "right" else positions >= count - lengths


def positions_from_right(positions: Numbers, lengths: Numbers, count: Numbers) -> Numbers:
    """Where the steps of a row with padding on the left are in the same row with padding on the right."""
    return (positions + lengths) % count


def checked_padding(padding: Padding) -> Padding:
    """The padding, if it is one.

    Raises:
        ConfigError: it is not.
    """
    if padding not in get_args(Padding):
        raise ConfigError(f"padding: expected 'right' or 'left', received {padding!r}")
    return padding
