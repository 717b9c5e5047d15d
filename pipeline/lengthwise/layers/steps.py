"""One feature of a batch, dense: what the readers of dense, sparse and ragged input all give."""

from dataclasses import dataclass
from typing import Any

from keras import ops


@dataclass(frozen=True)
class Steps:
    """A feature's values by step.

    Attributes:
        values: numbers `[B,S,elements]`, or ids `[B,S]` (one a step) or `[B,S,K]`, negative where there is none.
        weights: of the shape of the ids; None for equal weights.
        present: bool, of the shape of the numbers: false where the input held nothing; None where all is present.
        lengths: int64 `[B]`: the steps of each row; None for dense input, whose lengths are told by another feature.
        exact: whether `lengths` counts trailing empty steps too (ragged input), or may lack some (sparse input).
        count: how many steps the longest row needs: an int or a scalar tensor.
    """

    values: Any
    weights: Any = None
    present: Any = None
    lengths: Any = None
    exact: bool = True
    count: Any = None

    @property
    def is_dense(self) -> bool:
        return self.lengths is None


def group(values: Any, size: int, fill: Any) -> Any:
    """`[B,N]` to `[B, ceil(N / size), size]`: each step is `size` consecutive values, the last one filled up."""
    batch, width = ops.shape(values)[:2]
    count = -(-width // size)
    padded = values if isinstance(width, int) and width % size == 0 else pad_to(values, count * size, fill)
    return ops.reshape(padded, (batch, count, size))


def pad_to(values: Any, size: Any, fill: Any) -> Any:
    """Axis 1 lengthened to `size` with `fill`."""
    widths = [[0, 0], [0, size - ops.shape(values)[1]], *[[0, 0]] * (len(values.shape) - 2)]
    return ops.pad(values, widths, constant_values=fill)


def fit(values: Any, size: Any, fill: Any) -> Any:
    """Axis 1 cut or lengthened to `size` with `fill`."""
    values = values[:, :size]
    return pad_to(values, size, fill)
