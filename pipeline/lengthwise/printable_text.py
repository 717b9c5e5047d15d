r"""Foreign text for people to look at: names, values, paths and other libraries' messages come from data.

Control characters, terminal escapes, line ends, invisible characters and those that turn the direction of text are
written as escapes (`\x1b`, `\u202e`), so that text can neither move a cursor nor look like something else.
"""

import json
from typing import Any


def visible(text: str) -> str:
    """The text on one line, everything that cannot be seen as an escape."""
    return text if text.isprintable() else "".join(map(_visible, text))


def visible_lines(text: str) -> str:
    """The same, line ends kept."""
    return "\n".join(map(visible, text.split("\n")))


def visible_message(*lines: object) -> str:
    """A message of these lines. What else is a line end in them, such as one in a name, is followed by spaces."""
    return "\n".join(visible_lines(str(line).strip("\n")).replace("\n", "\n  ") for line in lines)


def visible_json(value: Any, indent: int | None = None) -> str:
    """The value as JSON for machines and people: what cannot be seen stands as JSON's own escapes, so is unchanged."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text if text.isprintable() else "".join(map(_in_json, text))


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode("ascii")


def _in_json(char: str) -> str:
    return char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1]
