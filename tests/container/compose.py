"""Reads compose.yaml, so that any container engine can start its services one by one."""

from dataclasses import dataclass
from typing import Any

import yaml

from container.engine import ROOT


@dataclass(frozen=True)
class Service:
    """What one service starts.

    Attributes:
        entrypoint: the program; None for the image's own.
        arguments: what follows it.
    """

    entrypoint: str | None
    arguments: tuple[str, ...]


def read_services() -> dict[str, Any]:
    """Returns every service of compose.yaml, with merged anchors."""
    content = yaml.safe_load((ROOT / "compose.yaml").read_text())
    services: dict[str, Any] = content["services"]
    return services


def service(name: str) -> Service:
    """The start of one service."""
    described = read_services()[name]
    program, *rest = described.get("entrypoint") or [None]
    return Service(program, tuple(part.replace("$$", "$") for part in (*rest, *described["command"])))
