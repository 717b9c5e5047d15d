"""A small raw data set with a few bad records, its prepared data set, and the command line in this process."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import SequenceExample
from lengthwise_cli.main import main

CONFIG = """\
inputs: {{files: {folder}/raw/*.tfrecord}}
columns:
  - {{kind: vocabulary, key: words, vocabulary_list: [red, green, blue], num_oov_buckets: 1}}
  - {{kind: numeric, key: x}}
  - {{kind: numeric, key: box, shape: [2]}}
  - {{kind: context, key: label, dtype: int64}}
  - {{kind: context, key: name, dtype: string}}
buckets: {{boundaries: [4, 8, 16]}}
splits: {{fractions: {{train: 0.8, eval: 0.2}}}}
output: {{path: {folder}/prepared, layout: {layout}, compression: gzip}}
limits: {{rejected_fraction: {fraction}}}
"""
RECORDS = 200


def make_record(length: int, rng: random.Random, name: str, x: float = 0.5) -> bytes:
    record = SequenceExample()
    record.context.feature["label"].int64_list.value.append(length % 3)
    record.context.feature["name"].bytes_list.value.append(name.encode())
    lists = record.feature_lists.feature_list
    for step in range(length):
        lists["words"].feature.add().bytes_list.value.append(rng.choice([b"red", b"green", b"blue", b"mauve"]))
        lists["x"].feature.add().float_list.value.append(x + step)
        lists["box"].feature.add().float_list.value.extend([step, -step])
    for key in ("words", "x", "box"):
        _ = lists[key]
    return record.SerializeToString(deterministic=True)


def write_raw(folder: Path, bad: int) -> None:
    """200 records in two files, `bad` of them with NaN."""
    rng = random.Random(1)
    names = [f"record {number}" for number in range(RECORDS)]
    records = [make_record(rng.randint(1, 16), rng, names[n], float("nan") if n < bad else 0.5) for n in range(RECORDS)]
    folder.mkdir(parents=True)
    (folder / "a.tfrecord").write_bytes(frame(records[: RECORDS // 2]))
    (folder / "b.tfrecord").write_bytes(frame(records[RECORDS // 2 :]))


@dataclass(frozen=True)
class Place:
    """A folder with raw/, job.yaml and, after preparation, prepared/."""

    folder: Path

    @property
    def job(self) -> str:
        return str(self.folder / "job.yaml")

    @property
    def raw(self) -> Path:
        return self.folder / "raw"

    @property
    def prepared(self) -> Path:
        return self.folder / "prepared"

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.prepared / "manifest.json").read_text())


def make_place(folder: Path, *, bad: int = 1, layout: str = "example", fraction: float = 0.01) -> Place:
    write_raw(folder / "raw", bad)
    (folder / "job.yaml").write_text(CONFIG.format(folder=folder, layout=layout, fraction=fraction))
    return Place(folder)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Raw data of which one record is bad, and a configuration that allows it."""
    return make_place(tmp_path)


@pytest.fixture
def lengthwise() -> Callable[..., Any]:
    """Runs the command line in this process: `lengthwise("prepare", "job.yaml", code=0)`."""

    def run(*arguments: object, code: int = 0) -> Any:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == code, (result.output, result.exc_info)
        assert "Traceback" not in result.output
        return result

    return run


@pytest.fixture(scope="session", params=["example", "block"])
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Prepared once, of each layout; not to be changed."""
    place = make_place(tmp_path_factory.mktemp(request.param), layout=request.param)
    result = CliRunner().invoke(main, ["prepare", place.job, "--workers", "1", "--quiet"])
    assert result.exit_code == 0, result.output
    return place


@pytest.fixture
def copy(original: Place, tmp_path: Path) -> Place:
    """A copy of the prepared data set, to be changed."""
    shutil.copytree(original.folder, tmp_path / "copy")
    return Place(tmp_path / "copy")


def start(*arguments: object, before: Sequence[str] = (), **options: Any) -> subprocess.Popen[str]:
    """Runs the command line in a separate process, started by the command `before`."""
    command = [*before, sys.executable, "-m", "lengthwise_cli", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
