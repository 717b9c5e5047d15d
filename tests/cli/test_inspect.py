"""`lengthwise inspect` shows the contents of a data set or a raw file as written."""

import gzip
import json
import random
import re

import pytest

from cli.conftest import RECORDS, make_record
from lengthwise.records.container.frame_reading import read_blocks
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import Example, SequenceExample
from lengthwise_cli.sequence_display import cell_text
from records.messages import header


def _raw(original) -> dict[str, SequenceExample]:
    """The raw records by name."""
    records = {}
    for path in original.raw.iterdir():
        with open(path, "rb") as stream:
            for block in read_blocks(stream):
                for data in block.records:
                    record = SequenceExample.FromString(data)
                    records[record.context.feature["name"].bytes_list.value[0].decode()] = record
    return records


def _steps(record, key: str, kind: str) -> list:
    values = [list(getattr(step, kind).value) for step in record.feature_lists.feature_list[key].feature]
    return [value[0] if len(value) == 1 else value for value in values]


def test_every_sequence_comes_back_as_its_raw_record_was(original, lengthwise) -> None:
    sequences = json.loads(lengthwise("inspect", original.prepared, "--json", "-n", RECORDS).stdout)["sequences"]
    raw = _raw(original)
    assert len(sequences) == RECORDS - 1
    assert [sequence["number"] for sequence in sequences] == list(range(RECORDS - 1))
    for sequence in sequences:
        record = raw[sequence["context"]["name"][0]]
        words = [word.decode() for word in _steps(record, "words", "bytes_list")]
        assert sequence["steps"]["words"] == [word if word != "mauve" else "(oov 0)" for word in words]
        assert sequence["ids"]["words"] == [["red", "green", "blue", "mauve"].index(word) for word in words]
        assert sequence["steps"]["x"] == pytest.approx(_steps(record, "x", "float_list"))
        assert sequence["steps"]["box"] == _steps(record, "box", "float_list")
        assert sequence["context"]["label"] == [record.context.feature["label"].int64_list.value[0]]
        assert sequence["length"] == len(words) <= sequence["bucket"]


def test_a_data_set_in_tables(original, lengthwise) -> None:
    text = lengthwise("inspect", original.prepared, "-n", "2").stdout
    assert f"{RECORDS - 1} sequences (eval " in text
    assert f"layout {original.manifest['layout']}, gzip" in text
    for feature in ("words +vocabulary +4 ids", r"box +numeric +float32 \[2\]", "label +context +int64"):
        assert re.search(feature, text), text
    assert re.search(r"lengths: 1 to 16 steps, median \d+, 95% up to \d+", text)
    assert re.findall(r"^#(\d+): ", text, re.MULTILINE) == ["0", "1"]


def test_bucket_and_split_choose(original, lengthwise) -> None:
    command = ["inspect", original.prepared, "--bucket", "8", "--split", "eval", "-n", RECORDS, "--json"]
    sequences = json.loads(lengthwise(*command).stdout)["sequences"]
    expected = [s for s in original.manifest["shards"] if s["split"] == "eval" and s["bucket"] == 1]
    assert len(sequences) == sum(shard["sequences"] for shard in expected) > 0
    assert {(sequence["bucket"], sequence["split"]) for sequence in sequences} == {(8, "eval")}
    assert all(4 < sequence["length"] <= 8 for sequence in sequences)


@pytest.mark.parametrize("number", [0, 7, 100, RECORDS - 2])
def test_one_record_shows_all_of_its_steps(number: int, original, lengthwise) -> None:
    [sequence] = json.loads(lengthwise("inspect", original.prepared, "--record", number, "--json").stdout)["sequences"]
    assert sequence["number"] == number
    text = lengthwise("inspect", original.prepared, "--record", number).stdout
    assert f"#{number}: {sequence['length']} steps" in text
    rows = [line.split() for line in text.splitlines() if re.match(r"\d+ ", line)]
    assert [row[0] for row in rows] == [str(step) for step in range(sequence["length"])]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--record", "9999"], "--record: expected a number below 199, received 9,999"),
        (["--bucket", "5"], "--bucket: expected one of the boundaries 4, 8, 16, received 5"),
        (["--split", "tset"], "--split: expected one of eval, train, received 'tset'"),
    ],
)
def test_a_selection_without_sequences_is_reported(options: list[str], message: str, original, lengthwise) -> None:
    assert message in lengthwise("inspect", original.prepared, *options, code=2).stderr


def test_a_raw_file_needs_no_configuration(original, lengthwise) -> None:
    content = json.loads(lengthwise("inspect", original.raw / "b.tfrecord", "--json", "-n", "1").stdout)
    assert (content["format"], content["records"], content["damage"]) == ("sequence_example", 100, {})
    assert content["sequences"]["words"]["kinds"].keys() == {"bytes_list"}
    assert content["context"]["label"]["records"] == 100
    assert content["examples"][0]["context"]["name"] == ["record 100"]
    text = lengthwise("inspect", original.raw / "b.tfrecord").stdout
    assert "100 records, inputs.format sequence_example" in text
    assert re.search(r"box +sequence +float_list +100", text)


