"""What pydantic found wrong, in the words of all configuration errors: expected ..., received ...; what to do.

Serves columns made in Python (`Spec.make`) and the YAML file alike (`lengthwise.config`).
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

AS_LIST, AS_MAPPING = "as a list", "as a mapping"
"""Tags of what a field may be; they are no part of its path."""
_LONGEST = 60

_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "int_parsing_size": "an integer of at most 64 bits",
    "int_type": "an integer",
    "invalid_key": "text as a field's name",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_attributes_type": "a mapping with a `kind`",
    "model_type": "a mapping of fields",
    "missing": "a value",
    "string_too_short": "text of at least {min_length} character",
    "string_type": "text",
    "too_long": "at most {max_length} entries",
    "too_short": "at least {min_length} entry",
    "tuple_type": "a list",
}


class FieldError(ValueError):
    """A rule that spans several fields is broken; `field` names the one to blame, by its path from the model."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def is_of_wrong_type(error: ValidationError) -> bool:
    """Whether a value is of a wrong type, rather than a wrong value of the right one."""
    return any(detail["type"].endswith("_type") for detail in error.errors(include_url=False))


def explain_all(error: ValidationError, model: type[BaseModel]) -> list[tuple[str, str]]:
    """Each mistake as (path of the field, sentence), in the order of the fields; the path is empty for the whole."""
    found = [(*_locate(model, detail["loc"]), detail) for detail in error.errors(include_url=False)]
    paths = [path for path, _, _ in found]
    return list(
        dict.fromkeys(
            _explain(path, owner, detail)
            for path, owner, detail in found
            # a list of which every entry is wrong is not also too short
            if detail["type"] != "too_short" or not any(other.startswith(f"{path}[") for other in paths)
        )
    )


def did_you_mean(word: Any, known: Iterable[str]) -> str:
    """`did you mean 'x'?` for the nearest of the known words; otherwise all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(str(word).lower(), known, n=1, cutoff=0.6)
    near = near or [name for name in known if len(name) > 3 and name in str(word).lower()]
    return f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}" if known else ""


def show(value: Any) -> str:
    """A received value as it would stand in YAML, cut short."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict() if not value:
            return "an empty mapping"
        case dict():
            return _cut("a mapping of " + ", ".join(map(str, value)))
        case list() | tuple():
            return _cut("[" + ", ".join(show(item) for item in value[:_LONGEST]) + "]")
        case str() if len(value) > _LONGEST:
            return repr(value[:_LONGEST] + "...")
        case str():
            return repr(value)
        case _:
            return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _explain(path: str, owner: type[BaseModel] | None, detail: Any) -> tuple[str, str]:
    kind, value = detail["type"], detail["input"]
    context = detail.get("ctx", {})
    match kind:
        case "value_error":
            return _rule(path, context["error"], value)
        case "extra_forbidden":
            name = path.rpartition(".")[2]
            known = [field.alias or name for name, field in owner.model_fields.items()] if owner else []
            return path, f"expected a known field, received {name!r}; {did_you_mean(name, known)}"
        case "union_tag_invalid":
            kinds = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
            hint = did_you_mean(context["tag"], kinds)
            return _join(path, "kind"), f"expected a kind of column, received {context['tag']!r}; {hint}"
        case "union_tag_not_found":
            if not isinstance(value, Mapping):
                rule = "expected a column of lengthwise, such as sequence_categorical_column_with_identity makes"
                return path, f"{rule}, received {show(value)}"
            return _join(path, "kind"), "expected the kind of column, received nothing; add `kind: ...`"
        case "missing":
            return path, f"expected a value, received nothing; add `{path.rpartition('.')[2]}: ...`"
        case "callable_type":
            return path, f"expected a function, which only Python can give, received {show(value)}; leave it out"
    expected = _EXPECTED.get(kind, detail["msg"].removeprefix("Input should be ")).format(**context)
    return path, f"expected {expected}, received {show(value)}{_advice(kind, value, context)}"


def _advice(kind: str, value: Any, context: dict[str, Any]) -> str:
    if kind in ("string_type", "invalid_key") and isinstance(value, bool | int | float):
        return "; put it in quotes"
    if kind == "tuple_type" and isinstance(value, int | float):
        return f"; write [{value}]"
    if kind == "literal_error" and isinstance(value, str):
        known = [word.strip("' ") for word in context["expected"].replace(" or ", ",").split(",")]
        hint = did_you_mean(value, known)
        return f"; {hint}" if hint.startswith("did") else ""
    return ""


def _rule(path: str, error: Exception, value: Any) -> tuple[str, str]:
    message = str(error)
    if isinstance(error, FieldError):
        path = _join(path, error.field)
    if "received" not in message and "found" not in message and not isinstance(value, dict):
        message += f", received {show(value)}"
    return path, message


def _locate(model: type[BaseModel], location: tuple[str | int, ...]) -> tuple[str, type[BaseModel] | None]:
    """The path without the tags that pydantic adds for unions, and the model that should know the last field."""
    path, models = "", [model]
    owner: type[BaseModel] | None = model
    for part in location:
        if part in (AS_LIST, AS_MAPPING):
            continue
        tagged = [each for each in models if _kind(each) == part] if len(models) > 1 else []
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.startswith("("):  # the tag of a type that is no model
            continue
        elif tagged:
            models = tagged
        else:
            owner = models[0] if len(models) == 1 else None
            field = owner.model_fields.get(part) if owner else None
            models = list(_models(field.annotation)) if field else []
            path = _join(path, part)
    return path, owner


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _kind(model: type[BaseModel]) -> Any:
    field = model.model_fields.get("kind")
    return field.default if field else None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field's type mentions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
