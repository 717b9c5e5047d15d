"""Empty input is an error: files without a record, and epochs without a batch."""

import gzip
import os
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.errors import ConfigError
from lengthwise.feed import Service, count_raw, read_raw
from lengthwise.feed.service.service_processes import start_dispatcher, start_worker
from records.messages import framed, sequence_example, write_records

COLUMNS = [lw.sequence_categorical_column_with_identity("item", 10)]
GOOD = sequence_example({"item": [1, 2, 3]})
BAD = sequence_example({"item": [99]})
EMPTY = {
    "plain": b"",
    "gzip": gzip.compress(b""),
    "gzip of two members": gzip.compress(b"") * 2,
    "gzip and zeros": gzip.compress(b"") + bytes(64),
    "zlib": zlib.compress(b""),
}


def write(folder: Any, contents: dict[str, bytes]) -> str:
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return f"{folder}/*"


def rows(dataset: Any) -> int:
    return sum(int(batch["sequence_length"].shape[0]) for batch in dataset)


def test_files_without_a_record_are_an_error_before_the_first_batch(tmp_path: Any) -> None:
    for number in range(1, len(EMPTY) + 1):
        files = write(tmp_path, dict(list(EMPTY.items())[:number]))
        for read in (read_raw, count_raw):
            with pytest.raises(ConfigError, match=r"expected records, found none in the \d files.*raw data"):
                read(files, columns=COLUMNS, **({"batch_size": 4, "epochs": None} if read is read_raw else {}))


@pytest.mark.parametrize(
    "content",
    [gzip.compress(framed(GOOD)) + gzip.compress(b""), zlib.compress(framed(GOOD))],
    ids=["gzip of two members", "zlib"],
)
def test_one_record_among_empty_files_is_enough(tmp_path: Any, content: bytes) -> None:
    files = write(tmp_path, {**EMPTY, "zz": content})
    assert rows(read_raw(files, columns=COLUMNS, batch_size=4)) == 1
    assert count_raw(files, columns=COLUMNS) == {"valid": 1}


def test_a_worker_whose_files_are_empty_is_named(tmp_path: Any) -> None:
    write(tmp_path, {"b": b""})
    write_records(tmp_path / "a", [GOOD])
    assert rows(read_raw(f"{tmp_path}/*", columns=COLUMNS, batch_size=4, num_shards=2, index=0)) == 1
    with pytest.raises(ConfigError, match="none in the 1 files of worker 1 of 2 \\(num_shards\\)"):
        read_raw(f"{tmp_path}/*", columns=COLUMNS, batch_size=4, num_shards=2, index=1)


LEFT_OUT = {
    "invalid": ([BAD] * 5, {}, {"on_invalid": "skip"}),
    "unparsable": ([b"\xff\xff"] * 5, {}, {"on_invalid": "skip"}),
    "too large": ([GOOD] * 5, {"max_record_bytes": 3}, {"on_invalid": "skip"}),
    "too few for a batch": ([GOOD] * 3, {}, {"drop_remainder": True}),
}


@pytest.mark.parametrize("epochs", [1, 3, None])
@pytest.mark.parametrize("name", LEFT_OUT)
def test_an_epoch_without_batches_is_an_error(tmp_path: Any, name: str, epochs: int | None) -> None:
    records, limits, options = LEFT_OUT[name]
    path = write_records(tmp_path / "a.tfrecord", records)
    job: dict[str, Any] = {"inputs": {"files": path}, "columns": COLUMNS, "limits": limits}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"at least one batch in an epoch(.|\n)*count_raw"):
        next(iter(read_raw(job, batch_size=4, epochs=epochs, **options)))


def test_deleted_files_are_an_error_in_an_endless_dataset(tmp_path: Any, capfd: Any) -> None:
    path = write_records(tmp_path / "a.tfrecord", [GOOD] * 8)
    iterator = iter(read_raw(path, columns=COLUMNS, batch_size=4, epochs=None, on_damage="skip"))
    next(iterator)
    os.remove(path)
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one batch in an epoch"):
        list(islice(iterator, 100))
    assert "bytes of" in capfd.readouterr().err


@pytest.fixture
def address(tmp_path: Any) -> Iterator[str]:
    dispatcher = start_dispatcher(0, str(tmp_path / "journal"))
    worker = start_worker(dispatcher.target, 0)
    yield dispatcher.target
    del worker, dispatcher


def test_empty_input_is_an_error_through_a_service(tmp_path: Any, address: str) -> None:
    good, bad = (write_records(tmp_path / name, [record]) for name, record in {"good": GOOD, "bad": BAD}.items())
    (tmp_path / "empty").touch()
    for service in (address, Service(address=address, mode="coordinated", job_name="c")):
        with pytest.raises(ConfigError, match="expected records, found none"):
            read_raw(tmp_path / "empty", columns=COLUMNS, batch_size=1, service=service)
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"(no row|at least one batch)(.|\n)*count_raw"):
            next(iter(read_raw(bad, columns=COLUMNS, batch_size=1, on_invalid="skip", service=service)))
    assert rows(read_raw([good, bad], columns=COLUMNS, batch_size=1, on_invalid="skip", service=address)) == 1
