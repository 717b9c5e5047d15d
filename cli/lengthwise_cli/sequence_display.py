"""Sequences as tables: short ones side by side with a line per feature, one alone with a line per step."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lengthwise_cli.terminal import abbreviated, say, say_table

if TYPE_CHECKING:
    from lengthwise.records.samples.record_display import FeatureView

_MOST_STEPS = 10
_MOST_CHARACTERS = 60
_MOST_BYTES = 200  # of a string that is shown whole


def say_sequence(sequence: "FeatureView", *, whole: bool) -> None:
    """Prints a sequence: all steps, one per line, or the first few with one line per feature."""
    where = ", ".join(f"{name} {value}" for name, value in sequence.where.items())
    title = f"#{sequence.number}: {sequence.length:,} steps, {where}"
    if not whole:
        features = [*sequence.steps.items(), *sequence.context.items()]
        say_table(title, ["feature", "values", ""], [(key, *_first_values(values)) for key, values in features])
        return
    if sequence.context:
        context = [(key, cell_text(values)) for key, values in sequence.context.items()]
        say_table(title, ["context", "value"], context)
    if sequence.steps:
        columns = sequence.steps.values()
        rows = [[str(step), *(_step(values, step) for values in columns)] for step in range(sequence.length)]
        say_table("" if sequence.context else title, ["step", *sequence.steps], rows)
    say(sequence.file)


def as_dict(sequence: "FeatureView") -> dict[str, Any]:
    """Returns the sequence as values for JSON. Bytes are decoded as UTF-8; invalid bytes are escaped."""
    content: dict[str, Any] = {
        "number": sequence.number,
        "file": sequence.file,
        "length": sequence.length,
        **sequence.where,
    }
    content |= {"steps": _json_value(sequence.steps), "context": _json_value(sequence.context)}
    return content | ({"ids": _json_value(sequence.ids)} if sequence.ids else {})


def _json_value(value: object) -> object:
    """A value without bytes in it, and without numbers that JSON does not know."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {key: _json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def cell_text(value: object) -> str:
    """A value, or a list of values, for a table's cell."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        inner = " ".join(map(cell_text, value))
        return inner if len(value) == 1 else f"[{inner}]"
    if isinstance(value, bytes) and len(value) > _MOST_BYTES:  # such as a picture; `--json` has all
        return f"{_json_value(value[:_MOST_CHARACTERS])}... ({len(value):,} bytes)"
    return str(_json_value(value))


def _first_values(values: Sequence[object]) -> tuple[str, str]:
    """The first values, and how many more there are."""
    first: list[str] = []
    for value in values[:_MOST_STEPS]:
        if first and len(" ".join([*first, cell_text(value)])) > _MOST_CHARACTERS:
            break
        first.append(cell_text(value))
    more = len(values) - len(first)
    return abbreviated(" ".join(first), _MOST_CHARACTERS), f"and {more:,} more" if more else ""


def _step(values: Sequence[object], step: int) -> str:
    return cell_text(values[step]) if step < len(values) else ""
