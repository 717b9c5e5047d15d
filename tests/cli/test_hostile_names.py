"""Names, values and paths from data: no command, error, log line or page prints them without escapes."""

import json
import pickle
import random

import pytest
import yaml

from cli.conftest import Place
from lengthwise.errors import ConfigError, LengthwiseError
from lengthwise.printable_text import visible, visible_json, visible_lines
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import Example, SequenceExample

ESCAPES = "\x1b]8;;evil\x07\x1b[2J\x9b31m\r\u202e\u2066\u200b\x7f"
HOSTILE = f"{ESCAPES}\n[link=http://evil]x[/link] price[usd] :warning: <b>"
PATH = HOSTILE.replace("/", "_")
CONFIG = """\
inputs: {{files: {files}}}
columns:
  - {{kind: vocabulary, key: {word}, vocabulary_file: words.txt, oov: error}}
  - {{kind: numeric, key: {number}, min_value: 0}}
  - {{kind: context, key: {name}, dtype: string}}
buckets: {{boundaries: [4, 8]}}
output: {{path: {output}}}
limits: {{rejected_fraction: 0.9, damaged_files: 1}}
"""


def _record(length: int, value: str, first: float = 0.0) -> bytes:
    record = SequenceExample()
    record.context.feature["name" + HOSTILE].bytes_list.value.append(HOSTILE.encode())
    for step in range(length):
        record.feature_lists.feature_list["word" + HOSTILE].feature.add().bytes_list.value.append(value.encode())
        record.feature_lists.feature_list["price[/usd]" + HOSTILE].feature.add().float_list.value.append(first + step)
    return record.SerializeToString(deterministic=True)


@pytest.fixture
def hostile(tmp_path, monkeypatch) -> Place:
    """Raw data, a configuration and paths with such names everywhere."""
    folder = tmp_path / f"in {PATH}"
    place = Place(folder)
    place.raw.mkdir(parents=True)
    entry = HOSTILE.replace("\n", "").replace("\r", "")
    (folder / "words.txt").write_text(f"{entry}\nother\n")
    rng = random.Random(3)
    good = [_record(rng.randint(1, 8), "other") for _ in range(50)]
    content = frame([*good, _record(3, entry, -1.0), _record(3, HOSTILE), b"\xff" * 9])
    (place.raw / f"a{PATH}.tfrecord").write_bytes(content)
    (place.raw / "damaged.tfrecord").write_bytes(content[:-3])
    example = Example()
    example.features.feature["flat" + HOSTILE].int64_list.value.extend([1, 2, 3])
    (folder / "examples").write_bytes(frame([example.SerializeToString()] * 3))
    names = {"word": "word" + HOSTILE, "number": "price[/usd]" + HOSTILE, "name": "name" + HOSTILE}
    places = {"files": "raw/*", "output": "prepared" + PATH}
    (folder / "job.yaml").write_text(CONFIG.format(**{key: json.dumps(v) for key, v in {**names, **places}.items()}))
    (folder / "wrong.yaml").write_text(f"columns: []\n{json.dumps(HOSTILE)}: {json.dumps(HOSTILE)}\n")
    monkeypatch.chdir(folder)
    return place


