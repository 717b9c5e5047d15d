"""Altered blocks with correct checksums raise an error before or after decompression."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.feed import read_prepared
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import Example
from prepare import jobs
from records.messages import read_records, sequence_example

COLUMNS = [lw.sequence_categorical_column_with_identity("item", 10), lw.context_column("record", dtype="int64")]
ROWS = 300

Buffers = dict[str, bytes]
LENGTHS = "sequence_length"
CHANGES: dict[str, Callable[[Buffers], Buffers]] = {
    "a stream of more than the rows take": lambda old: {"item": zlib.compress(b"\1" * 2**24)[: len(old["item"])]},
    "a stream of less": lambda old: {"record": zlib.compress(b"\1" * 8)},
    "no stream": lambda old: {"record": old["record"][:-9]},
    "a buffer that is too long": lambda old: {"item": b"\1" * (8 * ROWS + 1)},
    "a negative length": lambda old: {LENGTHS: np.array([-1, 9, *[8] * (ROWS - 2)], "<i4").tobytes()},
    "a length beyond the last boundary": lambda old: {LENGTHS: np.array([7, 9, *[8] * (ROWS - 2)], "<i4").tobytes()},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("blocks")
    records = [sequence_example({"item": [number % 10] * 8}, {"record": number}) for number in range(ROWS)]
    jobs.run(root, COLUMNS, {"raw": records}, output={"layout": "block", "block_sequences": ROWS})
    return root / "out"


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Any:
    return read_prepared(str(folder), batch_steps=256)


@pytest.mark.parametrize("name", CHANGES)
def test_a_block_without_the_values_of_its_rows_is_an_error(folder: Path, dataset: Any, name: str) -> None:
    [shard] = folder.glob("Split-train/*")
    [record] = read_records(shard)
    block = Example.FromString(record)
    features = block.features.feature
    sound = {key: feature.bytes_list.value[0] for key, feature in features.items()}
    for key, buffer in CHANGES[name](sound).items():
        features[key].bytes_list.value[0] = buffer
    shard.write_bytes(frame([block.SerializeToString()]))
    try:
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"values of all their rows|inflate|data error"):
            list(dataset)
    finally:
        shard.write_bytes(frame([record]))
    assert sum(len(batch["record"]) for batch in dataset) == ROWS
