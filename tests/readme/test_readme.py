"""Runs README.md like a reader: its commands in order in one folder, then its Python from top to bottom."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lengthwise.config import parse_config
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import SequenceExample
from readme.blocks import README, blocks

BIN = Path(sys.executable).parent
ELSEWHERE = ("container", "engines", "runners", "service", "tfx", "trainer")
"""Marks of the blocks run by other tests."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with the raw records of the README, some of them bad; the last file has different prices."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "raw").mkdir()
    for part in range(3):
        records = [_record(part * 2000 + number, number % 40 + 1, 0.5 + part // 2) for number in range(2000)]
        (folder / "raw" / f"part-{part}.tfrecord").write_bytes(frame([*records, b"\xff"]))
    return folder


def _record(number: int, length: int, price: float) -> bytes:
    record = SequenceExample()
    record.context.feature["bought"].int64_list.value.append(number % 2)
    for step in range(length):
        lists = record.feature_lists.feature_list
        lists["items"].feature.add().int64_list.value.append((number * 7 + step * 13) % 1000)
        lists["price"].feature.add().float_list.value.append(step * price)
    return record.SerializeToString()


def _run(command: list[str], folder: Path, **variables: str) -> str:
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", **variables}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def prepared(folder: Path) -> Path:
    """Returns the folder after all commands of the README."""
    for block in blocks():
        if block.language == "bash":
            printed = _run(["bash", "-euo", "pipefail", "-c", block.text], folder)
            assert ("prices moved" in block.text) == ("prices moved: exit code 1" in printed)
    return folder


@pytest.mark.slow
def test_the_commands_run_in_their_order(prepared: Path) -> None:
    assert (prepared / "prepared" / "manifest.json").exists()
    assert (prepared / "again.tfrecord").stat().st_size > 0


@pytest.fixture(scope="module")
def checkpoint(prepared: Path) -> Path:
    """Returns the checkpoint of the TensorFlow 1.x program, run as described in the README."""
    [block] = blocks("tf1")
    assert "`TF_USE_LEGACY_KERAS=1`" in README.read_text()
    _run([sys.executable, "-c", block.text], prepared, TF_USE_LEGACY_KERAS="1")
    return prepared / "model.ckpt"


@pytest.mark.slow
def test_the_program_of_tensorflow_1_runs_to_its_end(checkpoint: Path) -> None:
    assert checkpoint.with_name("model.ckpt.index").exists()


@pytest.mark.slow
def test_the_python_runs_from_top_to_bottom(prepared: Path, checkpoint: Path) -> None:
    assert "load_tf1_checkpoint" in "".join(block.text for block in blocks())
    code = "\n".join(block.text for block in blocks() if block.language == "python")
    _run([sys.executable, "-c", code], prepared)


def test_the_configuration_by_hand_is_a_configuration() -> None:
    [block] = [block for block in blocks() if block.language == "yaml"]
    config = parse_config(yaml.safe_load(block.text), source="README.md")
    assert config.output.path == "prepared"


def test_every_block_is_run_by_a_test() -> None:
    marks = {block.mark for mark in ("", "tf1", *ELSEWHERE) for block in blocks(mark)}
    text = README.read_text()
    assert sum(len(blocks(mark)) for mark in marks) == text.count("\n```") / 2


def test_it_says_how_to_install_before_the_first_command() -> None:
    text = README.read_text()
    for words in ("make setup", "source .venv/bin/activate", ".venv/bin/lengthwise", "Linux", "3.11, 3.12 or 3.13"):
        assert 0 < text.index(words) < text.index("\n    lengthwise demo") < text.index("```bash\nlengthwise")


def test_commands_that_other_tests_run_are_run_there() -> None:
    tests = README.parent / "tests"
    for mark in ELSEWHERE:
        assert blocks(mark), mark
    for runs_them in ("engines/conftest.py", "runners/test_portable.py", "cli/test_serve.py", "tfx/test_readme.py"):
        assert "readme.blocks" in (tests / runs_them).read_text()


def test_it_is_short_and_what_it_points_to_exists() -> None:
    text = README.read_text()
    assert len(text.splitlines()) <= 340
    for link in ("benchmarks/RESULTS.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        assert f"({link})" in text
        assert (README.parent / link).exists(), link
