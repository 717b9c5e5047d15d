"""Boundaries as one line of text of limited length: `4, 8, 16`, or of pairs `[4, 2], [8, 4]`."""

from collections.abc import Sequence


def bounds_text(bounds: Sequence[int]) -> str:
    """The maximum steps of one bucket: `8`, or of two groups `8x4`."""
    return "x".join(f"{boundary:,}" for boundary in bounds)


def boundaries_text(boundaries: Sequence[int | tuple[int, ...]], most: int = 12) -> str:
    """`4, 8, 16`; if there are more than `most`, without those in the middle: `4, 8, 16, ... 900, 1024`."""
    strings = [str(boundary if isinstance(boundary, int) else list(boundary)) for boundary in boundaries]
    if len(strings) <= most:
        return ", ".join(strings)
    ends = most // 3
    return f"{', '.join(strings[: most - ends])}, ... {', '.join(strings[-ends:])}"
