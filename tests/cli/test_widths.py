"""Commands on terminals of 60, 80 and 100 columns: no line is too long, no word or number is broken inside."""

import ast
import os
import pty
import random
import re
import sys
import threading
from pathlib import Path

import click
import pytest

from lengthwise.buckets.boundary_text import boundaries_text
from lengthwise.manifest import load_manifest
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import SequenceExample
from lengthwise_cli.main import main

SEPARATORS = "_/-.:=,"
LONG = 24  # words up to this are never broken
KEYS = (
    "time_since_previous_interaction_with_recommendation_seconds",
    "customer_lifetime_converted_amount_in_minor_currency_units",
)
CONFIG = """
inputs: {{files: "{folder}/raw/*.tfrecord"}}
columns:
  - {{kind: numeric, key: {keys[0]}, max_value: 0.001}}
  - {{kind: numeric, key: {keys[1]}}}
  - {{kind: identity, key: watches, num_buckets: 1683}}
  - {{kind: vocabulary, key: converted, vocabulary_list: [purchased_subscription_premium_yearly], num_oov_buckets: 1}}
  - {{kind: context, key: converted_within_thirty_days_of_first_impression}}
  - {{kind: context, key: signed_up, dtype: int64}}
buckets: {{count: 40}}
output: {{path: "{folder}/prepared"}}
limits: {{rejected_fraction: 0.2}}
"""


def record(rng: random.Random, number: int) -> bytes:
    made = SequenceExample()
    context, lists = made.context.feature, made.feature_lists.feature_list
    context["converted_within_thirty_days_of_first_impression"].float_list.value.append(rng.random() * 0.2)
    context["signed_up"].int64_list.value.append(rng.randrange(880_000_000, 893_000_000))
    for _ in range(1 + number):
        lists[KEYS[0]].feature.add().float_list.value.append(rng.random() * 1e-3 if number % 20 else 77.25)
        lists[KEYS[1]].feature.add().float_list.value.append(rng.lognormvariate(10, 3))
        lists["watches"].feature.add().int64_list.value.append(rng.randrange(1683))
        word = rng.choice(["purchased_subscription_premium_yearly", "ø", "a word of several words"])
        lists["converted"].feature.add().bytes_list.value.append(word.encode())
    return made.SerializeToString()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("recommendation-service-records-of-2026-11-27")
    rng = random.Random(1)
    (folder / "raw").mkdir()
    for part in range(2):
        name = f"raw-records-of-the-recommendation-service-part-{part:05d}-of-00002.tfrecord"
        (folder / "raw" / name).write_bytes(frame([record(rng, number) for number in range(60)]))
    (folder / "job.yaml").write_text(CONFIG.format(folder=folder, keys=KEYS))
    lines_on_terminal(folder, 80, "prepare", "{folder}/job.yaml", "--workers", "1", "--quiet")
    return folder


def lines_on_terminal(folder: Path, columns: int | None, *arguments: str, stream: str = "stdout") -> list[str]:
    """The lines that a command writes to a terminal with so many columns; None: to a pipe."""
    controller, terminal = pty.openpty() if columns else os.pipe()
    read: list[bytes] = []

    def listen() -> None:
        try:
            while content := os.read(controller, 65536):
                read.append(content)
        except OSError:  # the other side of a terminal is closed
            pass

    listener = threading.Thread(target=listen)
    listener.start()
    with pytest.MonkeyPatch.context() as patch, os.fdopen(terminal, "w") as output:
        patch.setenv("COLUMNS", str(columns or 80))
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stderr" if stream == "stdout" else "stdout", open(os.devnull, "w"))  # noqa: SIM115
        patch.setattr(sys, stream, output)
        with pytest.raises(SystemExit):
            main.main([argument.format(folder=folder) for argument in arguments])
        output.flush()
    listener.join(30)
    os.close(controller)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", b"".join(read).decode())
    return text.replace("\r\n", "\n").split("\n")


def broken(lines: list[str], piped: list[str]) -> list[str]:
    """The words of the lines that do not occur in the piped lines; long words may break after a separator."""
    words = {word for line in piped for word in line.split()}
    long = [word for word in words if len(word) > LONG]
    return [
        word
        for line in lines
        for word in line.split()
        if "─" not in word
        and not any(
            one in words or any(_is_part(one, whole_word) for whole_word in long)
            for one in (word, word.removesuffix(":"))
        )
    ]


