"""`verify=True`: a shard replaced by a valid one with as many records is detected by its checksum in all readers."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

import lengthwise as lw
from feed.conftest import Data
from lengthwise.errors import ConfigError
from lengthwise.feed import read_prepared, read_raw
from lengthwise.feed.service.service_processes import start_dispatcher
from lengthwise.storage import remote_copying
from records.messages import read_records, write_records

LAYOUTS = ["example", "block"]


@pytest.fixture
def copies(data: Data, tmp_path: Path) -> dict[str, str]:
    return {layout: shutil.copytree(data.folders[layout], str(tmp_path / layout)) for layout in LAYOUTS}


def largest(folder: str) -> str:
    split = os.path.join(folder, "Split-train")
    return max((os.path.join(split, name) for name in os.listdir(split)), key=os.path.getsize)


def replace(folder: str) -> str:
    """The largest shard, replaced by a valid one with the same records in a different order."""
    shard = largest(folder)
    records = read_records(shard)
    os.remove(shard)
    return write_records(shard, records[::-1])


def numbers(dataset: Any) -> list[int]:
    return sorted(number for batch in dataset for number in batch["record"].numpy().tolist())


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose checksums are computed."""
    paths: list[str] = []
    before = remote_copying.check_bytes

    def check(expected: remote_copying.RemoteFile, path: str) -> None:
        paths.append(path)
        before(expected, path)

    monkeypatch.setattr("lengthwise.feed.reading.shard_checksums.check_bytes", check)
    return paths


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_replaced_shard_is_an_error_or_a_line(copies: dict[str, str], data: Data, layout: str, capfd: Any) -> None:
    shard = replace(copies[layout])
    name = os.path.basename(shard)
    assert len(numbers(read_prepared(copies[layout], batch_steps=256))) == len(data.samples)  # not detected
    for options in [{}, {"shuffle": False}]:
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"differs from its manifest(.|\n)*{name}"):
            numbers(lw.open(copies[layout]).read("train", batch_steps=256, verify=True, **options))
    capfd.readouterr()
    lenient = read_prepared(copies[layout], batch_steps=256, on_damage="skip", verify=True, epochs=2)
    assert len(numbers(lenient)) == 2 * len(data.samples)
    reports = [line for line in capfd.readouterr().err.splitlines() if "differs from its manifest" in line]
    assert len(reports) == 2
    assert all(name in line for line in reports)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_error_occurs_within_the_batches_of_an_epoch(copies: dict[str, str], layout: str) -> None:
    batches = len(list(read_prepared(copies[layout], batch_steps=256)))
    replace(copies[layout])
    with pytest.raises(tf.errors.InvalidArgumentError, match="differs from its manifest"):
        numbers(read_prepared(copies[layout], batch_steps=256, verify=True, epochs=None).take(batches))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_worker_checks_what_it_reads(copies: dict[str, str], data: Data, layout: str, checked: list[str]) -> None:
    shard = replace(copies[layout])
    found, errors = [], list[str]()
    for index in range(3):
        reader = read_prepared(copies[layout], batch_steps=256, num_shards=3, index=index, verify=True)
        try:
            found += numbers(reader)
        except tf.errors.InvalidArgumentError as error:
            errors.append(str(error))
    assert errors
    assert all(os.path.basename(shard) in message for message in errors)
    assert len(found) < len(data.samples)
    assert len(checked) == len(set(checked)) > 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_version_of_a_shard_is_checked_once(copies: dict[str, str], layout: str, checked: list[str]) -> None:
    strict = read_prepared(copies[layout], batch_steps=256, verify=True, epochs=2)
    for _ in range(2):
        numbers(strict)
    assert sorted(checked) == sorted(set(checked))
    assert len(checked) == len([s for s in lw.open(copies[layout]).manifest.shards if s.records])
    shard = replace(copies[layout])
    with pytest.raises(tf.errors.InvalidArgumentError, match="differs from its manifest"):
        numbers(strict)
    assert checked.count(shard) == 2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_restored_iterator_checks_what_it_reads_from_there(
    copies: dict[str, str], tmp_path: Path, layout: str
) -> None:
    def start() -> Any:
        return iter(read_prepared(copies[layout], batch_steps=64, window=64, verify=True, epochs=4))

    undisturbed = [batch["record"].numpy().tolist() for batch in start()]
    first, second, third = start(), start(), start()
    for _ in range(5):
        next(first)
    path = tf.train.Checkpoint(first).write(str(tmp_path / "saved"))
    tf.train.Checkpoint(second).read(path)
    assert [batch["record"].numpy().tolist() for batch in second] == undisturbed[5:]
    replace(copies[layout])
    tf.train.Checkpoint(third).read(path)
    with pytest.raises(tf.errors.InvalidArgumentError, match="differs from its manifest"):
        list(third)


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "longer": lambda content: content + b"more",
    "a bit after all records": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_bytes_after_the_records_are_checked(copies: dict[str, str], name: str) -> None:
    shard = Path(largest(copies["example"]))
    shard.write_bytes(CHANGES[name](shard.read_bytes()))
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(shard.name)):
        numbers(read_prepared(copies["example"], batch_steps=256, verify=True))


OURS = "from lengthwise.feed.service.service_processes import start_worker as start"
FOREIGN = """
import tensorflow as tf

def start(address):
    service = tf.data.experimental.service
    return service.WorkerServer(service.WorkerConfig(dispatcher_address=address))
"""


@contextmanager
def worker(address: str, code: str) -> Iterator[None]:
    """Starts a worker of the service in a separate process."""
    command = [sys.executable, "-c", f"import sys\n{code}\nstart(sys.argv[1]).join()", address]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def test_the_workers_of_a_service_check(copies: dict[str, str], data: Data, tmp_path: Path) -> None:
    dispatcher = start_dispatcher(0, str(tmp_path / "journal"))
    options: dict[str, Any] = {"batch_steps": 256, "window": 200, "service": dispatcher.target, "verify": True}
    with worker(dispatcher.target.removeprefix("grpc://"), OURS):
        for folder in copies.values():
            assert len(numbers(read_prepared(folder, **options))) == len(data.samples)
            name = os.path.basename(replace(folder))
            with pytest.raises(tf.errors.OpError, match=f"differs from its manifest(.|\n)*{name}"):
                numbers(read_prepared(folder, **options))


def test_a_worker_that_cannot_check_is_an_error(copies: dict[str, str], tmp_path: Path) -> None:
    dispatcher = start_dispatcher(0, str(tmp_path / "journal"))
    read = read_prepared(copies["example"], batch_steps=256, service=dispatcher.target, verify=True)
    address = dispatcher.target.removeprefix("grpc://")
    with worker(address, FOREIGN), pytest.raises(tf.errors.OpError, match="verify=True requires workers"):
        numbers(read)


def test_raw_files_cannot_be_verified(data: Data) -> None:
    with pytest.raises(ConfigError, match="verify: expected False"):
        read_raw(data.files, columns=[], batch_size=8, verify=True)
