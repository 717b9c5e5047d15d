"""A wrong key ends a run after thousands of records, not after two passes, and the message names the existing keys."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import CONFIG, Place, make_record
from lengthwise.columns import sequence_numeric_column
from lengthwise.config import load_config
from lengthwise.errors import ConfigError, DataLimitError
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import Example

KEYS = "The records have the feature lists 'box', 'words', 'x' and the features 'label', 'name'; did you mean 'words'?"
FILES, EACH = 6, 1500


def _place(folder: Path, files: int, each: int, key: str = "wrods") -> Place:
    rng = random.Random(1)
    (folder / "raw").mkdir(parents=True)
    records = [make_record(rng.randint(1, 8), rng, "one") for _ in range(100)]
    for number in range(files):
        (folder / "raw" / f"{number}.tfrecord").write_bytes(frame((records * (each // 100 + 1))[:each]))
    text = CONFIG.format(folder=folder, layout="example", fraction=0.01).replace("key: words", f"key: {key}")
    (folder / "job.yaml").write_text(text)
    return Place(folder)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """9,000 records in 6 files, and a configuration that names a feature that none of them has."""
    return _place(tmp_path_factory.mktemp("large"), FILES, EACH)


def test_the_job_stops_before_its_first_pass(large, lengthwise) -> None:
    for command in (["prepare"], ["plan"], ["check"], ["prepare", "--overwrite"]):
        error = lengthwise(*command, large.job, "--workers", "1", code=1).stderr
        assert "records, of 4 files, were all rejected for missing_feature of column 'wrods' (" in error
        assert "0.tfrecord, record 0: expected the feature, the record has none), so no more was read." in error
        assert KEYS in error
        assert "limits.stop_after_rejected: 0 reads on" in error
        assert int(error.split("the first ")[1].split(" ")[0].replace(",", "")) in range(4096, 4096 + 1024)
    assert not large.prepared.exists()


def test_check_gives_its_usual_result(large, lengthwise) -> None:
    result = json.loads(lengthwise("check", large.job, "--json", code=1).stdout.splitlines()[-1])
    assert (result["event"], result["passed"], result["valid"]) == ("result", False, 0)
    assert KEYS in result["fault"]
    assert result["rejected"] == {"missing_feature": result["read"]}
    assert [one["column"] for one in result["examples"]] == ["wrods"] * 3


@pytest.mark.parametrize(
    "setting", ["limits.stop_after_rejected=0", "limits.stop_after_rejected=9000", "limits.rejected_fraction=1"]
)
def test_limits_can_disable_the_stop(setting: str, large, lengthwise) -> None:
    arguments = ["--set", setting, "--workers", "1", "--json"]
    code = 0 if "fraction" in setting else 1
    result = json.loads(lengthwise("check", large.job, *arguments, code=code).stdout.splitlines()[-1])
    assert result["read"] == FILES * EACH
    assert code == 0 or KEYS.removesuffix("?") in result["fault"]


def test_small_inputs_are_read_to_their_end_and_the_keys_are_listed(tmp_path, lengthwise) -> None:
    place = _place(tmp_path, 3, 20)
    for command in ("check", "prepare"):
        error = lengthwise(command, place.job, "--workers", "1", code=1).stderr
        assert "60 of 60 records were rejected (missing_feature 60)" in error
        assert KEYS in error
    assert len(json.loads(lengthwise("rejects", place.prepared, "--json").stdout)["examples"]) == 3


def test_one_valid_record_or_another_reason_is_enough_to_continue(tmp_path, lengthwise) -> None:
    place = _place(tmp_path, 4, 1500, key="words")
    nan = make_record(3, random.Random(2), "nan", float("nan"))
    long = make_record(30, random.Random(2), "long")
    good = make_record(3, random.Random(2), "good")
    for other in (good, long):
        for number in range(4):
            (place.raw / f"{number}.tfrecord").write_bytes(frame([nan] * 1000 + [other] * (number == 3) + [nan] * 500))
        result = json.loads(lengthwise("check", place.job, "--json", code=1).stdout.splitlines()[-1])
        assert result["read"] == 6001


def test_unreadable_files_and_other_formats_do_not_hide_it(tmp_path, lengthwise) -> None:
    place = _place(tmp_path, 0, 0)
    example = Example()
    example.features.feature["worte"].int64_list.value.extend([1, 2])
    (place.raw / "a.tfrecord").write_bytes(b"")
    for number in range(5):
        (place.raw / f"b{number}.tfrecord").write_bytes(frame([example.SerializeToString()] * 1500))
    error = lengthwise("check", place.job, code=1).stderr
    assert "The records have the features 'worte'" in error
    settings = ["--set", "columns=[{kind: numeric, key: wort}]", "--set", "inputs.format=example"]
    error = lengthwise("check", place.job, *settings, code=1).stderr
    assert "The records have the features 'worte'; did you mean 'worte'?" in error


def test_the_limit_changes_no_fingerprint(large) -> None:
    from lengthwise.job.workspace.job_fingerprint import describe_config

    one, other = (load_config(large.job, {"limits.stop_after_rejected": number}) for number in (0, 5))
    assert describe_config(one) == describe_config(other)


@pytest.mark.parametrize("on_invalid", ["raise", "skip"])
def test_the_feed_stops_before_its_first_batch(on_invalid: str, large) -> None:
    from lengthwise.feed import read_raw

    columns = [sequence_numeric_column("xx")]
    files, options = str(large.raw / "*"), {"batch_size": 8, "on_invalid": on_invalid}
    with pytest.raises(DataLimitError, match=r"missing_feature of column 'xx'.*'box', 'words', 'x' and the features"):
        read_raw(files, columns=columns, **options)
    job: dict[str, Any] = {"inputs": {"files": files}, "columns": columns}
    with pytest.raises(ConfigError, match=r"stop_after_rejected: expected .*-1"):
        read_raw({**job, "limits": {"stop_after_rejected": -1}}, **options)
    read_raw({**job, "limits": {"stop_after_rejected": 0}}, **options)
    read_raw({**job, "limits": {"rejected_fraction": 1}}, **options)
    read_raw(files, columns=[sequence_numeric_column("x")], **options)
