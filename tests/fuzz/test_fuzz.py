"""The fuzz target for a minute, from seeds of every kind. `LENGTHWISE_FUZZ_SECONDS` makes it longer."""

import base64
import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from records.messages import example, framed, sequence_example

FULL = {"a": [[1, 2], [3]], "w": [[0.5, 0.1], [1.0]], "b": ["x", "y"], "c": [[0.0, 1.0]] * 2, "d": [1, 2**35]}
SEEDS = [
    sequence_example(FULL),
    sequence_example({"d": [1, 2, 3, 4, 5]}, {"e": 7, "f": ["p", "q"]}),
    example({"d": [1, 2], "c": [0.0, 1.0, 2.0, 3.0], "e": 3}),
]
NO_RECORD_OF_ANY_FORM = base64.b64decode(
    "AEkKGwoKCgFlEgUaAwoBBwoNCgFm7vf1+fX+j/UBcRIqCigKAWQSIwoFGgMKAQEKBRoDCgECCgUaAwoBAwoFGgMKAQQKBRoDCgEFKgooCgFkEiMK"
    "BRoDCgEBCgUaAwoBAgoFGgMKAQMKBRoDCgEECgUaCgEFQA=="
)
"""Looks usual, but neither decoder accepts it: a block without rows."""


@pytest.mark.slow
def test_no_bytes_make_it_fail(tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="NO FUZZING: atheris is not installed here")
    for number, record in enumerate(SEEDS):
        for choices in (0, 1, 2, 4, 24):
            with_length = bytes([choices, len(record)]) + record
            (tmp_path / f"records-{number}-{choices}").write_bytes(with_length * 2)
        (tmp_path / f"file-{number}").write_bytes(b"\x80" + framed(record) * 3)
        (tmp_path / f"gzip-{number}").write_bytes(b"\x80" + gzip.compress(framed(record) * 3, mtime=0))
    (tmp_path / "no-record-of-any-form").write_bytes(NO_RECORD_OF_ANY_FORM)
    seconds = os.environ.get("LENGTHWISE_FUZZ_SECONDS", "60")
    target = Path(__file__).with_name("fuzz_records.py")
    done = subprocess.run(
        [sys.executable, str(target), f"-max_total_time={seconds}", "-max_len=600", "-rss_limit_mb=3000",
         f"-artifact_prefix={tmp_path}/failed-", str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-5000:]
    assert "INITED" in done.stderr
