r"""Makes text printable: names, values, paths and messages of other libraries may contain any character.

Control characters, terminal escapes, line ends, invisible characters and those that change the direction of text are
written as escapes (`\x1b`, `\u202e`), so that text can neither move a cursor nor look like different text.
"""

import json


def visible(text: str) -> str:
    """The text on one line, with escapes for invisible characters."""
    return text if text.isprintable() else "".join(map(_visible, text))


def visible_lines(text: str) -> str:
    """The text with escapes for invisible characters, except line ends."""
    return "\n".join(map(visible, text.split("\n")))


def visible_message(*lines: object) -> str:
    """A message of these lines. Line ends within them, such as those of a name, are followed by spaces."""
    return "\n".join(visible_lines(str(line).strip("\n")).replace("\n", "\n  ") for line in lines)


def visible_json(value: object, indent: int | None = None) -> str:
    """The value as JSON, with JSON's escapes for invisible characters, which do not change the value."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text if text.isprintable() else "".join(map(_in_json, text))


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode("ascii")


def _in_json(char: str) -> str:
    return char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1]
