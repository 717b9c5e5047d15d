"""Files that are missing or end early between two records: `skip` reports which and how much, `raise` names them."""

import gzip
import os
import re
import shutil
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf

from feed.conftest import Data
from lengthwise import columns as lw
from lengthwise.feed import count_raw, read_prepared, read_raw
from records.messages import framed, read_records, sequence_example, write_records

COLUMNS = [lw.sequence_categorical_column_with_identity("item", 10), lw.context_column("record", dtype="int64")]
RECORDS = [sequence_example({"item": [1, 2, 3]}, {"record": number}) for number in range(40)]
OTHER = [sequence_example({"item": [4]}, {"record": number}) for number in range(100, 104)]
CONTENT = b"".join(map(framed, RECORDS))


def folder_instead(path: str) -> None:
    os.remove(path)
    os.mkdir(path)


def rewrite(keep: Callable[[int], int]) -> Callable[[str], None]:
    """Rewrites the file as a valid file with only its first records."""

    def change(path: str) -> None:
        records = read_records(path)
        write_records(path, records[: keep(len(records))])

    return change


MISSING: dict[str, Callable[[str], None]] = {
    "deleted": os.remove,
    "empty": lambda path: open(path, "wb").close(),
    "a folder": folder_instead,
    "all records but the last": rewrite(lambda count: count - 1),
    "half of the records": rewrite(lambda count: count // 2),
    "no record": rewrite(lambda _: 0),
}


def numbers(dataset: Any) -> list[int]:
    return sorted(number for batch in dataset for number in batch["record"].numpy().tolist())


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_data_that_a_raw_file_lost_after_listing_is_reported(tmp_path: Any, suffix: str, name: str, capfd: Any) -> None:
    path = write_records(tmp_path / f"a.tfrecord{suffix}", RECORDS)
    other = write_records(tmp_path / "b.tfrecord", OTHER)
    strict, lenient = (
        read_raw([path, other], columns=COLUMNS, batch_size=8, on_damage=how) for how in ("raise", "skip")
    )
    MISSING[name](path)
    with pytest.raises(tf.errors.OpError, match=re.escape(path)):
        numbers(strict)
    found = numbers(lenient)
    assert set(range(100, 104)) <= set(found) < {*range(40), *range(100, 104)}
    [report] = [line for line in capfd.readouterr().err.splitlines() if line.startswith("lengthwise: skipped")]
    assert path in report
    assert "bytes of" in report


@pytest.mark.parametrize("name", MISSING)
@pytest.mark.parametrize("layout", ["example", "block"])
def test_the_number_of_records_that_a_shard_lost_is_reported(
    data: Data, tmp_path: Any, layout: str, name: str, capfd: Any
) -> None:
    folder = shutil.copytree(data.folders[layout], str(tmp_path / layout))
    split = os.path.join(folder, "Split-train")
    shard = max((os.path.join(split, file) for file in os.listdir(split)), key=os.path.getsize)
    count = len(read_records(shard))
    MISSING[name](shard)
    with pytest.raises(tf.errors.OpError, match=re.escape(os.path.basename(shard))):
        numbers(read_prepared(folder, batch_steps=256))
    found = numbers(read_prepared(folder, batch_steps=256, on_damage="skip"))
    assert 0 < len(found) < len(data.samples)
    left = {"all records but the last": 1, "half of the records": count - count // 2}.get(name, count)
    report = capfd.readouterr().err
    assert re.search(rf'skipped {left} of {count} records of ".*{os.path.basename(shard)}"', report), report


ZLIB = zlib.compress(CONTENT)
ZLIB_FILES: dict[str, tuple[bytes, bool]] = {
    "sound": (ZLIB, True),
    "with zeros after it": (ZLIB + bytes(20), True),
    "cut off": (ZLIB[: len(ZLIB) // 2], False),
    "without its checksum": (ZLIB[:-4], False),
    "a wrong checksum": (ZLIB[:-1] + bytes([ZLIB[-1] ^ 1]), False),
    "two streams": (ZLIB + zlib.compress(framed(RECORDS[0])), False),
    "with garbage after it": (ZLIB + b"garbage", False),
}


@pytest.mark.parametrize("name", ZLIB_FILES)
def test_zlib_files_are_read_and_their_damage_is_reported(tmp_path: Any, name: str, capfd: Any) -> None:
    content, sound = ZLIB_FILES[name]
    path = tmp_path / "a.tfrecord.zz"
    path.write_bytes(content)
    other = write_records(tmp_path / "b.tfrecord", OTHER)
    counts = count_raw(str(path), columns=COLUMNS)
    strict, lenient = (
        read_raw([str(path), other], columns=COLUMNS, batch_size=8, on_damage=how) for how in ("raise", "skip")
    )
    if sound:
        assert counts == {"valid": 40}
        assert numbers(strict) == numbers(lenient) == [*range(40), *range(100, 104)]
        assert "skipped" not in capfd.readouterr().err
    else:
        assert counts["damaged_file"] == 1
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"damaged or truncated(.|\n)*a\.tfrecord\.zz"):
            numbers(strict)
        assert set(numbers(lenient)) <= {*range(40), *range(100, 104)}
        assert str(path) in capfd.readouterr().err


def test_first_records_whose_lengths_look_compressed_are_read(tmp_path: Any) -> None:
    """All 33 lengths, modulo 65,536, with which an uncompressed file starts like gzip and zlib files."""
    lengths = [0x8B1F, *(length for length in range(2**16) if _starts_zlib(length))]
    assert len(lengths) == 33
    records = []
    for number, length in enumerate(lengths):
        size = length - len(sequence_example({"item": [1]}, {"record": number, "note": b"p" * 300}))
        record = sequence_example({"item": [1]}, {"record": number, "note": b"p" * (size + 300)})
        while len(record) > length:
            size -= 1
            record = sequence_example({"item": [1]}, {"record": number, "note": b"p" * (size + 300)})
        if len(record) == length:
            records.append(record)
            for suffix, pack in {"": bytes, ".gz": gzip.compress, ".zz": zlib.compress}.items():
                content = framed(record) + framed(sequence_example({"item": [2]}, {"record": number}))
                (tmp_path / f"{number:02}{suffix}").write_bytes(pack(content))
    assert len(records) >= 25  # some short lengths are impossible: a length itself has one to three bytes
    for how in ("raise", "skip"):
        found = numbers(read_raw(f"{tmp_path}/*", columns=COLUMNS, batch_size=64, on_damage=how))
        assert len(found) == len(records) * 6


def _starts_zlib(length: int) -> bool:
    method, flags = length.to_bytes(2, "little")
    return method % 16 == 8 and method < 128 and not flags & 0x20 and (method * 256 + flags) % 31 == 0


HOSTILE = "a\x1b[31m\u009b2J\u202egnp\u2028\u200b.tfrecord"


def test_reported_names_contain_no_unprintable_characters(data: Data, tmp_path: Any, capfd: Any) -> None:
    """Skipped and damaged data: a file with a hostile name, a shard in a folder with one."""
    path = write_records(tmp_path / HOSTILE, RECORDS)
    other = write_records(tmp_path / "b.tfrecord", OTHER)
    content = (tmp_path / HOSTILE).read_bytes()
    (tmp_path / HOSTILE).write_bytes(content[:20] + bytes([content[20] ^ 1]) + content[21:-5])
    folder = shutil.copytree(data.folders["block"], str(tmp_path / f"set{HOSTILE}"))
    shard = max(os.path.join(folder, "Split-train", file) for file in os.listdir(f"{folder}/Split-train"))
    write_records(shard, read_records(shard)[:-1])
    errors = []
    for verify in (False, True):
        for read in (
            lambda how: read_raw([path, other], columns=COLUMNS, batch_size=8, on_damage=how),
            lambda how, verify=verify: read_prepared(folder, batch_steps=256, on_damage=how, verify=verify),
        ):
            assert numbers(read("skip"))
            with pytest.raises(tf.errors.InvalidArgumentError) as caught:
                numbers(read("raise"))
            errors.append(next(line for line in str(caught.value).splitlines() if "tfrecord" in line))
    reports = [line for line in capfd.readouterr().err.splitlines() if line.startswith("lengthwise: ")]
    assert len(reports) >= 6
    assert any("differs from its manifest" in line for line in reports)
    for line in [*reports, *errors]:
        assert "gnp" in line
        assert line.isprintable()
