"""The JSON Schema accepts what the loader accepts, and matches the file next to the examples."""

import glob
import json
import os

import jsonschema
import pytest
import yaml

from config.mistakes import MISTAKES
from lengthwise.config import config_schema, load_config

CONFIGS = os.path.join(os.path.dirname(__file__), "..", "..", "configs")
EXAMPLES = sorted(glob.glob(f"{CONFIGS}/*.yaml"))

# What a schema of single fields can see; rules between fields are the loader's.
SEEN_BY_EDITORS = {
    "no columns",
    "columns text",
    "column text",
    "kind missing",
    "kind typo",
    "key missing",
    "key number",
    "field typo",
    "section typo",
    "nested typo",
    "dtype unknown",
    "num buckets zero",
    "num buckets text",
    "oov typo",
    "embedding of numbers",
    "format typo",
    "compression",
    "count zero",
    "boundaries zero",
    "rejected percent",
    "shuffle bool",
    "section list",
}


def _problems(text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(config_schema())
    return [error.message for error in validator.iter_errors(yaml.safe_load(text))]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(config_schema())


def test_the_schema_beside_the_examples_is_the_current_one() -> None:
    with open(f"{CONFIGS}/lengthwise.schema.json", encoding="utf-8") as file:
        assert json.load(file) == config_schema(), "write it again: lengthwise schema > configs/lengthwise.schema.json"


@pytest.mark.parametrize("path", EXAMPLES, ids=os.path.basename)
def test_examples_load_and_fit_the_schema(path) -> None:
    load_config(path)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert text.startswith("# yaml-language-server: $schema=lengthwise.schema.json\n")
    assert _problems(text) == []


def test_the_examples_show_every_kind_of_column_and_every_field() -> None:
    definitions = config_schema()["$defs"]
    with open(f"{CONFIGS}/every_column.yaml", encoding="utf-8") as file:
        text = file.read()
    for name, definition in definitions.items():
        for field, rules in definition["properties"].items():
            assert field in text or field == "normalizer_fn", (name, field)
            assert rules.get("const", "") in text


@pytest.mark.parametrize("mistake", [each for each in MISTAKES if each.name in SEEN_BY_EDITORS], ids=lambda m: m.name)
def test_editors_see_mistakes_too(mistake) -> None:
    assert _problems(mistake.yaml) != []


def test_every_field_is_described() -> None:
    schema = config_schema()
    missing = [
        f"{name}.{field}"
        for name, definition in schema["$defs"].items()
        for field, rules in definition["properties"].items()
        if "description" not in rules and "$ref" not in rules and field != "kind"
    ]
    assert missing == []
