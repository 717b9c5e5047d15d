"""Inputs, their data sets from the embedded runner, and the engines, each started once."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engines.clusters import ENGINES, Cluster
from prepare.jobs import tree_of_any_name
from readme.blocks import blocks

_BIN = Path(sys.executable).parent
_PLACE = Path(os.environ.get("LENGTHWISE_ENGINES", "~/.cache/lengthwise-engines")).expanduser()
_ROOT = Path(__file__).parents[2]
_WORDS = """
inputs: {files: raw/}
columns:
  - {kind: vocabulary, key: phonemes, vocabulary_file: phonemes.txt, num_oov_buckets: 1}
  - {kind: numeric, key: stress, dtype: int64}
limits: {rejected_fraction: 0.1, damaged_files: 1}
splits: {fractions: {train: 0.9, eval: 0.1}}
"""
_NUMBERS = """
inputs: {files: raw/}
columns: [{kind: identity, key: id, num_buckets: 100000}, {kind: numeric, key: value}]
splits: {fractions: {train: 0.9, eval: 0.1}}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.engines)
            if "[spark]" in item.name:  # it starts Python, and imports Beam, for each stage
                item.add_marker(pytest.mark.slow)


@dataclass(frozen=True)
class Input:
    """A folder with `raw/` and `job.yaml`, and the files of its data set from the embedded runner."""

    folder: Path
    expected: dict[str, bytes]


@dataclass(frozen=True)
class Engine:
    """An engine, and the README's command for it."""

    name: str
    cluster: Cluster
    command: str

    def start(self, folder: Path, output: str) -> "subprocess.Popen[str]":
        """Starts `lengthwise prepare` in this folder."""
        line = self.command.replace("--output prepared", f"--output {output}")
        return subprocess.Popen(
            ["bash", "-c", f"exec {_BIN}/{' '.join([line, *self.cluster.options])}"],
            cwd=folder, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def prepare(self, folder: Path, output: str) -> tuple[int, str]:
        """Runs `lengthwise prepare` in this folder; returns its exit code and its output."""
        process = self.start(folder, output)
        log, _ = process.communicate(timeout=500)
        return process.returncode, log


@pytest.fixture(scope="session", autouse=True)
def _alone() -> None:
    """Servers of engines accept any connection, so they run in an isolated network."""
    if {name for _, name in socket.if_nameindex()} != {"lo"}:
        pytest.skip("needs a network of its own: `make test-engines` as root, or with CAP_SYS_ADMIN")


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Input:
    """The CMU pronouncing dictionary with the demo's defects, and a vocabulary file."""
    folder = tmp_path_factory.mktemp("words")
    _run(folder, "demo", "--no-train", "--output", str(folder / "demo"))
    (folder / "demo" / "raw").rename(folder / "raw")
    (folder / "phonemes.txt").write_text(
        "".join(f"{name}\n" for name in ("AA1", "AE1", "AH0", "B", "K", "N", "S", "T"))
    )
    return _input(folder, _WORDS)


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Input:
    """160,000 generated records in eight files: enough to interrupt a job in the middle."""
    from benchmarks.data import raw_data

    folder = tmp_path_factory.mktemp("numbers")
    Path(raw_data(160_000, folder=str(folder)).files[0]).parent.rename(folder / "raw")
    return _input(folder, _NUMBERS)


def _input(folder: Path, config: str) -> Input:
    (folder / "job.yaml").write_text(config)
    _run(folder, "prepare", "job.yaml", "--output", "embedded", "--workers", "1")
    return Input(folder, tree_of_any_name(folder / "embedded"))


def _run(folder: Path, *arguments: str) -> None:
    done = subprocess.run([_BIN / "lengthwise", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with this package, installed from its wheel, as for the workers of a cluster."""
    [built] = (_ROOT / "build" / "engines").glob("*.whl")  # built by `make test-engines`: there is no network here
    site = tmp_path_factory.mktemp("wheel") / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", site, built], check=True)
    return site


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    name = request.param
    installed = _PLACE / name
    if not (installed / "ready").exists():
        pytest.skip(f"{name} is not in {installed}: see {_PLACE}/{name}.log, and run `make test-engines`")
    commands = [block.text.replace("\\\n", "") for block in blocks("engines")]
    [command] = [
        line.partition("#")[0] for text in commands for line in text.splitlines() if line.endswith(f"# {name}")
    ]
    with ENGINES[name](installed, tmp_path_factory.mktemp(name) / "cluster", wheel) as cluster:
        yield Engine(name, cluster, command.strip())
