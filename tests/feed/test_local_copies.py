"""Local copies of remote files: complete or absent, downloaded once, bounded, never removed while in use."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import pytest

from faults import remote
from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.storage.local_copies import PINNED, LocalCopies
from lengthwise.storage.remote_copying import RemoteFile, current_state

SIZE = 1000
OURS = re.compile(r"[0-9a-f]{64}(\.part)?|lock")


@pytest.fixture
def root(tmp_path: Path) -> Iterator[str]:
    root = f"memory://{tmp_path.name}-{os.getpid()}"
    yield root
    for table in (remote.FILES, remote.OUTAGES, remote.CHECKSUMS):
        for path in [path for path in table if path.startswith(root)]:  # type: ignore[attr-defined]
            del table[path]  # type: ignore[attr-defined]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each remote file was opened."""
    counts: Counter[str] = Counter()
    before = remote.MemoryFileSystem.open

    def count(self: remote.MemoryFileSystem, path: str, *rest: str, **others: str) -> object:
        counts[path] += 1
        return before(self, path, *rest, **others)

    monkeypatch.setattr(remote.MemoryFileSystem, "open", count)
    return counts


def make(path: str, fill: int = 1) -> RemoteFile:
    content = bytes([fill % 256]) * SIZE
    remote.FILES[path] = content
    return RemoteFile(path, SIZE, int.from_bytes(google_crc32c.Checksum(content).digest(), "big"))


def entries(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if name != "lock")


def test_a_copy_equals_the_file_and_is_downloaded_once(root, tmp_path, opened):
    copies = LocalCopies(str(tmp_path))
    file, other = make(f"{root}/x", 1), current_state(make(f"{root}/y", 2).path)
    for _ in range(2):
        assert Path(copies.get(file)).read_bytes() == remote.FILES[file.path]
        assert Path(LocalCopies(str(tmp_path)).get(other)).read_bytes() == remote.FILES[other.path]
    assert opened == {file.path: 1, other.path: 1}
    assert len(entries(tmp_path)) == 2


@pytest.mark.parametrize("path", ["../../../etc/x", "/etc/x", "a/../..", "x\0y", "%2e%2e/x", "run[1]/*", "a" * 5000])
def test_no_path_leads_out_of_the_folder(root, tmp_path, path):
    folder = tmp_path / "copies"
    assert Path(LocalCopies(str(folder)).get(make(f"{root}/{path}"))).parent == folder
    assert os.listdir(tmp_path) == ["copies"]
    assert all(OURS.fullmatch(name) for name in os.listdir(folder))


def test_concurrent_readers_download_a_file_once(root, tmp_path, opened):
    remotes = [make(f"{root}/{number}", number) for number in range(20)]
    found: list[list[bytes]] = []

    def use() -> None:
        copies = LocalCopies(str(tmp_path))  # locks belong to open files: acts like another process
        for file in remotes:
            copies.get_ahead(file)
        found.append([Path(copies.get(file)).read_bytes() for file in remotes])

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[remote.FILES[file.path] for file in remotes]] * 6
    assert opened == {file.path: 1 for file in remotes}


def test_the_least_recently_used_copy_is_removed_unless_in_use(root, tmp_path, opened):
    remotes = [make(f"{root}/{number}", number) for number in range(PINNED + 20)]
    limit = 10 * SIZE
    mine, other = LocalCopies(str(tmp_path), limit), LocalCopies(str(tmp_path), limit)
    used = Path(mine.get(remotes[0]))
    for file in remotes[1:]:
        other.get(file)
    assert used.read_bytes() == remote.FILES[remotes[0].path]
    assert (
        len(entries(tmp_path)) == PINNED + 2
    )  # the files that the other process uses, and those for which it made room
    mine.get(remotes[0])
    assert opened[remotes[0].path] == 1


