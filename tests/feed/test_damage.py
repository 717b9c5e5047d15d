"""Damaged, truncated and deleted files: an error that names the file, or all readable records, by option."""

import gzip
import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf

from feed.conftest import Data
from lengthwise import columns as lw
from lengthwise.errors import ConfigError, DatasetError
from lengthwise.feed import count_raw, read_prepared, read_raw
from records.messages import offsets, sequence_example, write_records

COLUMNS = [lw.sequence_categorical_column_with_identity("item", 10), lw.context_column("record", dtype="int64")]
RECORDS = [sequence_example({"item": [1, 2, 3]}, {"record": number}) for number in range(3000)]
STARTS = offsets(RECORDS)


def flip(position: int) -> Callable[[bytes], bytes]:
    return lambda content: content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :]


def rest(first: int) -> set[int]:
    return set(range(first, len(RECORDS)))


# The damage to the content of a file of 3000 records, and the records that are lost.
DAMAGE: dict[str, tuple[Callable[[bytes], bytes], set[int]]] = {
    "a bit of a record's data": (flip(STARTS[7] + 20), {7}),
    "bits of two records, side by side": (lambda c: flip(STARTS[8] + 20)(flip(STARTS[7] + 20)(c)), {7, 8}),
    "a bit of the first record": (flip(20), {0}),
    "a bit of the last record": (flip(STARTS[-1] + 20), {2999}),
    "a bit of a record's checksum": (flip(STARTS[2000] - 1), {1999}),
    "a bit of a length": (flip(STARTS[1500]), rest(1500)),
    "a tail cut off": (lambda content: content[: STARTS[2500] + 20], rest(2500)),
    "a header cut off": (lambda content: content[: STARTS[2500] + 5], rest(2500)),
    "text": (lambda _: b"this is no TFRecord file, but a text\n" * 20, rest(0)),
}


def damaged(tmp_path: Any, name: str) -> str:
    path = write_records(os.path.join(tmp_path, "raw.tfrecord"), RECORDS)
    change(path, DAMAGE[name][0])
    return path


def change(path: str, damage: Callable[[bytes], bytes]) -> None:
    with open(path, "rb") as stream:
        content = stream.read()
    with open(path, "wb") as stream:
        stream.write(damage(content))


def numbers(dataset: Any) -> list[int]:
    return sorted(number for batch in dataset for number in batch["record"].numpy().tolist())


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_of_a_raw_file_is_an_error_that_names_it(tmp_path: Any, name: str) -> None:
    path = damaged(tmp_path, name)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"damaged or truncated(.|\n)*raw\.tfrecord"):
        numbers(read_raw(path, columns=COLUMNS, batch_size=64))


@pytest.mark.parametrize("name", DAMAGE)
def test_count_raw_counts_damage(tmp_path: Any, name: str) -> None:
    counts = count_raw(damaged(tmp_path, name), columns=COLUMNS)
    assert counts.pop("valid") == len(RECORDS) - len(DAMAGE[name][1])
    assert set(counts) <= {"damaged_record", "damaged_file"}
    assert counts


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_records_are_skipped_on_request(tmp_path: Any, name: str, capfd: Any) -> None:
    path = damaged(tmp_path, name)
    dataset = read_raw(path, columns=COLUMNS, batch_size=64, on_damage="skip")
    if DAMAGE[name][1] == rest(0):
        with pytest.raises(tf.errors.InvalidArgumentError, match="at least one batch in an epoch"):
            numbers(dataset)
    else:
        found = numbers(dataset)
        assert set(range(len(RECORDS))) - set(found) == DAMAGE[name][1]
        assert len(found) == len(set(found))
    assert path in capfd.readouterr().err


