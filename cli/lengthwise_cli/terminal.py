"""Printing: tables and sentences on stdout, JSON for machines. Text from data is made printable here."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lengthwise.printable_text import visible, visible_json
from lengthwise_cli.line_breaks import wrap

if TYPE_CHECKING:
    from rich.console import Console

_PIPED_WIDTH = 500


def console(*, stderr: bool = False) -> "Console":
    """A console as wide as the terminal; without a terminal, wide and without colour."""
    from rich.console import Console

    return Console(stderr=stderr, width=_width(stderr=stderr) or _PIPED_WIDTH, highlight=False, soft_wrap=False)


def wrapped(text: str, *, stderr: bool = False) -> str:
    """Returns the text; for a terminal, with line breaks between words."""
    width = _width(stderr=stderr)
    if width is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in wrap(line, width))


def say(text: str = "", *, whole: bool = False) -> None:
    """Prints a line. With `whole`, the line is never broken, so that it can be copied."""
    line = visible(text)
    print(line if whole else wrapped(line), flush=True)


def note(text: str) -> None:
    """Prints a line on stderr, which is not part of a command's results."""
    print(wrapped(visible(text), stderr=True), file=sys.stderr, flush=True)


def say_json(value: object) -> None:
    """Prints a value as JSON, for people to read too."""
    print(visible_json(value, indent=2))


def say_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table; headings that start with `>` are of right-aligned columns, of numbers."""
    from rich.text import Text

    from lengthwise_cli.table_layout import Column, lay_out

    columns = [Column(visible(heading.removeprefix(">")), heading.startswith(">")) for heading in headings]
    lines = lay_out(columns, [[visible(_cell_text(cell)) for cell in row] for row in rows], _width())
    output = console()
    if title:
        output.print(Text(wrapped(visible(title)), style="bold"), soft_wrap=True)
    for line in lines.head:
        output.print(Text(line, style="bold" if line is not lines.head[-1] else ""), soft_wrap=True)
    print(*lines.body, "", sep="\n", flush=True)


def _width(*, stderr: bool = False) -> int | None:
    """The columns of the terminal; None if the stream is not a terminal."""
    if not (sys.stderr if stderr else sys.stdout).isatty():
        return None
    from rich.console import Console

    return Console(stderr=stderr).width


def abbreviated(text: str, most: int) -> str:
    """The text, cut to `most` characters if it has more."""
    return text if len(text) <= most else text[: most - 3] + "..."


def bytes_text(size: float) -> str:
    """`3.4 MiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def share_text(share: float) -> str:
    """`14.4%`."""
    return f"{share:.1%}"


def _cell_text(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
