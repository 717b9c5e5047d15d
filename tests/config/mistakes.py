"""The mistakes of `mistakes.txt`, which tests of the loader and of the command line share."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    name: str
    yaml: str
    message: str  # FILE represents the path of the YAML file


def _parse(block: str) -> Mistake:
    name, _, rest = block.partition("\n")
    yaml, _, message = rest.partition("-> ")
    return Mistake(name, yaml, message.strip().replace("\n   ", "\n"))


def _read() -> list[Mistake]:
    path = os.path.join(os.path.dirname(__file__), "mistakes.txt")
    with open(path, encoding="utf-8") as file:
        return [_parse(block) for block in file.read().split("=== ")[1:]]


MISTAKES = _read()
