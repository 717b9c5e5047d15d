"""Converts pydantic's errors to the form of all configuration errors: expected ..., received ...; what to do.

Used for columns created in Python (`Spec.make`) and for YAML files (`lengthwise.config`).
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

AS_LIST, AS_MAPPING = "as a list", "as a mapping"
"""Tags of the alternatives of a field; they are not part of its path."""

EXPECTED_COLUMN = "expected a column of lengthwise, such as one from sequence_categorical_column_with_identity"

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
    "string_too_short": "text of at least {min_length} character",
    "string_type": "text",
    "too_long": "at most {max_length} entries",
    "too_short": "at least {min_length} entry",
    "tuple_type": "a list",
}


class FieldError(ValueError):
    """A violation of a rule about several fields; `field` is the path from the model to the field to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def is_of_wrong_type(error: ValidationError) -> bool:
    """Whether a value has a wrong type, in contrast to a wrong value of the right type."""
    return any(detail["type"].endswith("_type") for detail in error.errors(include_url=False))


def explain_all(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """Each mistake as `path: expected ...`, in the order of the fields; without a path if it is about the whole."""
    located = [(*_locate(model, detail["loc"]), detail) for detail in error.errors(include_url=False)]
    paths = [path for path, _, _ in located]
    mistakes = []
    for path, owner, detail in located:
        # pydantic also reports a list as too short if all of its entries are wrong
        if detail["type"] == "too_short" and any(other.startswith(f"{path}[") for other in paths):
            continue
        path, text = _explain(path, owner, detail)
        mistakes.append(f"{path}: {text}" if path else text)
    return list(dict.fromkeys(mistakes))


def did_you_mean(word: Any, known: Iterable[str]) -> str:
    """`did you mean 'x'?` with the most similar known word, or a list of all known words if none is similar."""
    known = sorted(known)
    similar = difflib.get_close_matches(str(word).lower(), known, n=1, cutoff=0.6)
    similar = similar or [name for name in known if len(name) > 3 and name in str(word).lower()]
    if similar:
        return f"did you mean {similar[0]!r}?"
    return f"allowed here: {', '.join(known)}" if known else ""


def show(value: Any) -> str:
    """A received value as in YAML, shortened."""
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
                return path, f"{EXPECTED_COLUMN}, received {show(value)}"
            return _join(path, "kind"), "expected the kind of column, received nothing; add `kind: ...`"
        case "missing":
            return path, f"expected a value, received nothing; add `{path.rpartition('.')[2]}: ...`"
        case "callable_type":
            return path, f"expected a function, which is possible only in Python, received {show(value)}; leave it out"
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
    """The path without the tags that pydantic adds for unions, and the model that the last field belongs to."""
    path, models = "", [model]
    owner: type[BaseModel] | None = model
    for part in location:
        if part in (AS_LIST, AS_MAPPING):
            continue
        tagged = [model for model in models if _kind(model) == part] if len(models) > 1 else []
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.startswith("("):  # the tag of a type that is not a model
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
