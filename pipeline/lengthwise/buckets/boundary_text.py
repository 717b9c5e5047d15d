"""Boundaries on a line for people, however many there are."""

from collections.abc import Sequence


def boundaries_text(boundaries: Sequence[int], most: int = 12) -> str:
    """`4, 8, 16`; of more than `most` those in the middle are left out: `4, 8, 16, ... 900, 1024`."""
    if len(boundaries) <= most:
        return ", ".join(map(str, boundaries))
    ends = most // 3
    return f"{', '.join(map(str, boundaries[: most - ends]))}, ... {', '.join(map(str, boundaries[-ends:]))}"