def test_a_truncated_gzip_file_is_named_or_read_up_to_its_end(tmp_path: Any, capfd: Any) -> None:
    path = write_records(os.path.join(tmp_path, "raw.tfrecord.gz"), RECORDS)
    change(path, lambda content: content[: len(content) * 3 // 4])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"damaged or truncated(.|\n)*raw\.tfrecord\.gz"):
        numbers(read_raw(path, columns=COLUMNS, batch_size=64))
    found = numbers(read_raw(path, columns=COLUMNS, batch_size=64, on_damage="skip"))
    assert found == list(range(len(found)))
    assert 0 < len(found) < len(RECORDS)
    assert path in capfd.readouterr().err


def test_an_empty_file_is_not_damaged(tmp_path: Any) -> None:
    paths = [write_records(os.path.join(tmp_path, f"{i}.tfrecord"), records) for i, records in enumerate([[], RECORDS])]
    assert numbers(read_raw(paths, columns=COLUMNS, batch_size=64)) == list(range(len(RECORDS)))


def test_a_file_with_several_names_is_read_once(tmp_path: Any) -> None:
    path = write_records(os.path.join(tmp_path, "raw.tfrecord"), RECORDS)
    os.symlink(path, os.path.join(tmp_path, "linked"))
    paths = [f"{tmp_path}/*", path, f"{tmp_path}/./raw.tfrecord", f"{tmp_path}//raw.tfrecord"]
    assert numbers(read_raw(paths, columns=COLUMNS, batch_size=64)) == list(range(len(RECORDS)))


@pytest.fixture
def copies(data: Data, tmp_path: Any) -> dict[str, str]:
    return {name: shutil.copytree(path, os.path.join(tmp_path, name)) for name, path in data.folders.items()}


def largest_shard(folder: str) -> str:
    split = os.path.join(folder, "Split-train")
    return max((os.path.join(split, name) for name in os.listdir(split)), key=os.path.getsize)


def middle_flipped(content: bytes) -> bytes:
    """Damages the content inside the example layout's gzip files."""
    if content.startswith(b"\x1f\x8b"):
        return gzip.compress(middle_flipped(gzip.decompress(content)))
    return flip(len(content) // 2)(content)


@pytest.mark.parametrize("layout", ["example", "block"])
def test_a_damaged_shard_is_named_or_skipped(copies: dict[str, str], data: Data, layout: str) -> None:
    shard = largest_shard(copies[layout])
    change(shard, middle_flipped)
    with pytest.raises(tf.errors.InvalidArgumentError, match=os.path.basename(shard)):
        numbers(read_prepared(copies[layout], "train", batch_steps=256))
    found = numbers(read_prepared(copies[layout], "train", batch_steps=256, on_damage="skip"))
    assert len(set(found)) == len(found) < len(data.samples)


@pytest.mark.parametrize("layout", ["example", "block"])
def test_a_deleted_shard_is_named_or_skipped(copies: dict[str, str], layout: str) -> None:
    strict, lenient = (
        iter(read_prepared(copies[layout], "train", batch_steps=64, window=64, on_damage=policy, epochs=6))
        for policy in ("raise", "skip")
    )
    next(strict), next(lenient)  # these files are open now, and those of the next epoch
    os.remove(largest_shard(copies[layout]))
    with pytest.raises(tf.errors.NotFoundError, match=r"length-\d+.*No such file"):
        list(strict)
    assert len(list(lenient)) > 10


def test_incomplete_and_newer_data_sets_are_refused(copies: dict[str, str]) -> None:
    manifest = os.path.join(copies["example"], "manifest.json")
    with pytest.raises(DatasetError, match="expected one of its splits"):
        read_prepared(copies["example"], "evil", batch_size=8)
    change(manifest, lambda content: content.replace(b'"format_version": 2', b'"format_version": 99'))
    with pytest.raises(DatasetError, match="upgrade lengthwise"):
        read_prepared(copies["example"], "train", batch_size=8)
    os.remove(manifest)
    with pytest.raises(DatasetError, match="no manifest"):
        read_prepared(copies["example"], "train", batch_size=8)
    with pytest.raises(ConfigError, match="found none"):
        read_raw(os.path.join(copies["example"], "nothing-*"), columns=COLUMNS, batch_size=8)
