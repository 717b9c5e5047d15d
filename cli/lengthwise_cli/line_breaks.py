"""Line breaks on a terminal: between words, never inside a word or a number."""

import re
from collections.abc import Iterator

_LONG = 24  # characters of a word; longer ones, such as names and paths, may break after a separator
_SEPARATORS = re.compile(r"[^_/\-.:=,]*[_/\-.:=,]+|[^_/\-.:=,]+")


def wrap(text: str, width: int, *, split: bool = False) -> list[str]:
    """The lines of a text, the later ones indented by two more spaces.

    Args:
        text: words with spaces between them; the spaces before the first word are the indentation.
        width: the width of a line. A wider word is not broken, so that it can be copied, unless `split` is set.
        split: whether wider words are broken: after a separator, or anywhere.
    """
    if width_of(text) <= width:
        return [text]
    indent = text[: len(text) - len(text.lstrip(" "))]
    later = indent + "  "
    pieces = _pieces(text.lstrip(" "), width - len(later)) if split else ((" ", word) for word in text.split())
    return _fill(pieces, width, indent, later)


def wrap_cell(text: str, width: int) -> list[str]:
    """Returns the lines of a table's cell. A word that is too wide breaks after a separator, or anywhere."""
    return _fill(_pieces(text, width), width, "", "")


def least_width(text: str) -> int:
    """Returns the least width at which `wrap_cell` breaks no short word, and long ones only after separators."""
    return max(map(_least_width_of_word, text.split(" ")))


def width_of(text: str) -> int:
    """The number of columns of a terminal that the text takes."""
    from rich.cells import cell_len

    return cell_len(text)


def _least_width_of_word(word: str) -> int:
    width = width_of(word)
    return width if width <= _LONG else max(_LONG, *map(width_of, _SEPARATORS.findall(word)))


def _pieces(text: str, width: int) -> Iterator[tuple[str, str]]:
    """Yields the separator before each piece of a line, and the piece."""
    from rich.cells import chop_cells

    for word in text.split(" "):
        if width_of(word) <= width:
            yield " ", word
            continue
        gap = " "
        for piece in _SEPARATORS.findall(word):
            for part in chop_cells(piece, max(width, 2)):  # a character may take two columns
                yield gap, part
                gap = ""


def _fill(pieces: Iterator[tuple[str, str]], width: int, first: str, later: str) -> list[str]:
    lines, line = [], first
    started = False
    for gap, piece in pieces:
        gap = gap if started else ""
        if started and width_of(line + gap + piece) > width:
            lines.append(line)
            line, gap = later, ""
        line, started = line + gap + piece, True
    return [*lines, line]