def test_a_raw_file_of_examples(tmp_path, lengthwise) -> None:
    example = Example()
    example.features.feature["ids"].int64_list.value.extend([3, 1, 2])
    (tmp_path / "raw").write_bytes(frame([example.SerializeToString()]))
    content = json.loads(lengthwise("inspect", tmp_path / "raw", "--json").stdout)
    assert content["format"] == "example"
    assert content["examples"][0]["context"] == {"ids": [3, 1, 2]}


def test_a_prepared_shard_is_a_file_too(original, lengthwise) -> None:
    shard = original.prepared / original.manifest["shards"][0]["path"]
    assert "sequence_length" in lengthwise("inspect", shard).stdout


def test_damage_is_counted_and_the_rest_shown(tmp_path, lengthwise) -> None:
    rng = random.Random(3)
    content = bytearray(frame(make_record(3, rng, f"record {number}") for number in range(4)))
    content[20] ^= 1
    (tmp_path / "raw").write_bytes(content[:-5])
    content = json.loads(lengthwise("inspect", tmp_path / "raw", "--json").stdout)
    assert content["damage"] == {"damaged_record": 1, "damaged_file": 1}
    assert [example["number"] for example in content["examples"]] == [1, 2]
    assert "record 0 cannot be read" in lengthwise("inspect", tmp_path / "raw", "--record", "0", code=1).stderr


def test_records_that_cannot_be_parsed_are_reported_among_the_others(tmp_path, lengthwise) -> None:
    rng = random.Random(3)
    records = [make_record(3, rng, "one"), b"\xff\xff", make_record(2, rng, "two")]
    (tmp_path / "raw").write_bytes(frame(records))
    text = lengthwise("inspect", tmp_path / "raw").stdout
    assert "1 of all records cannot be parsed, or are of another format" in text
    assert re.findall(r"^#(\d+): (\w+ \w+)", text, re.MULTILINE) == [
        ("0", "3 steps"),
        ("1", "cannot be"),
        ("2", "2 steps"),
    ]
    content = json.loads(lengthwise("inspect", tmp_path / "raw", "--json").stdout)
    assert (content["records"], content["unusable"], content["damage"]) == (3, 1, {})
    assert [example["number"] for example in content["examples"]] == [0, 2]
    lone = lengthwise("inspect", tmp_path / "raw", "--record", "1", code=1).stderr
    assert "record 1 cannot be read: expected a tf.SequenceExample or a tf.Example, received neither" in lone


def test_text_cannot_move_the_cursor(tmp_path, lengthwise) -> None:
    hostile = make_record(2, random.Random(4), "\x1b[2J[bold red]x[/]\x07")
    (tmp_path / "raw").write_bytes(frame([hostile]))
    text = lengthwise("inspect", tmp_path / "raw").stdout
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "\\x1b[2J[bold red]x[/]" in text


@pytest.mark.parametrize("wrap", [bytes, gzip.compress])
@pytest.mark.parametrize("claimed", [2**31 - 1, 2**39, 2**63, 2**64 - 1])
def test_a_file_that_claims_more_than_it_holds_is_damaged(claimed, wrap, place, lengthwise) -> None:
    path = place.raw / "c.tfrecord"
    path.write_bytes(wrap(header(claimed) + b"abc"))
    commands = {
        ("inspect", path): 1,
        ("inspect", path, "--record", "0"): 1,
        ("init", path): 1,
        ("init", path, place.raw / "a.tfrecord"): 0,
        ("check", place.job, "--workers", "1", "--set", f"limits.max_record_bytes={min(claimed, 2**62)}"): 1,
        ("check", place.job, "--workers", "1", "--set", "limits.damaged_files=1"): 0,
    }
    for arguments, code in commands.items():
        assert "unexpected error" not in lengthwise(*arguments, code=code).output


def test_a_file_without_records_is_reported(tmp_path, lengthwise) -> None:
    (tmp_path / "notes").write_text("hello, this is no TFRecord file")
    assert "found no record that can be read" in lengthwise("inspect", tmp_path / "notes", code=1).stderr
    (tmp_path / "empty").write_bytes(b"")
    lengthwise("inspect", tmp_path / "empty", code=1)


def test_large_strings_are_shown_by_their_start() -> None:
    assert cell_text(b"a" * 200) == "a" * 200
    assert cell_text(b"\xff\xd8" + bytes(10_000)).endswith("... (10,002 bytes)")
    assert len(cell_text([b"\xff" * 10_000] * 2)) < 600
