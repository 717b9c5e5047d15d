"""Gaps in sequences of numbers, which are steps without a number and NaN, filled by the column's policy."""

from lengthwise.columns import NumericColumn
from lengthwise.rules.array_protocol import A, Arrays
from lengthwise.rules.raw_steps import Steps


def filled(arrays: Arrays[A], column: NumericColumn, steps: Steps[A], observed: A) -> A:
    """The steps' values without gaps.

    A number is carried forward to its own place in later steps. So values are sorted by record, then by place in the
    step, and then each gap is filled with the last number before it, if that is of the same record and place.
    """
    default, numbers = column.default_value, steps.values
    if column.missing == "fill":
        return arrays.where(observed, numbers, default)
    places = arrays.arange(arrays.size(numbers))
    sizes = steps.splits[1:] - steps.splits[:-1]
    rows = arrays.repeat(arrays.arange(arrays.size(sizes)), sizes)
    lanes = rows * steps.width + (places - arrays.take(steps.splits, rows)) % steps.width
    order = arrays.stable_order(lanes)
    lanes, known = arrays.take(lanes, order), arrays.take(observed, order)
    number = arrays.cumsum(arrays.cast(known, "int64")) - 1  # of the last number so far
    known_places = arrays.concatenate([arrays.flatnonzero(known), arrays.full(1, 0, "int64")])
    last = arrays.take(known_places, arrays.maximum(number, 0))
    is_known = (number >= 0) & arrays.equal(arrays.take(lanes, last), lanes)
    carried = arrays.where(is_known, arrays.take(arrays.take(numbers, order), last), default)
    return arrays.take(carried, arrays.inverse(order))
