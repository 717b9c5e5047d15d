"""Generates parts of pages from the code: configuration fields, reject reasons, options of the feed, commands.

A page includes a part with a line `<!-- made: NAME -->`. Generated text is not stored, so it always matches the code.
"""

import inspect
import os
import re
import tomllib
import typing
from collections.abc import Callable, Iterator
from typing import Any

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

_MARK = re.compile(r"^<!-- made: (\w+) -->$", re.MULTILINE)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for each page."""
    return _MARK.sub(lambda match: "\n".join(MAKERS[match[1]]()), markdown)


def config() -> Iterator[str]:
    """Yields every section of the job configuration."""
    from lengthwise.config import JobConfig

    for name, field in JobConfig.model_fields.items():
        if name == "columns":
            continue
        yield f"## `{name}`"
        yield ""
        yield from _model(_class_of(field.annotation), prefix=f"{name}.")


def columns() -> Iterator[str]:
    """Yields every kind of column."""
    from lengthwise.columns import SharedEmbedding
    from lengthwise.columns.column_queries import AnyColumn

    for kind in typing.get_args(AnyColumn):
        yield f"### `kind: {kind.model_fields['kind'].default}`"
        yield ""
        yield from _model(kind, leave_out=("kind",))
    yield "### `SharedEmbedding`"
    yield ""
    yield from _model(SharedEmbedding)


def options() -> Iterator[str]:
    """Yields the options of both readers of the feed."""
    from lengthwise.feed.options.reader_options import Options

    yield from _fields(Options)


def reasons() -> Iterator[str]:
    """Yields every reason for rejecting a record."""
    from lengthwise.reject_reasons import RejectReason

    yield "| reason | |"
    yield "|---|---|"
    for reason in RejectReason:
        yield f"| `{reason}` | {_cell(reason.meaning)} |"


def commands() -> Iterator[str]:
    """Yields the `--help` text of every command."""
    from lengthwise_cli.main import main

    root = click.Context(main, info_name="lengthwise", max_content_width=100)
    yield from _help(main, root)
    for name in main.list_commands(root):
        command = main.get_command(root, name)
        if command is not None and not command.hidden:
            yield f"## `lengthwise {name}`"
            yield from _help(command, click.Context(command, parent=root, info_name=name, max_content_width=100))


def layers() -> Iterator[str]:
    """Yields a drawing of the layers of the package, from the contract of import-linter."""
    with open(os.path.join(os.path.dirname(__file__), "..", "..", "pyproject.toml"), "rb") as stream:
        contracts = tomllib.load(stream)["tool"]["importlinter"]["contracts"]
    rows = [
        line.split("|") for line in next(contract for contract in contracts if contract["type"] == "layers")["layers"]
    ]
    words = ", then ".join(" and ".join(_layer(name) for name in row) for row in rows)
    size = f'viewBox="0 0 720 {52 * len(rows)}" style="max-width: 45rem"'
    yield f'<svg {size} role="img" aria-label="From the top: {words}">'
    yield '<g fill="#5c7cfa" fill-opacity=".12" stroke="#5c7cfa">'
    for x, y, width, _ in _boxes(rows):
        yield f'<rect x="{x + 1:.0f}" y="{y + 1}" width="{width - 2:.0f}" height="42" rx="6"/>'
    yield '</g><g fill="currentColor" text-anchor="middle" font-size="15">'
    for x, y, width, name in _boxes(rows):
        yield f'<text x="{x + width / 2:.0f}" y="{y + 27}">{name}</text>'
    yield "</g></svg>"


def _boxes(rows: list[list[str]]) -> Iterator[tuple[float, int, float, str]]:
    for line, row in enumerate(rows):
        width = (720 - 8 * (len(row) - 1)) / len(row)
        for position, name in enumerate(row):
            yield position * (width + 8), line * 52, width, _layer(name)


def _layer(name: str) -> str:
    return name.strip(" ()").removeprefix("lengthwise.")


def _help(command: click.Command, context: click.Context) -> Iterator[str]:
    yield ""
    yield "```text"
    yield click.unstyle(command.get_help(context)).replace("\b\n", "")
    yield "```"
    yield ""


def _model(model: type[BaseModel], prefix: str = "", leave_out: tuple[str, ...] = ()) -> Iterator[str]:
    yield inspect.getdoc(model) or ""
    yield ""
    yield from _fields(model, prefix, leave_out)
    yield ""


def _fields(model: type[BaseModel], prefix: str = "", leave_out: tuple[str, ...] = ()) -> Iterator[str]:
    yield "| field | takes | default | |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        if name in leave_out or field.exclude:
            continue
        takes, text = _cell(_takes(field)), _cell(field.description or "")
        yield f"| `{prefix}{field.alias or name}` | {takes} | {_default(field)} | {text} |"


def _takes(field: Any) -> str:
    limits = [
        f"{sign} {getattr(limit, name)}" for limit in field.metadata for name, sign in _LIMITS if hasattr(limit, name)
    ]
    return _type(field.annotation) + (f", {', '.join(limits)}" if limits else "")


_LIMITS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))
_WORDS = {int: "integer", float: "number", str: "text", bool: "true or false", dict: "mapping", type(None): "nothing"}


def _type(kind: Any) -> str:
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind in _WORDS:
        return _WORDS[kind]
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in parts)
    if origin is typing.Annotated:
        return _type(parts[0])
    if origin is dict:
        return f"mapping of {_type(parts[1])}"
    if origin in (tuple, list):
        return f"list of {_type(parts[0])}"
    if parts:
        return " or ".join(dict.fromkeys(_type(part) for part in parts if part is not type(None)))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return f"`kind: {kind.model_fields['kind'].default}`" if "kind" in kind.model_fields else f"`{kind.__name__}`"
    return "any value"


def _default(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "*required*"
    if field.default is None or field.default in ((), {}):
        return ""
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _class_of(annotation: Any) -> type[BaseModel]:
    assert isinstance(annotation, type)
    return annotation


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


MAKERS: dict[str, Callable[[], Iterator[str]]] = {
    "config": config,
    "columns": columns,
    "options": options,
    "reasons": reasons,
    "commands": commands,
    "layers": layers,
}
