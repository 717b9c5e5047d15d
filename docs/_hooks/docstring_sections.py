"""Converts docstring sections of Keras to sections that griffe's Google style supports.

Without this, `>>>` below `Example:` becomes a Markdown quotation, and `Call arguments:` becomes one paragraph.
"""

import re
from typing import Any

import griffe

_KNOWN = {"Example:": "Examples:", "Call arguments:": "Other args: Call arguments:"}
_TITLE = re.compile(r"[A-Z][\w ]*:$")


class DocstringSections(griffe.Extension):
    """Rewrites the docstring of every object."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called by griffe for each object that it has read."""
        if obj.docstring is not None:
            obj.docstring.value = known_sections(obj.docstring.value)


def known_sections(docstring: str) -> str:
    """The docstring with sections that griffe knows. In Keras, the lines of an example have no indentation."""
    lines, title = [], ""
    for line in docstring.splitlines():
        if _TITLE.match(line):
            title = line
            lines.append(_KNOWN.get(line, line))
        elif title == "Example:" and line and not line.startswith(" "):
            lines.append(f"    {line}")
        else:
            lines.append(line)
    return "\n".join(lines)
