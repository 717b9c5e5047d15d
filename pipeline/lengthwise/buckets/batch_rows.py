"""How many rows fit a budget of padded steps, and how many rows of a bucket's last batch are empty."""

from typing import TypeVar

Amount = TypeVar("Amount", int, float)


def rows_per_batch(batch_steps: int, steps: int, multiple_of: int = 1) -> int:
    """The number of rows of a batch: as many as the budget allows, at least 1.

    Args:
        batch_steps: The maximum number of padded steps per batch.
        steps: The padded steps of each row.
        multiple_of: The number of rows is a multiple of this if at least that many rows fit.
    """
    rows = batch_steps // max(steps, 1)
    if rows >= multiple_of:
        rows -= rows % multiple_of
    return max(rows, 1)


def empty_rows(rows: int, sequences: Amount) -> Amount:
    """How many rows of a bucket's last batch are empty: half of them, the average over splits and epochs.

    If the bucket has fewer sequences than half a batch, all other rows are empty.

    Args:
        rows: The rows of a full batch.
        sequences: The number of sequences in the bucket.
    """
    return max(rows - sequences, type(sequences)(rows // 2))
