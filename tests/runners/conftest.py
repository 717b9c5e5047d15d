"""Raw files, a configuration, and the data set of the embedded runner, which all others must equal."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import SequenceExample
from prepare.jobs import tree_of_any_name

BIN = Path(sys.executable).parent
CONFIG = """
inputs: {files: "RAW/*"}
columns:
  - {kind: vocabulary, key: word, vocabulary_list: [a, b, c], num_oov_buckets: 3}
  - {kind: numeric, key: rating}
  - {kind: context, key: user, dtype: int64}
buckets: {count: 4}
splits: {fractions: {train: 0.8, eval: 0.2}}
limits: {rejected_fraction: 0.1}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.runners)


@dataclass(frozen=True)
class Setup:
    """A folder with `raw/`, `job.yaml`, and `embedded/`, prepared by one worker in one process."""

    folder: Path

    @property
    def expected(self) -> dict[str, bytes]:
        return tree_of_any_name(self.folder / "embedded")


def prepare(folder: Path, *arguments: str, timeout: int = 300) -> subprocess.CompletedProcess[str]:
    """Runs `lengthwise prepare` in this folder."""
    command = [str(BIN / "lengthwise"), "prepare", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=timeout)


def isolated(folder: Path, script: str, timeout: int = 400) -> subprocess.CompletedProcess[str]:
    """Runs a script in a separate network namespace, whose servers are isolated."""
    probe = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("network namespaces need root or CAP_SYS_ADMIN: run these tests as root")
    prologue = (
        f"set -e; export PATH={BIN}:$PATH; ip link set lo up\n"
        'up() { for _ in $(seq 240); do (echo > "/dev/tcp/127.0.0.1/$1") 2>/dev/null && return; sleep 0.5; done; }\n'
        "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
    )
    command = ["unshare", "--net", "bash", "-c", prologue + script]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=timeout)


@pytest.fixture(scope="session")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    folder = tmp_path_factory.mktemp("runners")
    (folder / "raw").mkdir()
    for number in range(4):
        records = [_record(number * 1000 + i, i % 37 + 1) for i in range(500)] + [b"\xff"]
        (folder / "raw" / f"part-{number}.tfrecord").write_bytes(frame(records))
    (folder / "job.yaml").write_text(CONFIG.replace("RAW", "raw"))
    done = prepare(folder, "job.yaml", "--output", "embedded", "--workers", "1")
    assert done.returncode == 0, done.stderr
    return Setup(folder)


def _record(user: int, length: int) -> bytes:
    record = SequenceExample()
    record.context.feature["user"].int64_list.value.append(user)
    for step in range(length):
        record.feature_lists.feature_list["word"].feature.add().bytes_list.value.append(
            b"abcd"[step % 4 : step % 4 + 1]
        )
        record.feature_lists.feature_list["rating"].feature.add().float_list.value.append(step / 2)
    return record.SerializeToString()
