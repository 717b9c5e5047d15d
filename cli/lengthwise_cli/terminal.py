"""Printing: tables and sentences on stdout, JSON where a machine reads. Foreign text is made visible here."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lengthwise.visible import visible, visible_json

if TYPE_CHECKING:
    from rich.console import Console

_PIPED_WIDTH = 500  # nothing wraps: a table is only as wide as what it holds


def console(*, stderr: bool = False) -> "Console":
    """A console as wide as the terminal; where there is none, wide enough for tables, without colour."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPED_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def say(text: str = "") -> None:
    """Prints a line."""
    from rich.text import Text

    console().print(Text(visible(text)), soft_wrap=True)


def say_json(value: Any) -> None:
    """Prints a value as JSON, for people to read too."""
    print(visible_json(value, indent=2))


def say_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table; headings that start with `>` are of right-aligned columns, of numbers."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for heading in headings:
        name = Text(visible(heading.removeprefix(">")))
        table.add_column(name, justify="right" if heading.startswith(">") else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(_plain(cell))) for cell in row))
    if title:
        console().print(Text(visible(title), style="bold"), soft_wrap=True)
    console().print(table, "")


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


def _plain(cell: object) -> str:
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
