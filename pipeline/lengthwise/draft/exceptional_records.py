"""Records that differ from the others: up to a limit, the draft rejects them instead of allowing for them."""

import numpy as np


def allowed_exceptions(records: int) -> int:
    """One record in a hundred, as the job's default limit has it; of ten records or more, at least one."""
    return max(records // 100, int(records >= 10))


def allowed_in_total(records: int) -> int:
    """How many records may be rejected for all features together."""
    return max(records // 20, allowed_exceptions(records))


def mode(values: np.ndarray) -> int:
    """The most frequent of at least one integer; the smallest of equally frequent ones."""
    distinct, occurrences = np.unique(values, return_counts=True)
    return int(distinct[np.argmax(occurrences)])
