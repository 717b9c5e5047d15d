"""Training from remote files: the same batches as from local files, through copies that are limited and checked."""

import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from faults import remote
from feed.conftest import Data, make_source
from feed.samples import all_columns
from lengthwise.errors import ConfigError, DatasetError, EnvironmentFailure
from lengthwise.feed import Cache, count_raw, read_prepared, read_raw
from lengthwise.feed.service.service_processes import start_dispatcher
from lengthwise.manifest import load_manifest
from lengthwise.storage import files
from prepare.webhdfs import serving
from records.messages import framed

NAMES = ("example", "block", "raw")
COPY = re.compile(r"[0-9a-f]{64}")


@pytest.fixture
def root(data: Data, tmp_path: Path) -> Iterator[str]:
    """The data sets and the raw files on a remote file system."""
    root = f"memory://{tmp_path.name}-{os.getpid()}"
    for layout, folder in data.folders.items():
        for path in Path(folder).rglob("*.*"):
            if path.is_file():
                remote.FILES[f"{root}/{layout}/{path.relative_to(folder)}"] = path.read_bytes()
    for name in data.files:
        remote.FILES[f"{root}/raw/{os.path.basename(name)}"] = Path(name).read_bytes()
    for path in remote.FILES:
        remote.CHECKSUMS[path] = f"tag of {path}"
    yield root
    for table in (remote.FILES, remote.OUTAGES, remote.CHECKSUMS):
        for path in [path for path in table if path.startswith(root)]:  # type: ignore[attr-defined]
            del table[path]  # type: ignore[attr-defined]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(folder=str(tmp_path / "cache"))


def read(root: str, name: str, **options: Any) -> Any:
    options = {"batch_steps": 1024, "window": 200, **options}
    if name == "raw":
        return read_raw(f"{root}/raw/*", columns=all_columns(), **options)
    return read_prepared(f"{root}/{name}", "train", **options)


def batches(dataset: Any) -> list[Any]:
    return [[batch["record"].numpy().tolist(), batch["item"].numpy().tolist()] for batch in dataset]


def records(dataset: Any) -> list[int]:
    return sorted(number for batch in dataset for number in batch["record"].numpy().tolist())


def copies(cache: Cache) -> list[str]:
    return sorted(name for name in os.listdir(str(cache.folder)) if COPY.fullmatch(name))


OPTIONS: dict[str, list[dict[str, Any]]] = {
    "example": [{"seed": 3, "epochs": 2}, {"seed": 4, "num_shards": 3, "index": 1, "on_damage": "skip"}],
    "block": [{"seed": 3, "verify": True}, {"shuffle": False, "on_damage": "skip", "verify": True}],
    "raw": [{"seed": 4, "num_shards": 2, "index": 1}, {"seed": 3, "on_damage": "skip"}],
}


@pytest.mark.parametrize("name", NAMES)
def test_batches_are_those_of_local_files(root, data, cache, name):
    for options in OPTIONS[name]:
        local = make_source(name, data).read(batch_steps=1024, window=200, **options)
        dataset = read(root, name, batch_steps=1024, cache=cache, **options)
        for _ in range(2):  # the second time from copies
            assert batches(dataset) == batches(local), options
        assert {name for name in os.listdir(str(cache.folder)) if not COPY.fullmatch(name)} == {"lock"}


@pytest.mark.parametrize(("name", "on_damage"), [("example", "raise"), ("block", "skip"), ("raw", "raise")])
def test_a_saved_iterator_continues_without_the_copies(root, tmp_path, cache, name, on_damage):
    options: dict[str, Any] = {"seed": 5, "epochs": 2, "on_damage": on_damage, "batch_steps": 512}
    iterator = iter(read(root, name, cache=cache, **options))
    for _ in range(9):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "iterator"))
    rest = batches(iterator)
    for copy in copies(cache):
        (tmp_path / "cache" / copy).unlink()
    for folder in (str(cache.folder), str(tmp_path / "another machine's")):
        again = iter(read(root, name, cache=folder, **options))
        tf.train.Checkpoint(iterator=again).restore(path)
        assert batches(again) == rest
    assert len(rest) > 10


@pytest.fixture
def many(root: str) -> list[str]:
    """A hundred raw files, each with a hundredth of the data."""
    content = [record for name in ("part-0.tfrecord", "part-2.tfrecord") for record in _records(f"{root}/raw/{name}")]
    for number in range(100):
        remote.FILES[f"{root}/many/{number:03d}"] = b"".join(map(framed, content[number::100]))
    return [path for path in remote.FILES if path.startswith(f"{root}/many/")]


def _records(path: str) -> list[bytes]:
    content, found = remote.FILES[path], []
    while content:
        length = int.from_bytes(content[:8], "little")
        found.append(content[12 : 12 + length])
        content = content[16 + length :]
    return found


def test_data_may_be_larger_than_the_cache(many, tmp_path):
    largest = max(len(remote.FILES[path]) for path in many)
    cache = Cache(folder=str(tmp_path / "cache"), max_bytes=largest)
    dataset = read_raw(many, columns=all_columns(), batch_steps=1024, cache=cache, seed=1)
    expected = batches(read_raw(many, columns=all_columns(), batch_steps=1024, cache=str(tmp_path / "large"), seed=1))
    assert batches(dataset) == expected
    assert len(copies(cache)) < 80  # the most recently used
    assert len(os.listdir(tmp_path / "large")) == 101


def test_a_file_that_does_not_fit_is_an_error_before_reading(root, tmp_path):
    with pytest.raises(
        ConfigError, match=rf"cache: expected room for the largest file, {root}/example/Split-.*max_bytes"
    ):
        read(root, "example", cache=Cache(folder=str(tmp_path), max_bytes=10))


