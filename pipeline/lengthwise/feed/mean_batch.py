"""What the batches of a data set hold on average: the constant that keeps `even_weights` near 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from lengthwise.feed.crop import cropped
from lengthwise.feed.options import Options


@dataclass(frozen=True, slots=True)
class MeanBatch:
    """The mean of all batches; one constant for all of them, and for all workers.

    Attributes:
        rows: how many.
        steps: how many steps of them have a label, where steps have labels.
    """

    rows: float
    steps: float

    @classmethod
    def of(
        cls, lengths: npt.ArrayLike, counts: npt.ArrayLike, options: Options, boundaries: Sequence[int] | None
    ) -> Self:
        """The mean where each sequence is in a full batch of its own T, or of full packed rows.

        Args:
            lengths: `[n]`, of the sequences, in steps.
            counts: `[n]`, how many sequences have each length.
            options: the budget.
            boundaries: the values that T may have; None for any.
        """
        lengths, counts = np.asarray(lengths), np.asarray(counts)
        if options.crop is not None:
            lengths = np.asarray(np.minimum(lengths, options.crop))
            boundaries = None if boundaries is None else cropped(boundaries, options.crop)
        if boundaries is None:
            steps = lengths
        else:
            steps = np.asarray(boundaries)[np.minimum(np.searchsorted(boundaries, lengths), len(boundaries) - 1)]
        if options.pack is not None:  # sequences fill rows, and these batches
            batches = (counts * np.minimum(lengths, options.pack)).sum() / (options.pack * options.rows(options.pack))
        else:
            batches = (counts / [options.rows(T) for T in steps.tolist()]).sum()
        batches = max(batches, 1e-9)
        labelled = lengths if options.next_step is None else np.maximum(lengths - 1, 0)
        return cls(float(counts.sum() / batches), float(max((counts * labelled).sum(), 1) / batches))