def _is_part(word: str, of: str) -> bool:
    places = [place for place in range(len(of)) if of.startswith(word, place)]
    ends = [(place, place + len(word)) for place in places]
    return any(
        (not at or of[at - 1] in SEPARATORS) and (end == len(of) or of[end - 1] in SEPARATORS) for at, end in ends
    )


COMMANDS = {
    "inspect": ("inspect", "{folder}/prepared"),
    "one sequence": ("inspect", "{folder}/prepared", "--record", "30"),
    "raw": ("inspect", "{folder}/raw/raw-records-of-the-recommendation-service-part-00000-of-00002.tfrecord"),
    "rejects": ("rejects", "{folder}/prepared"),
    "check": ("check", "{folder}/job.yaml", "--workers", "1"),
    "plan": ("plan", "{folder}/job.yaml", "--workers", "1"),
    "plan few": ("plan", "{folder}/job.yaml", "--workers", "1", "--count", "3"),
    "verify": ("verify", "{folder}/prepared"),
}
ERRORS = {
    "data": ("check", "{folder}/job.yaml", "--workers", "1", "--set", "limits.rejected_fraction=0"),
    "configuration": ("check", "{folder}/job.yaml", "--set", "buckets.count=many", "--set", "limits.files=3"),
    "usage": ("report", "{folder}/prepared"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_tables_and_messages_break_between_words(folder, name) -> None:
    piped = lines_on_terminal(folder, None, *COMMANDS[name])
    for columns in (60, 80, 100):
        lines = lines_on_terminal(folder, columns, *COMMANDS[name])
        assert broken(lines, piped) == []
        assert [line for line in lines if len(line) > columns and len(line.split()) > 1] == []
        assert len(" ".join(lines).split()) >= 10


@pytest.mark.parametrize("name", ERRORS)
def test_errors_break_between_words(folder, name) -> None:
    piped = lines_on_terminal(folder, None, *ERRORS[name], stream="stderr")
    for columns in (60, 80, 100):
        lines = lines_on_terminal(folder, columns, *ERRORS[name], stream="stderr")
        message = lines[next(place for place, line in enumerate(lines) if line.startswith("Error:")) :]
        assert [line for line in message if len(line) > columns and len(line.split()) > 1] == []
        assert broken(message, piped) == []


def test_help_fits_80_columns() -> None:
    context = click.Context(main, info_name="lengthwise", terminal_width=80)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        group = [command, *getattr(command, "commands", {}).values()]
        for command in group:
            text = command.get_help(click.Context(command, parent=context, info_name=command.name, terminal_width=80))
            assert [line for line in text.splitlines() if len(line) > 80] == []


def test_what_prepare_says_next_is_python_at_any_width(folder) -> None:
    for columns in (60, 80, 100):
        lines = lines_on_terminal(folder, columns, "prepare", "{folder}/job.yaml", "--workers", "1", "--overwrite")
        start = next(place for place, line in enumerate(lines) if line.startswith("lengthwise.open("))
        [statement] = ast.parse("\n".join(lines[start:])).body
        assert ast.literal_eval(statement.value.func.value.args[0]) == f"{folder}/prepared"
        assert len([line for line in lines if "batch_steps=8192" in line]) == 1


def test_a_long_table_of_buckets_is_shortened_in_the_middle_and_loses_no_sequence(folder) -> None:
    lines = lines_on_terminal(folder, 80, "inspect", "{folder}/prepared", "--count", "0")
    first = lines.index("Buckets") + 3
    rows = [line.split() for line in lines[first : lines.index("", first)]]
    assert len(rows) == 17
    assert rows[8][0] == "..."
    assert rows[8][2] == "more"
    manifest = load_manifest(str(folder / "prepared"))
    assert int(rows[8][1]) + 16 == len(manifest.boundaries) > 17
    assert sum(int(row[-3].replace(",", "")) for row in rows) == manifest.counts.sequences


@pytest.mark.parametrize(
    ("boundaries", "text"),
    [
        ((4,), "4"),
        (range(1, 13), ", ".join(map(str, range(1, 13)))),
        (range(1, 41), "1, 2, 3, 4, 5, 6, 7, 8, ... 37, 38, 39, 40"),
    ],
)
def test_many_boundaries_are_shortened_in_the_middle(boundaries, text) -> None:
    assert boundaries_text(boundaries) == text
