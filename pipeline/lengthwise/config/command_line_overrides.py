"""Values of the command line that replace those of the YAML file."""

from collections.abc import Mapping
from typing import Any

from lengthwise.config.buckets_section import PLANNING

# The fields that an override removes because they exclude it.
_EXCLUDED = {
    "inputs.files": ("inputs.by_split",),
    "inputs.by_split": ("inputs.files", "splits.fractions", "splits.key"),
    "splits.fractions": ("inputs.by_split",),
    "buckets.boundaries": ("buckets.pairs", *(f"buckets.{name}" for name in PLANNING)),
    "buckets.pairs": ("buckets.boundaries", *(f"buckets.{name}" for name in PLANNING)),
    **{f"buckets.{name}": ("buckets.boundaries", "buckets.pairs") for name in PLANNING if name != "sample"},
}


def with_overrides(content: Mapping[str, Any], overrides: Mapping[str, object]) -> dict[str, Any]:
    """`content` with the overrides, which are dotted paths or nested mappings; None changes nothing."""
    flat = _flatten(overrides)
    result: dict[str, Any] = dict(content)
    for path in flat:
        for excluded in _EXCLUDED.get(path, ()):
            if excluded not in flat:
                result = _removed(result, excluded.split("."))
    for path, value in flat.items():
        result = _replaced(result, path.split("."), value)
    return result


def _flatten(overrides: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, value in overrides.items():
        if isinstance(value, Mapping) and f"{prefix}{name}" not in ("inputs.by_split", "splits.fractions"):
            flat.update(_flatten(value, f"{prefix}{name}."))
        elif value is not None:
            flat[f"{prefix}{name}"] = value
    return flat


def _replaced(content: object, path: list[str], value: object) -> dict[str, Any]:
    inner = content if isinstance(content, Mapping) else {}
    [name, *rest] = path
    return {**inner, name: _replaced(inner.get(name), rest, value) if rest else value}


def _removed(content: dict[str, Any], path: list[str]) -> dict[str, Any]:
    [name, *rest] = path
    if name not in content:
        return content
    if not rest:
        return {key: value for key, value in content.items() if key != name}
    inner = content[name]
    return {**content, name: _removed(inner, rest)} if isinstance(inner, dict) else content