def test_the_limit_is_respected_when_no_copy_is_in_use(root, tmp_path, opened):
    script = (
        "from feed.test_local_copies import make; from lengthwise.storage.local_copies import LocalCopies\n"
        f"copies = LocalCopies({str(tmp_path)!r}, {10 * SIZE})\n"
        f"for number in range(30): copies.get(make({root!r} + f'/{{number}}', number))\n"
    )
    _python(script)
    assert len(entries(tmp_path)) == 30
    copies = LocalCopies(str(tmp_path), 10 * SIZE)
    recent = [make(f"{root}/{number}", number) for number in (3, 5)]
    for file in recent:
        copies.get(file)
    copies.get(make(f"{root}/new", 7))
    assert len(entries(tmp_path)) == 10
    assert sum(os.path.getsize(tmp_path / name) for name in os.listdir(tmp_path)) == 10 * SIZE
    for file in recent:
        copies.get(file)
    assert opened == {f"{root}/new": 1}


def _python(script: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)


KILLED = """
import os, signal
from faults import remote
from feed.test_local_copies import make
from lengthwise.storage.local_copies import LocalCopies
from lengthwise.storage import remote_copying
remote_copying._CHUNK_BYTES = 100
reads = 0
before = remote._Reading.read
def read(self, size=-1):
    global reads
    reads += 1
    if reads == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
    return before(self, size)
remote._Reading.read = read
LocalCopies({folder!r}).get(make({path!r}))
"""


def test_a_download_that_is_killed_leaves_nothing_that_looks_complete(root, tmp_path, opened):
    for at in (1, 5, 11):
        done = _python(KILLED.format(at=at, folder=str(tmp_path), path=f"{root}/x"))
        assert done.returncode == -signal.SIGKILL, done.stderr
        [left] = entries(tmp_path)
        assert left.endswith(".part")
    copies = LocalCopies(str(tmp_path))
    copies.get(make(f"{root}/other", 9))
    assert [name for name in entries(tmp_path) if name.endswith(".part")] == []  # not in use, so removed
    file = make(f"{root}/x")
    assert Path(copies.get(file)).read_bytes() == remote.FILES[file.path]


def test_a_truncated_copy_is_downloaded_again(root, tmp_path):
    copies, file = LocalCopies(str(tmp_path)), make(f"{root}/x")
    path = copies.get(file)
    os.truncate(path, 5)
    assert Path(copies.get(file)).read_bytes() == remote.FILES[file.path]


REFUSED = {
    "other bytes": (
        lambda file: file._replace(crc32c=1),
        r"cannot use .*/x: expected 1,000 bytes of crc32c 0x0+1, found ",
    ),
    "too short": (lambda file: file._replace(size=1001), r"expected 1,001 bytes of crc32c .*, found 1,000 of crc32c "),
    "too long": (lambda file: file._replace(size=999), r"expected 999 bytes of crc32c .*, found more of crc32c "),
    "missing": (lambda file: current_state(file.path + "y"), r"cannot read .*/xy: no such file"),
    "gone": (lambda file: file._replace(path=file.path + "y"), r"cannot read .*/xy: "),
    "replaced": (
        lambda file: current_state(file.path)._replace(state="before"),
        r"/x: it was replaced after it was listed",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_bytes_are_refused_and_not_kept(root, tmp_path, name):
    change, message = REFUSED[name]
    with pytest.raises(EnvironmentFailure, match=message):
        LocalCopies(str(tmp_path)).get(change(make(f"{root}/x")))
    assert entries(tmp_path) == []


def test_a_link_in_the_folder_is_not_followed(root, tmp_path):
    file, copies = make(f"{root}/x"), LocalCopies(str(tmp_path / "copies"))
    name = Path(copies.get(file)).name
    (tmp_path / "copies" / name).unlink()
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "copies" / f"{name}.part").symlink_to(tmp_path / "mine")
    with pytest.raises(EnvironmentFailure, match="cannot copy"):
        copies.get(file)
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_a_file_that_cannot_fit_is_refused(root, tmp_path):
    with pytest.raises(ConfigError, match=r"largest file, .*/x \(1,000 bytes\), received 999 bytes in "):
        LocalCopies(str(tmp_path), SIZE - 1).check([make(f"{root}/x")])
