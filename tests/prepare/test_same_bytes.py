"""The output's bytes depend only on the input and the configuration."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__  # type: ignore[attr-defined]

from lengthwise.job import run
from prepare import jobs, words
from records.messages import sequence_example, write_records

SECTIONS = {
    "buckets": {"count": 3},
    "splits": {"fractions": {"train": 0.8, "eval": 0.2}},
    "output": {"shard_bytes": 10_000},
    "inputs": {},
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("same")
    config = jobs.job(folder, words.COLUMNS, words.files())
    return list(config.inputs.files)


@pytest.fixture(scope="module")
def one_worker(raw: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("one")
    manifest = run(jobs.job(folder, words.COLUMNS, raw, **SECTIONS), workers=1)
    jobs.balance(manifest)
    assert manifest.counts.rejected["length_mismatch"] > 5
    assert len(manifest.shards) > 6
    return jobs.tree(folder / "out")


def test_with_two_workers(raw, one_worker, tmp_path: Path):
    run(jobs.job(tmp_path, words.COLUMNS, raw, **SECTIONS), workers=2)
    assert jobs.tree(tmp_path / "out") == one_worker


@pytest.mark.slow
def test_on_processors_with_a_different_order_of_additions(tmp_path: Path):
    """Compares numpy's widest instructions with its baseline, and two BLAS threads with one."""
    rng = random.Random(0)
    records = [sequence_example({"x": [rng.gauss(3, 1) for _ in range(128)]}) for _ in range(400)]
    columns = "[{kind: numeric, key: x}]"
    write_records(tmp_path / "raw", records)
    (tmp_path / "job.yaml").write_text(
        f"columns: {columns}\ninputs: {{files: {tmp_path}/raw}}\nbuckets: {{boundaries: [128]}}\n"
    )
    baseline = {"NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__), "OPENBLAS_NUM_THREADS": "1"}
    for name, machine in (("baseline", baseline), ("widest", {"OPENBLAS_NUM_THREADS": "2"})):
        output = ["--output", f"{name}/out", "--workers", "1"]
        command = [sys.executable, "-m", "lengthwise_cli", "prepare", "job.yaml", *output]
        subprocess.run(command, cwd=tmp_path, env={**os.environ, **machine}, check=True, capture_output=True)
    assert jobs.tree(tmp_path / "baseline" / "out") == jobs.tree(tmp_path / "widest" / "out")


def test_with_the_files_named_in_another_order(raw, one_worker, tmp_path: Path):
    mixed = random.Random(1).sample(raw, len(raw))
    assert mixed != raw
    run(jobs.job(tmp_path, words.COLUMNS, mixed, **SECTIONS), workers=1)
    assert jobs.tree(tmp_path / "out") == one_worker


def test_with_a_pattern_and_a_file_named_twice(raw, one_worker, tmp_path: Path):
    pattern = str(Path(raw[0]).parent / "part-*")
    run(jobs.job(tmp_path, words.COLUMNS, [pattern, raw[1]], **SECTIONS), workers=1)
    assert jobs.tree(tmp_path / "out") == one_worker


def test_with_the_input_moved_elsewhere(one_worker, tmp_path: Path):
    manifest = jobs.run(tmp_path, words.COLUMNS, words.files(), **SECTIONS)
    moved = jobs.tree(tmp_path / "out")
    assert manifest.inputs[0].path.startswith(str(tmp_path))
    for name, content in one_worker.items():
        if name.startswith("Split-"):
            assert moved[name] == content


def test_another_seed_gives_another_order_of_the_same_sequences(raw, one_worker, tmp_path: Path):
    manifest = run(jobs.job(tmp_path, words.COLUMNS, raw, **SECTIONS, shuffle={"seed": 1}), workers=1)
    other = jobs.tree(tmp_path / "out")
    names = [shard.path for shard in manifest.shards]
    assert any(other[name] != one_worker.get(name) for name in names)


@pytest.mark.parametrize("change", ["content", "columns"])
def test_another_input_or_configuration_is_another_data_set(raw, one_worker, tmp_path: Path, change: str):
    files = words.files()
    if change == "content":
        files["part-0.tfrecord"] = files["part-0.tfrecord"][:-1]
    columns = words.COLUMNS if change == "content" else words.COLUMNS[:-1]
    manifest = jobs.run(tmp_path, columns, files, **SECTIONS)
    assert f'"fingerprint": "{manifest.fingerprint}"'.encode() not in one_worker["manifest.json"]
