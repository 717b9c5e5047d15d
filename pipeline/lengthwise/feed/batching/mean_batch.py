"""What the batches of a data set hold on average: the constant that keeps `even_weights` near 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from lengthwise.feed.options.reader_options import Options


@dataclass(frozen=True, slots=True)
class MeanBatch:
    """The mean of all batches; one constant for all of them, and for all workers.

    Attributes:
        rows: how many.
        steps: how many steps of them have a label, where steps have labels, by the feature that has their lengths.
    """

    rows: float
    steps: dict[str, float]

    @classmethod
    def of(
        cls,
        lengths: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
        options: Options,
        boundaries: Sequence[int] | None,
        padded: Sequence[tuple[int, float]] = (),
    ) -> Self:
        """The mean where each sequence is in a full batch of its own T, or of full packed rows.

        Other groups' lengths count as if each sequence had its share of all their steps.

        Args:
            lengths: by the feature that has a group's lengths, the leading one first: `[n]`, in steps, and how many
                sequences have each, `[n]`.
            options: the budget.
            boundaries: the values that T of the leading group may have before it is cropped; None for any.
            padded: where it is known, what a row counts in the budget with its padding, and how many such there are.
        """
        arrays = {key: (np.asarray(own), np.asarray(counts)) for key, (own, counts) in lengths.items()}
        taken = {key: (np.minimum(own, options.crop_of(key) or np.inf), n) for key, (own, n) in arrays.items()}
        leading = next(iter(arrays))
        steps, counts = taken[leading]
        if padded:
            steps, counts = np.asarray(padded).T
        elif boundaries is None or options.pack is not None:
            totals = {key: float((own * n).sum()) for key, (own, n) in taken.items()}
            steps = steps * (options.weighed(totals) / max(totals[leading], 1.0))
        else:
            bucket = np.minimum(np.searchsorted(boundaries, arrays[leading][0]), len(boundaries) - 1)
            steps = np.asarray([options.cropped(boundary, leading) for boundary in boundaries])[bucket]
        if options.pack is not None:  # sequences fill rows, and these batches
            per_row = options.row_steps
            batches = (counts * np.minimum(steps, per_row)).sum() / (per_row * options.rows(per_row))
        else:
            batches = (counts / [options.rows(T) for T in steps.tolist()]).sum()
        batches = max(batches, 1e-9)
        last = options.next_step is not None  # has no label
        labelled = {key: max((n * np.maximum(own - last, 0)).sum(), 1) for key, (own, n) in taken.items()}
        return cls(float(counts.sum() / batches), {key: float(own / batches) for key, own in labelled.items()})
