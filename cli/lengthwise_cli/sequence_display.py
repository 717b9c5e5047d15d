"""Sequences as tables: short ones side by side with a line per feature, one alone with a line per step."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lengthwise_cli.terminal import say, say_table

if TYPE_CHECKING:
    from lengthwise.records.samples.record_display import FeatureView

_MOST_STEPS = 10
_MOST_CHARACTERS = 60
_MOST_BYTES = 200  # of a string that is shown whole


def say_sequence(shown: "FeatureView", *, whole: bool) -> None:
    """Prints a sequence: all steps, one per line, or the first few with one line per feature."""
    where = ", ".join(f"{name} {value}" for name, value in shown.where.items())
    title = f"#{shown.number}: {shown.length:,} steps, {where}"
    if not whole:
        features = [*shown.steps.items(), *shown.context.items()]
        say_table(title, ["feature", "values", ""], [[key, *_few(values)] for key, values in features])
        return
    if shown.context:
        say_table(title, ["context", "value"], [(key, text(values)) for key, values in shown.context.items()])
    headings = ["step", *shown.steps]
    rows = [[str(step), *(_step(values, step) for values in shown.steps.values())] for step in range(shown.length)]
    if shown.steps:
        say_table("" if shown.context else title, headings, rows)
    say(shown.file)


def as_dict(shown: "FeatureView") -> dict[str, Any]:
    """Returns the sequence as values for JSON. Bytes are decoded as UTF-8; invalid bytes are escaped."""
    content: dict[str, Any] = {"number": shown.number, "file": shown.file, "length": shown.length, **shown.where}
    content |= {"steps": json_value(shown.steps), "context": json_value(shown.context)}
    return content | ({"ids": json_value(shown.ids)} if shown.ids else {})


def json_value(value: Any) -> Any:
    """A value without bytes in it, and without numbers that JSON does not know."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, Mapping):
        return {key: json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if isinstance(value, float) and value - value != 0:  # NaN and the infinities
        return str(value)
    return value


def text(value: Any) -> str:
    """A value, or a list of values, for a table's cell."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        inner = " ".join(map(text, value))
        return inner if len(value) == 1 else f"[{inner}]"
    if isinstance(value, bytes) and len(value) > _MOST_BYTES:  # such as a picture; `--json` has all
        return f"{json_value(value[:_MOST_CHARACTERS])}... ({len(value):,} bytes)"
    return str(json_value(value))


def _few(values: Sequence[Any]) -> tuple[str, str]:
    kept: list[str] = []
    for value in values[:_MOST_STEPS]:
        if kept and len(" ".join([*kept, text(value)])) > _MOST_CHARACTERS:
            break
        kept.append(text(value))
    line = " ".join(kept)
    line = line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 3] + "..."
    return line, f"and {len(values) - len(kept):,} more" if len(values) > len(kept) else ""


def _step(values: Sequence[Any], step: int) -> str:
    return text(values[step]) if step < len(values) else ""
