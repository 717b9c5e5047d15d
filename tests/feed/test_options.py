"""Options: one value or its fields, with the same messages; the signature of the readers shows them."""

import inspect
import re
from typing import Any

import pytest

import lengthwise as lw
from feed.conftest import Data, Source
from lengthwise.errors import ConfigError, ConfigTypeError

MISTAKES = [
    ({"batch_step": 8}, "batch_step: expected a known field, received 'batch_step'; did you mean 'batch_steps'?"),
    ({"batch_steps": 8, "shufle": True}, "did you mean 'shuffle'?"),
    ({}, "expected either batch_steps (padded steps per batch) or batch_size (rows per batch)"),
    ({"batch_steps": 8, "batch_size": 8}, "expected either batch_steps"),
    ({"batch_steps": 0}, "batch_steps: expected at least 1, received 0"),
    ({"batch_steps": 8, "index": 1}, "expected an index below num_shards (1), received 1"),
]


@pytest.mark.parametrize(("fields", "message"), MISTAKES)
def test_a_mistake_is_the_same_error_in_every_form(data: Data, fields: dict[str, Any], message: str) -> None:
    for make in (
        lambda: lw.Options(**fields),
        lambda: lw.read_prepared(data.folders["block"], **fields),
        lambda: lw.open(data.folders["block"]).read(**fields),
        lambda: lw.read_raw(data.files, columns=[], options=lw.Options(**fields)),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            make()


def test_options_of_another_type_are_refused(data: Data) -> None:
    with pytest.raises(ConfigError, match=re.escape("options: expected lengthwise.Options(...), received")):
        lw.read_prepared(data.folders["block"], options={"batch_steps": 8})  # type: ignore[arg-type]


def test_other_settings_are_checked_on_creation() -> None:
    with pytest.raises(ConfigTypeError, match="Service: address: expected text, received 1; put it in quotes"):
        lw.Service(address=1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="Cache: max_bytes: expected at least 1, received 0"):
        lw.Cache(max_bytes=0)


def test_a_value_and_fields_give_the_same_batches(source: Source) -> None:
    options = lw.Options(batch_steps=256, seed=3, features=["record"])
    fields: dict[str, Any] = {"batch_steps": 256, "seed": 3, "features": ["record"]}
    given, named, changed = (
        [batch["record"].numpy().tolist() for batch in dataset]
        for dataset in (
            source.read(options=options),
            source.read(**fields),
            source.read(options=options.model_copy(update={"seed": 7}), seed=3),
        )
    )
    assert given == named == changed


def test_the_readers_show_every_field_of_the_options() -> None:
    for reader in (lw.read_prepared, lw.read_raw):
        shown = inspect.signature(reader).parameters
        assert "fields" not in shown
        assert {name: shown[name].default for name in lw.Options.model_fields} == {
            name: field.default for name, field in lw.Options.model_fields.items()
        }
        assert str(shown["seed"]) == "seed: int | None = 0"
