"""On which side of a sequence its padding is: one rule for numpy, tf.data and each Keras backend.

right:  a b c . .        left:  . . a b c
"""

from typing import Any, Literal, get_args

from lengthwise.errors import ConfigError

Padding = Literal["right", "left"]


def is_real(places: Any, lengths: Any, count: Any, padding: Padding) -> Any:
    """Whether a place in a row of `count` steps belongs to the sequence; all of one integer dtype.

    Args:
        places: `[T]`, from 0 on.
        lengths: `[B, 1]`, of the sequences.
        count: T.
        padding: the side.
    """
    return places < lengths if padding == "right" else places >= count - lengths


def places_from_right(places: Any, lengths: Any, count: Any) -> Any:
    """Where the steps of a row with padding on the left are in the same row with padding on the right."""
    return (places + lengths) % count


def checked_padding(padding: Any) -> Padding:
    """The padding, if it is one.

    Raises:
        ConfigError: it is not.
    """
    if padding not in get_args(Padding):
        raise ConfigError(f"padding: expected 'right' or 'left', received {padding!r}")
    side: Padding = padding
    return side