def test_an_unusable_folder_is_an_error_before_reading(root, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EnvironmentFailure, match=r"cannot keep copies of remote files in .*/file/x: .*option cache"):
        read(root, "block", cache=str(tmp_path / "file" / "x"))
    monkeypatch.setenv("LENGTHWISE_CACHE", str(tmp_path / "file"))
    with pytest.raises(EnvironmentFailure, match="LENGTHWISE_CACHE"):
        read(root, "raw")


def test_where_copies_are_kept(root, tmp_path, monkeypatch):
    for name in ("LENGTHWISE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Cache().place() == str(tmp_path / "home" / ".cache" / "lengthwise")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Cache().place() == str(tmp_path / "xdg" / "lengthwise")
    monkeypatch.setenv("LENGTHWISE_CACHE", str(tmp_path / "named"))
    assert Cache().place() == str(tmp_path / "named")
    assert Cache(folder="given").place() == "given"
    monkeypatch.delenv("LENGTHWISE_CACHE")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    found = Cache().place()
    assert found == str(tmp_path / "tmp" / f"lengthwise-cache-{os.getuid()}")
    os.chmod(found, 0o777)
    with pytest.raises(EnvironmentFailure, match="is not this user's alone"):
        Cache().place()


@pytest.mark.parametrize("layout", ["example", "block"])
def test_a_changed_shard_is_an_error_or_skipped(root, cache, data, layout):
    shard = load_manifest(f"{root}/{layout}").shards[0]
    path = f"{root}/{layout}/{shard.path}"
    content = bytearray(remote.FILES[path])
    content[len(content) // 2] ^= 0x55
    remote.FILES[path] = bytes(content)
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"cannot use {path}: expected .* of crc32c .*, found "):
        records(read(root, layout, cache=cache))
    left = records(read(root, layout, cache=cache, on_damage="skip"))
    assert set(left) < set(range(len(data.samples)))
    del remote.FILES[path]
    with pytest.raises(tf.errors.InvalidArgumentError, match=rf"cannot read {path}"):
        records(read(root, layout, cache=cache))
    assert set(records(read(root, layout, cache=cache, on_damage="skip"))) <= set(left)


def test_a_raw_file_that_is_replaced_after_listing_is_an_error(root, cache):
    dataset = read(root, "raw", cache=cache)
    remote.CHECKSUMS[f"{root}/raw/part-1.tfrecord.gz"] = "another tag"
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"part-1.tfrecord.gz: it was replaced after it was listed"
    ):
        records(dataset)
    assert len(records(read(root, "raw", cache=cache))) == 700  # listed again


@pytest.mark.parametrize("name", ["block", "raw"])
def test_reading_continues_after_an_outage(root, cache, data, name):
    dataset = read(root, name, cache=cache)
    broken = f"{root}/{'raw' if name == 'raw' else 'block/Split'}"
    remote.OUTAGES.update({path: 100 for path in remote.FILES if path.startswith(broken)})
    assert records(dataset) == list(range(len(data.samples)))
    assert not [path for path in remote.OUTAGES if path.startswith(root)]


@pytest.mark.parametrize("path", ["../../../x", "/etc/passwd", "a/../../x", "memory://x/y"])
def test_a_hostile_manifest_opens_nothing(root, cache, path):
    name = f"{root}/example/manifest.json"
    shard = load_manifest(f"{root}/example").shards[0].path
    remote.FILES[name] = remote.FILES[name].replace(shard.encode(), path.encode())
    with pytest.raises(DatasetError, match="expected a path within the data set's folder"):
        read(root, "example", cache=cache)


def test_counting_needs_no_copies(root, cache):
    assert count_raw(f"{root}/raw/*", columns=all_columns())["valid"] == 700


WORKER = """
    import sys
    from lengthwise_cli.main import main
    main(sys.argv[1:])
"""


@pytest.mark.slow
def test_workers_of_a_service_keep_their_own_copies(data, tmp_path, monkeypatch):
    pytest.importorskip("hdfs", reason="hdfs:// needs its client, see the extra `hdfs`")
    with serving(tmp_path / "hdfs") as server:
        monkeypatch.setenv("LENGTHWISE_BEAM_OPTIONS", shlex.join(server.options))
        files.use_options(())
        for folder in data.folders.values():
            for path in Path(folder).rglob("*.*"):
                if path.is_file():
                    target = server.root / os.path.basename(folder) / path.relative_to(folder)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(path.read_bytes())
        assert records(read("hdfs:/", "block", cache=str(tmp_path / "mine"))) == list(range(700))
        dispatcher = start_dispatcher(0, str(tmp_path / "journal"))
        address = dispatcher.target.removeprefix("grpc://")
        command = ["serve", "worker", "--dispatcher", address, "--cache", str(tmp_path / "theirs")]
        with open(tmp_path / "log", "wb") as log:
            worker = subprocess.Popen([sys.executable, "-c", textwrap.dedent(WORKER), *command], stdout=log, stderr=log)
            try:
                for layout in ("example", "block"):
                    found = records(read("hdfs:/", layout, service=address))
                    assert found == list(range(700)), (tmp_path / "log").read_text()
            finally:
                worker.send_signal(signal.SIGTERM)
                worker.wait()
        shards = sum(len(load_manifest(f"hdfs://{layout}").shards) for layout in ("example", "block"))
        assert len(copies(Cache(folder=str(tmp_path / "theirs")))) == shards
    monkeypatch.undo()
    files.use_options(())
