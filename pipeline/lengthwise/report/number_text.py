"""Numbers and foreign text as people read them."""

import math

NONE = "\u2013"
"""Stands where there is no number."""

LONGEST = 160  # characters of a foreign text; a name may be megabytes long

_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_COUNT_UNITS = ("", "k", "M", "G", "T", "P", "E")


def shorten(text: str, most: int = LONGEST) -> str:
    """The text's beginning, with how much was left out."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def count(number: int) -> str:
    """`1234567` as `1,234,567`."""
    return f"{number:,}"


def between(first: int, last: int) -> str:
    """Two whole numbers and all between them."""
    return count(first) if first == last else f"{first:,}\u2013{last:,}"


def short_count(number: float) -> str:
    """At most four characters and a unit, for axes: `1.2M`."""
    return _scaled(number, 1000, _COUNT_UNITS, "")


def size(number: int) -> str:
    """Bytes in the unit that fits: `64 MiB`."""
    return _scaled(number, 1024, _BYTE_UNITS, " ")


def share(part: float) -> str:
    """`0.1234` as `12.3%`; small shares keep two digits, and what is not zero never reads as zero."""
    if not math.isfinite(part):
        return NONE
    if part == 0 or part == 1:
        return f"{part:.0%}"
    if abs(part) >= 0.1:
        return f"{part:.1%}"
    return f"{part:.2%}" if abs(part) >= 0.0001 else "<0.01%"


def number(value: float | None) -> str:
    """A measured number with four digits; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if 1000 <= abs(value) < 1e7:
        return f"{value:,.1f}"
    return f"{value:.4g}"


def plural(amount: int, noun: str) -> str:
    """`1 shard`, `2 shards`."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def _scaled(number: float, base: int, units: tuple[str, ...], gap: str) -> str:
    place = 0
    while abs(number) >= base and place < len(units) - 1:
        number /= base
        place += 1
    digits = f"{number:.0f}" if number == int(number) or abs(number) >= 100 else f"{number:.2g}"
    digits = f"{number:.1f}" if 10 <= abs(number) < 100 and number != int(number) else digits
    return f"{digits}{gap}{units[place]}"
