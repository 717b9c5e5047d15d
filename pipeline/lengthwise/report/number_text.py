"""Numbers and strings from data as text for readers."""

import math

NO_NUMBER = "\u2013"
"""Shown in place of a missing number."""

_MAX_LENGTH = 160  # characters of a string from the data; a name may have megabytes

_BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_COUNT_UNITS = ("", "k", "M", "G", "T", "P", "E")


def shortened(text: str, most: int = _MAX_LENGTH) -> str:
    """The start of the text, with the number of omitted characters."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def count_text(number: int) -> str:
    """`1234567` as `1,234,567`."""
    return f"{number:,}"


def count_range_text(first: int, last: int) -> str:
    """A range of whole numbers: `3`, or the first and the last number."""
    return count_text(first) if first == last else f"{first:,}\u2013{last:,}"


def short_count(number: float) -> str:
    """A count as at most four characters and a unit, for axes: `1.2M`."""
    return _scaled(number, 1000, _COUNT_UNITS, "")


def size_text(number: int) -> str:
    """Bytes in the unit that fits: `64 MiB`."""
    return _scaled(number, 1024, _BYTE_UNITS, " ")


def percent_text(part: float) -> str:
    """`0.1234` as `12.3%`; small shares keep two digits, and only 0 is shown as `0%`."""
    if not math.isfinite(part):
        return NO_NUMBER
    if part == 0 or part == 1:
        return f"{part:.0%}"
    if abs(part) >= 0.1:
        return f"{part:.1%}"
    return f"{part:.2%}" if abs(part) >= 0.0001 else "<0.01%"


def decimal_text(value: float) -> str:
    """A measured number with four digits; a dash if it is not finite."""
    if not math.isfinite(value):
        return NO_NUMBER
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if 1000 <= abs(value) < 1e7:
        return f"{value:,.1f}"
    return f"{value:.4g}"


def plural(amount: int, noun: str) -> str:
    """`1 shard`, `2 shards`."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def _scaled(number: float, base: int, units: tuple[str, ...], gap: str) -> str:
    index = 0
    while abs(number) >= base and index < len(units) - 1:
        number /= base
        index += 1
    if number == int(number) or abs(number) >= 100:
        digits = f"{number:.0f}"
    else:
        digits = f"{number:.1f}" if abs(number) >= 10 else f"{number:.2g}"
    return f"{digits}{gap}{units[index]}"
