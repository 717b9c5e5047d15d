"""The average size of a data set's batches: the constant that keeps `even_weights` near 1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from lengthwise.feed.options.reader_options import Options


@dataclass(frozen=True, slots=True)
class MeanBatch:
    """The mean of all batches; the same for all batches and all workers.

    Attributes:
        rows: the mean number of rows.
        steps: the mean number of steps with a label, for labels per step, by the feature that has their lengths.
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
        """The mean if each sequence is in a full batch of its own T, or of full packed rows.

        The lengths of further groups count as if each sequence had a proportional share of all their steps.

        Args:
            lengths: by the feature that has a group's lengths, the leading group first: `[n]`, in steps, and the number
                of sequences of each length, `[n]`.
            options: the budget.
            boundaries: the values that T of the leading group may have before it is cropped; None for any.
            padded: if it is known, the size of a row in the budget with its padding, and the number of such rows.
        """
        arrays = {key: (np.asarray(steps), np.asarray(counts)) for key, (steps, counts) in lengths.items()}
        cropped = {key: (np.minimum(steps, options.crop_of(key) or np.inf), n) for key, (steps, n) in arrays.items()}
        leading = next(iter(arrays))
        steps, counts = cropped[leading]
        if padded:
            steps, counts = np.asarray(padded).T
        elif boundaries is None or options.pack is not None:
            totals = {key: float((lengths * n).sum()) for key, (lengths, n) in cropped.items()}
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
        unlabelled = int(options.next_step is not None)  # the last step has no label
        labelled = {key: max((n * np.maximum(steps - unlabelled, 0)).sum(), 1) for key, (steps, n) in cropped.items()}
        mean_steps = {key: float(total / batches) for key, total in labelled.items()}
        return cls(float(counts.sum() / batches), mean_steps)
