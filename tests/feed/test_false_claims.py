"""Records of uncompressed files that claim 2**39 bytes with a valid checksum: reported or skipped, never a crash."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from feed.test_missing_files import COLUMNS
from lengthwise.config import Buckets, Inputs, JobConfig, Output
from records.messages import framed, header, sequence_example, write_records

CLAIM = header(2**39)
RECORDS = [framed(sequence_example({"item": [1, 2, 3]}, {"record": number})) for number in range(40)]
DAMAGED = RECORDS[5][:20] + bytes([RECORDS[5][20] ^ 1]) + RECORDS[5][21:]

# Of a file next to a valid one: its content, and which records are left with `skip`; what `raise` says, None where
# TensorFlow would be asked for the memory.
FILES: dict[str, tuple[bytes, list[int], str | None]] = {
    "first": (CLAIM, [], "record 0 at byte 0"),
    "first, bytes after": (CLAIM + bytes(100) + b"".join(RECORDS), [], "record 0 at byte 0"),
    "first, cut off": (RECORDS[0][:-3], [], "record 0 at byte 0"),
    "largest": (header(2**63 - 1) + bytes(9), [], "record 0 at byte 0"),
    "no signed number": (header(2**64 - 1) + bytes(9), [], "record 0 at byte 0"),
    "second": (RECORDS[0] + CLAIM, [0], None),
    "last": (b"".join(RECORDS) + CLAIM, list(range(40)), None),
    "after damage": (b"".join(RECORDS[:5]) + DAMAGED + CLAIM + RECORDS[6], [0, 1, 2, 3, 4], None),
    "some after damage": (b"".join([*RECORDS[:5], DAMAGED, *RECORDS[6:9], CLAIM]), [0, 1, 2, 3, 4, 6, 7, 8], None),
}

CODE = """
import json, sys
from feed.test_false_claims import COLUMNS
from feed.test_missing_files import numbers
from lengthwise.feed import read_prepared, read_raw

cases, found = json.load(sys.stdin), {}
for name, (kind, where, options) in cases.items():
    print("case", name, file=sys.stderr, flush=True)
    try:
        read = read_prepared(where, **options) if kind == "prepared" else read_raw(where, columns=COLUMNS, **options)
        found[name] = numbers(read)
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
    print("", file=sys.stderr, flush=True)
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, str], Path]:
    """The records and the messages of each case, all from one process, which a crash would end."""
    from lengthwise.job import run

    root = tmp_path_factory.mktemp("claims")
    good = write_records(root / "good", [sequence_example({"item": [4]}, {"record": 100})])
    cases: dict[str, Any] = {}
    for name, (content, _, strict) in FILES.items():
        path = root / name
        path.write_bytes(content)
        cases[f"{name}, skip"] = ("raw", [str(path), good], {"batch_size": 8, "on_damage": "skip"})
        if strict:
            cases[f"{name}, raise"] = ("raw", [str(path), good], {"batch_size": 8})
    for layout in ("example", "block"):
        raw = [
            write_records(root / f"{layout}-{n}", [sequence_example({"item": [1] * n}, {"record": n})]) for n in (1, 9)
        ]
        output = Output(path=str(root / f"{layout}-set"), layout=layout, compression="none")
        config = JobConfig(
            inputs=Inputs(files=tuple(raw)), columns=tuple(COLUMNS), buckets=Buckets(boundaries=(4, 16)), output=output
        )
        run(config, workers=1)
        [shard] = (root / f"{layout}-set").glob("Split-train/length-00016-*")
        shard.write_bytes(CLAIM + shard.read_bytes())
        for how in ("raise", "skip"):
            cases[f"{layout}, {how}"] = ("prepared", output.path, {"batch_size": 8, "on_damage": how})
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        input=json.dumps(cases),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])
    reports = {part.split("\n", 1)[0]: part for part in done.stderr.split("case ")[1:]}
    return json.loads(done.stdout), reports, root


@pytest.mark.parametrize("name", FILES)
def test_a_record_that_claims_more_than_its_file(answers: Any, name: str) -> None:
    found, reports, root = answers
    _, left, strict = FILES[name]
    assert found[f"{name}, skip"] == [*left, 100]
    assert f'skipped the unreadable rest of "{root / name}" from record' in reports[f"{name}, skip"]
    if strict:
        error = found[f"{name}, raise"]
        assert error.startswith("DataLimitError")
        assert f"{root / name}: {strict}" in error


@pytest.mark.parametrize("layout", ["example", "block"])
def test_a_shard_that_claims_more_than_its_file(answers: Any, layout: str) -> None:
    found, reports, _ = answers
    assert found[f"{layout}, skip"] == [1]
    assert "record 0 at byte 0" in reports[f"{layout}, skip"]
    error = found[f"{layout}, raise"]
    assert error.startswith("DatasetError")
    assert "length-00016" in error
    assert "record 0 at byte 0" in error