PREPARED = "prepared" + PATH
COMMANDS: dict[str, tuple[list[str], int]] = {
    "prepare": (["prepare", "job.yaml", "--workers", "1", "--overwrite"], 0),
    "prepare as events": (["prepare", "job.yaml", "--workers", "1", "--overwrite", "--json"], 0),
    "prepare again": (["prepare", "job.yaml", "--workers", "1"], 0),
    "a limit is broken": (["prepare", "job.yaml", "--set", "limits.rejected_fraction=0", "-o", f"x{ESCAPES}"], 1),
    "the same as events": (
        ["prepare", "job.yaml", "--set", "limits.rejected_fraction=0", "-o", f"x{ESCAPES}", "--json"],
        1,
    ),
    "check": (["check", "job.yaml", "--workers", "1"], 0),
    "check as JSON": (["check", "job.yaml", "--workers", "1", "--json"], 0),
    "check finds too much": (["check", "job.yaml", "--set", "limits.damaged_files=0", "--workers", "1"], 1),
    "plan": (["plan", "job.yaml", "--workers", "1"], 0),
    "plan as JSON": (["plan", "job.yaml", "--workers", "1", "--json"], 0),
    "inspect": (["inspect", PREPARED], 0),
    "inspect as JSON": (["inspect", PREPARED, "--json"], 0),
    "inspect a sequence": (["inspect", PREPARED, "--record", "1"], 0),
    "inspect a raw file": (["inspect", "raw/damaged.tfrecord", "--count", "60"], 0),
    "inspect a raw file as JSON": (["inspect", "raw/damaged.tfrecord", "--json"], 0),
    "inspect a raw record": (["inspect", "raw/damaged.tfrecord", "--record", "0"], 0),
    "inspect a damaged record": (["inspect", f"raw/a{PATH}.tfrecord", "--record", "52"], 1),
    "inspect examples": (["inspect", "examples"], 0),
    "inspect an example": (["inspect", "examples", "--record", "1"], 0),
    "inspect another split": (["inspect", PREPARED, "--split", HOSTILE], 2),
    "verify": (["verify", PREPARED], 0),
    "verify as JSON": (["verify", PREPARED, "--json"], 0),
    "rejects": (["rejects", PREPARED], 0),
    "rejects as JSON": (["rejects", PREPARED, "--json"], 0),
    "rejects of no such column": (["rejects", PREPARED, "--column", "none" + HOSTILE], 2),
    "rejects of no such reason": (["rejects", PREPARED, "--reason", HOSTILE], 2),
    "extract": (["rejects", PREPARED, "--extract", f"extract{ESCAPES}"], 0),
    "report": (["report", PREPARED, "-o", f"page{ESCAPES}.html", "--compare", PREPARED], 0),
    "init": (["init", "raw/*"], 0),
    "init into a file": (["init", "examples", "-o", f"draft{ESCAPES}.yaml"], 0),
    "init of nothing": (["init", f"nothing{PATH}"], 2),
    "a wrong configuration": (["check", "wrong.yaml"], 2),
    "a wrong setting": (["check", "job.yaml", "--set", f"{HOSTILE}=1"], 2),
    "a wrong option": (["check", "job.yaml", f"--{HOSTILE}"], 2),
    "a wrong command": ([f"chekc{HOSTILE}"], 2),
    "a wrong runner": (["check", "job.yaml", "--", f"--runner={HOSTILE}"], 2),
    "a missing input": (["check", "job.yaml", f"missing{PATH}"], 2),
    "a missing configuration": (["check", f"missing{PATH}"], 2),
    "a missing data set": (["verify", f"missing{PATH}"], 2),
    "schema": (["schema"], 0),
}


def test_nothing_from_data_reaches_the_terminal_as_it_is(hostile, lengthwise) -> None:
    for name, (arguments, code) in COMMANDS.items():
        result = lengthwise(*arguments, code=code)
        raw = sorted({char for char in result.output if not char.isprintable()} - {"\n"})
        assert raw == [], (name, raw, result.output)
        assert "unexpected error" not in result.output, (name, result.output)
        if "--json" in arguments:
            lines = result.stdout.splitlines() if arguments[0] in ("prepare", "check", "verify") else [result.stdout]
            assert all(json.loads(line) for line in lines), name
            assert code == 0 or result.stderr == "", name


def test_markup_stands_as_it_is_and_json_has_the_true_names(hostile, lengthwise) -> None:
    lengthwise("prepare", "job.yaml", "--workers", "1", "-q")
    shown = lengthwise("inspect", PREPARED, "--record", "0").stdout
    assert "[link=http://evil]x[/link]" in "".join(shown.split())
    assert ":warning:" in shown
    content = json.loads(lengthwise("inspect", PREPARED, "--json").stdout)
    assert set(content["sequences"][0]["steps"]) == {"word" + HOSTILE, "price[/usd]" + HOSTILE}
    assert content["folder"] == PREPARED
    rejects = json.loads(lengthwise("rejects", PREPARED, "--json").stdout)["rejects"]
    assert {reject["column"] for reject in rejects} == {"", "word" + HOSTILE, "price[/usd]" + HOSTILE}
    page = (hostile.folder / PREPARED / "report.html").read_text()
    assert {char for char in page if not char.isprintable()} <= {"\n"}


def test_a_draft_on_standard_output_is_the_draft_in_a_file_and_has_the_true_names(hostile, lengthwise) -> None:
    for files in (["raw/*"], ["examples"]):
        printed = lengthwise("init", *files).stdout
        lengthwise("init", *files, "-o", "draft.yaml", "--overwrite")
        assert (hostile.folder / "draft.yaml").read_text() == printed
        keys = {column["key"] for column in yaml.safe_load(printed)["columns"]}
        assert keys <= {name + HOSTILE for name in ("word", "price[/usd]", "name", "flat")}
        assert keys


def test_lines_of_a_message_are_ours_alone() -> None:
    assert visible("a\nb\tc\x1b") == "a\\nb\\tc\\x1b"
    assert visible_lines("a\nb\u202e") == "a\nb\\u202e"
    assert json.loads(visible_json({HOSTILE: [HOSTILE, 1.5, None, "\U000e0041"]}, 2)) == {
        HOSTILE: [HOSTILE, 1.5, None, "\U000e0041"]
    }
    assert visible_json(HOSTILE + "\U000e0041é").isprintable()


@pytest.mark.parametrize("kind", [LengthwiseError, *LengthwiseError.__subclasses__()])
def test_errors_are_visible_in_python_too(kind) -> None:
    assert str(kind("one\x1b", "two\nthree")) == "one\\x1b\ntwo\n  three"
    assert str(pickle.loads(pickle.dumps(kind("one", "two")))) == "one\ntwo"
    assert issubclass(ConfigError, ValueError)
