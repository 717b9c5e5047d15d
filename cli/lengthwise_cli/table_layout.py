"""Lays out a table for the terminal: as a grid with wrapped cells or, in a narrow terminal, row by row."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from lengthwise_cli.line_breaks import least_width, width_of, wrap, wrap_cell

_GAPS = (3, 2)
_MOST_LINES = 2  # per row, on average; a grid with more is hard to read


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading, and whether its cells are aligned right, as numbers are."""

    heading: str
    right: bool


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a table; `head` is empty if each row has its own headings."""

    head: list[str]
    body: list[str]


def lay_out(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None) -> Lines:
    """Returns lines of at most `width` characters, if the words permit; None: as wide as the cells."""
    headings = [column.heading for column in columns]
    cells = list(zip_longest(headings, *rows, fillvalue=""))  # of each column
    natural = [max(map(width_of, column)) for column in cells]
    for gap in _GAPS:
        if width is None or sum(natural) + gap * (len(columns) - 1) <= width:
            return _grid(columns, rows, natural, gap)
    assert width is not None
    least = [max(map(least_width, column)) for column in cells]
    room = width - _GAPS[-1] * (len(columns) - 1)
    if sum(least) <= room:
        grid = _grid(columns, rows, _distributed(natural, least, room), _GAPS[-1])
        if len(grid.body) <= _MOST_LINES * len(rows):
            return grid
    return Lines([], [line for row in rows for line in _row_with_headings(columns, row, width)])


def _distributed(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Returns widths between the minimum and the natural ones; columns that need little more are widened first."""
    widths, left = list(least), room - sum(least)
    order = sorted(range(len(natural)), key=lambda place: natural[place] - least[place])
    for done, place in enumerate(order):
        more = min(natural[place] - least[place], left // (len(order) - done))
        widths[place] += more
        left -= more
    return widths


def _grid(columns: Sequence[Column], rows: Sequence[Sequence[str]], widths: Sequence[int], gap: int) -> Lines:
    head = _grid_row(columns, [column.heading for column in columns], widths, gap)
    rule = "─" * (sum(widths) + gap * (len(widths) - 1))
    return Lines([*head, rule], [line for row in rows for line in _grid_row(columns, row, widths, gap)])


def _grid_row(columns: Sequence[Column], row: Sequence[str], widths: Sequence[int], gap: int) -> list[str]:
    cells = [wrap_cell(text, max(1, width)) for text, width in zip(row, widths, strict=False)]
    return [
        (" " * gap).join(map(_aligned, columns, line, widths)).rstrip() for line in zip_longest(*cells, fillvalue="")
    ]


def _aligned(column: Column, text: str, width: int) -> str:
    room = " " * (width - width_of(text))
    return room + text if column.right else text + room


def _row_with_headings(columns: Sequence[Column], row: Sequence[str], width: int) -> list[str]:
    """Puts the first cell on a line, and the others below it with their headings."""
    first = f"{columns[0].heading} {row[0]}" if row[0].isdecimal() else row[0]
    lines, line = wrap(first, width, split=True), ""
    for column, text in zip(columns[1:], row[1:], strict=False):
        if not text:
            continue
        part = f"{column.heading}: {text}" if column.heading else text
        if line and width_of(f"{line}   {part}") > width:
            lines += wrap(line, width, split=True)
            line = ""
        line = f"{line}   {part}" if line else f"  {part}"
    return [*lines, *(wrap(line, width, split=True) if line else [])]
