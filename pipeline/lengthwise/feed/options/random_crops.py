"""Random crops: a maximum number of steps of each sequence, at a different position in each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

from lengthwise.tensor.tensor_types import Tensor


@dataclass(frozen=True, slots=True)
class CropRanges:
    """The steps that are kept of a window's rows.

    Attributes:
        steps: int64 `[n]`: their number.
        pieces: int64: the numbers of steps of consecutive pieces of the window.
        each: the number of pieces of each row; the middle piece is kept.
    """

    steps: Tensor
    pieces: Tensor
    each: int = 1

    @classmethod
    def of(cls, lengths: Tensor, crop: int | None, seed: Tensor | None) -> "CropRanges":
        """All steps of each row, or `crop` of them: at random by the seed, int64 `[2]`, or the first ones."""
        if crop is None:
            return cls(lengths, lengths)
        steps = tf.minimum(lengths, crop)
        first = starts_of_crops(lengths - steps, seed)
        return cls(steps, tf.reshape(tf.stack([first, steps, lengths - steps - first], axis=1), [-1]), 3)

    def kept_pieces(self, rows: Tensor) -> Tensor:
        """The kept pieces of these rows."""
        return rows * self.each + self.each // 2


def starts_of_crops(room: Tensor, seed: Tensor | None) -> Tensor:
    """The first step of each crop, int64 `[n]`, uniformly distributed; 0 without a seed.

    Args:
        room: int64 `[n]`: the number of steps that are cropped.
        seed: int64 `[2]`.
    """
    if seed is None:
        return tf.zeros_like(room)
    chance = tf.random.stateless_uniform(tf.shape(room), seed, dtype=tf.float64)
    return tf.cast(chance * tf.cast(room + 1, tf.float64), tf.int64)


def cropped_boundaries(boundaries: Sequence[int], crop: int | None) -> tuple[int, ...]:
    """The values that T may have if sequences are cropped."""
    if crop is None or crop >= boundaries[-1]:
        return tuple(boundaries)
    return (*(boundary for boundary in boundaries if boundary < crop), crop)
