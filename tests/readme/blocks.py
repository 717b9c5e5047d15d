"""The fenced blocks of README.md, in order, so that tests run the code that readers copy."""

import re
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
_FENCE = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the mark after it (the test that runs it; none: test_readme), its text."""

    language: str
    mark: str
    text: str


def blocks(mark: str = "") -> list[Block]:
    """Returns the blocks with that mark."""
    found = [Block(*(part or "" for part in match.groups())) for match in _FENCE.finditer(README.read_text())]
    return [block for block in found if block.mark == mark]
