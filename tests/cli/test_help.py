"""Help, suggestions and completion: the same in every command."""

import json
import os
import subprocess
import sys

import click
import pytest

from lengthwise_cli.command_group import COMMANDS
from lengthwise_cli.main import main


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_it_does_with_an_example(name: str, lengthwise) -> None:
    text = lengthwise(name, "--help").stdout
    assert "Example" in text
    assert f"lengthwise {name}" in text
    assert "Options:" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_says_what_it_is_for(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_the_commands_are_listed_in_the_order_of_their_use(lengthwise) -> None:
    text = lengthwise("--help").stdout
    places = [text.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert "130 interrupted" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepar"], "no such command 'prepar'; did you mean prepare?"),
        (["verfy", "x"], "did you mean verify?"),
        (["zzz"], "the commands are: init, plan, check, prepare"),
        (["prepare", "job.yaml", "--outptu", "x"], "Did you mean '--output'?"),
        (["prepare"], "Missing argument 'CONFIG'"),
        (["prepare", "job.yaml", "--workers", "0"], "0 is not in the range x>=1"),
        (["inspect"], "Missing argument 'DIR|FILE'"),
        (["rejects", "x", "--reason", "out_of_vocabulry"], "did you mean out_of_vocabulary?"),
        (["init"], "Missing argument 'FILES...'"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_a_hint(arguments: list[str], message: str, lengthwise) -> None:
    assert message in lengthwise(*arguments, code=2).stderr


def _complete(shell_call: str, **words: str) -> list[str]:
    environment = {**os.environ, "_LENGTHWISE_COMPLETE": shell_call, **words}
    command = [sys.executable, "-m", "lengthwise_cli"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_shell_completes_commands_and_options() -> None:
    assert any("_LENGTHWISE_COMPLETE=bash_complete" in line for line in _complete("bash_source"))
    assert _complete("bash_complete", COMP_WORDS="lengthwise pr", COMP_CWORD="1") == ["plain,prepare"]
    options = _complete("bash_complete", COMP_WORDS="lengthwise prepare job.yaml --o", COMP_CWORD="3")
    assert "plain,--overwrite" in options


def test_the_schema_is_that_of_configurations(lengthwise) -> None:
    schema = json.loads(lengthwise("schema").stdout)
    assert {"inputs", "columns", "buckets", "output"} <= set(schema["properties"])
