"""Gaps in sequences of numbers, steps without a number and NaN, filled as the column says. See also `tensor_gaps`."""

import numpy as np

from lengthwise.columns import NumericColumn
from lengthwise.records.arrays.arrow_steps import RawSteps, Steps, even


def observed_in(raw: RawSteps, steps: Steps) -> np.ndarray:
    """bool, of the shape of the steps' values: where a number was read."""
    found = even(raw, np.ones(len(raw.values), bool), steps.width, False).values
    return found & ~np.isnan(steps.values) if steps.values.dtype.kind == "f" else found


def rows_of_values(steps: Steps) -> np.ndarray:
    """int64, of the shape of the steps' values: the record of each."""
    ends = np.append(steps.starts[1:], len(steps.values))
    return np.repeat(np.arange(len(steps.starts)), ends - steps.starts)


def filled(column: NumericColumn, steps: Steps, observed: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The steps' values without gaps.

    A number is carried forward to its own place in later steps. So values are sorted by record, then by place in the
    step, and then each gap takes the last number before it, if that is of the same record and place.
    """
    default = np.asarray(column.default_value, steps.values.dtype)
    if column.missing == "fill":
        return np.where(observed, steps.values, default)
    lanes = rows * steps.width + (np.arange(len(rows)) - steps.starts[rows]) % steps.width
    order = np.argsort(lanes, kind="stable")
    lanes = lanes[order]
    last = np.maximum.accumulate(np.where(observed[order], np.arange(len(order)), 0))
    is_known = observed[order][last] & (lanes[last] == lanes)
    carried = np.empty_like(steps.values)
    carried[order] = np.where(is_known, steps.values[order][last], default)
    return carried
