"""Boundaries on a line for people, however many there are: `4, 8, 16`, or of pairs `[4, 2], [8, 4]`."""

from collections.abc import Sequence


def bounds_text(bounds: Sequence[int]) -> str:
    """The most steps of one bucket: `8`, or of two groups `8x4`."""
    return "x".join(f"{boundary:,}" for boundary in bounds)


def boundaries_text(boundaries: Sequence[int | tuple[int, ...]], most: int = 12) -> str:
    """`4, 8, 16`; of more than `most` those in the middle are left out: `4, 8, 16, ... 900, 1024`."""
    shown = [str(one if isinstance(one, int) else list(one)) for one in boundaries]
    if len(shown) <= most:
        return ", ".join(shown)
    ends = most // 3
    return f"{', '.join(shown[: most - ends])}, ... {', '.join(shown[-ends:])}"
