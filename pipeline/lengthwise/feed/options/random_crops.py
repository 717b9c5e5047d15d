"""Random crops: of each sequence at most so many steps, from another place in each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf


@dataclass(frozen=True, slots=True)
class CropRanges:
    """The steps that are taken of a window's rows.

    Attributes:
        steps: int64 `[n]`: how many of each.
        pieces: int64: the numbers of steps of consecutive pieces that make up the window.
        each: of how many pieces each row consists; the one that is taken is in the middle.
    """

    steps: Any
    pieces: Any
    each: int = 1

    @classmethod
    def of(cls, lengths: Any, crop: int | None, seed: Any | None) -> "CropRanges":
        """All steps of each row, or `crop` of them: where the seed, int64 `[2]`, says, or the first."""
        if crop is None:
            return cls(lengths, lengths)
        steps = tf.minimum(lengths, crop)
        first = starts_of_crops(lengths - steps, seed)
        return cls(steps, tf.reshape(tf.stack([first, steps, lengths - steps - first], axis=1), [-1]), 3)

    def places(self, rows: Any) -> Any:
        """The pieces of these rows."""
        return rows * self.each + self.each // 2


def starts_of_crops(room: Any, seed: Any | None) -> Any:
    """The first step of each crop, int64 `[n]`, evenly distributed; 0 without a seed.

    Args:
        room: int64 `[n]`: how many steps are left out.
        seed: int64 `[2]`.
    """
    if seed is None:
        return tf.zeros_like(room)
    chance = tf.random.stateless_uniform(tf.shape(room), seed, dtype=tf.float64)
    return tf.cast(chance * tf.cast(room + 1, tf.float64), tf.int64)


def cropped(boundaries: Sequence[int], crop: int | None) -> tuple[int, ...]:
    """The values that T may have where sequences are cropped."""
    if crop is None or crop >= boundaries[-1]:
        return tuple(boundaries)
    return (*(boundary for boundary in boundaries if boundary < crop), crop)
