"""Help, suggestions and completion: the same in every command."""

import json

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
    options = [one for one in command.params if isinstance(one, click.Option)]
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
        (["zzz"], "there are: init, plan, check, prepare"),
        (["prepare", "job.yaml", "--outptu", "x"], "Did you mean '--output'?"),
        (["prepare"], "Missing argument 'CONFIG'"),
        (["prepare", "job.yaml", "--workers", "0"], "0 is not in the range x>=1"),
        (["inspect"], "Missing argument 'DIR|FILE'"),
        (["completion", "tcsh"], "'bash', 'zsh', 'fish'"),
        (["rejects", "x", "--reason", "out_of_vocabulry"], "did you mean out_of_vocabulary?"),
        (["init"], "Missing argument 'FILES...'"),
    ],
)
def test_wrong_usage_is_exit_code_2_with_a_hint(arguments: list[str], message: str, lengthwise) -> None:
    assert message in lengthwise(*arguments, code=2).stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_the_command_back(shell: str, lengthwise) -> None:
    assert "_LENGTHWISE_COMPLETE" in lengthwise("completion", shell).stdout


def test_the_shell_completes_commands_and_options() -> None:
    from click.shell_completion import ShellComplete

    complete = ShellComplete(main, {}, "lengthwise", "_LENGTHWISE_COMPLETE")
    assert [item.value for item in complete.get_completions([], "pr")] == ["prepare"]
    assert "--overwrite" in [item.value for item in complete.get_completions(["prepare", "job.yaml"], "--o")]


def test_the_schema_is_that_of_configurations(lengthwise) -> None:
    schema = json.loads(lengthwise("schema").stdout)
    assert {"inputs", "columns", "buckets", "output"} <= set(schema["properties"])
