"""Raw records for the benchmarks: seeded, with log-normal lengths, written once and kept in the temporary folder.

    features: id (100,000 values), value (float), word (200 words), context `record` (the record's number)
    lengths:  median 25, mean 37, p95 110, max 512

The records are tf.SequenceExample protocol buffers in TFRecord files. Numpy encodes their steps for
thousands of records at once, because building 11 million `tf.train.Feature` objects would take minutes.
"""

import argparse
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lengthwise import columns
from lengthwise.columns import AnyColumn
from lengthwise.records.arrays.proto_messages import varint
from lengthwise.records.container.frame_writing import frame

NUM_IDS = 100_000
WORDS = tuple(f"word{number:04d}" for number in range(200))
MAX_LENGTH = 512
_BLOCK = 8192


@dataclass(frozen=True, slots=True)
class RawData:
    """Raw files and their contents.

    Attributes:
        files: the TFRecord files.
        lengths: int64 `[records]`: the number of steps of each record, in the order of the files.
    """

    files: tuple[str, ...]
    lengths: np.ndarray

    @property
    def steps(self) -> int:
        return int(self.lengths.sum())


def raw_columns() -> list[AnyColumn]:
    """Returns the columns of the records."""
    return [
        columns.sequence_categorical_column_with_identity("id", NUM_IDS),
        columns.sequence_numeric_column("value"),
        columns.sequence_categorical_column_with_vocabulary_list("word", WORDS),
        columns.context_column("record", dtype="int64"),
    ]


def make_lengths(records: int, seed: int = 0) -> np.ndarray:
    """Returns int64 `[records]`: log-normal lengths in [1, 512]."""
    lengths = np.random.default_rng(seed).lognormal(np.log(25), 0.89, records)
    return np.clip(np.rint(lengths), 1, MAX_LENGTH).astype(np.int64)


def raw_data(records: int, *, files: int = 8, seed: int = 0, folder: str | None = None) -> RawData:
    """Returns the data set of that size; written by the first call, reused by later calls."""
    name = f"lengthwise-bench-{records}-{files}-{seed}"
    folder = os.path.join(folder or tempfile.gettempdir(), name)
    lengths = make_lengths(records, seed)
    bounds = np.linspace(0, records, files + 1).astype(int)
    paths = tuple(os.path.join(folder, f"raw-{i:05d}-of-{files:05d}.tfrecord") for i in range(files))
    os.makedirs(folder, exist_ok=True)
    for path, first, last in zip(paths, bounds[:-1], bounds[1:], strict=True):
        if not os.path.exists(path):
            _write(path, lengths, int(first), int(last), seed)
    return RawData(paths, lengths)


def _write(path: str, lengths: np.ndarray, first: int, last: int, seed: int) -> None:
    def blocks() -> Iterator[list[bytes]]:
        for start in range(first, last, _BLOCK):
            stop = min(start + _BLOCK, last)
            rng = np.random.default_rng([seed, start])
            steps = int(lengths[start:stop].sum())
            ids, values = rng.integers(0, NUM_IDS, steps), rng.standard_normal(steps)
            yield make_records(lengths[start:stop], start, ids, values, rng.integers(0, len(WORDS), steps))

    write_file(path, blocks())


def write_file(path: str, blocks: Iterable[list[bytes]]) -> None:
    """Writes blocks of records to a TFRecord file, which appears when it is complete."""
    with open(path + ".part", "wb") as stream:
        for records in blocks:
            stream.write(frame(records))
    os.replace(path + ".part", path)


def make_records(
    lengths: np.ndarray, first: int, ids: np.ndarray, values: np.ndarray, words: np.ndarray
) -> list[bytes]:
    """Returns serialized records, numbered from `first`.

    Args:
        lengths: int64 `[n]`.
        first: the number of the first record.
        ids: int64 `[sum(lengths)]`, below 2**21.
        values: float `[sum(lengths)]`.
        words: int64 `[sum(lengths)]`, positions in `WORDS`.
    """
    features = {
        b"id": _id_steps(ids),
        b"value": _fixed_steps(b"\x0a\x08\x12\x06\x0a\x04", values.astype("<f4")[:, None]),
        b"word": _fixed_steps(b"\x0a\x0c\x0a\x0a\x0a\x08", _word_bytes()[words]),
    }
    ends = np.cumsum(lengths)
    pieces = {key: _split(data, sizes, ends) for key, (data, sizes) in features.items()}
    records = []
    for row in range(len(lengths)):
        lists = b"".join(_entry(key, rows[row]) for key, rows in pieces.items())
        number = varint(first + row)
        value = _message(0x1A, _message(0x0A, number))
        records.append(_message(0x0A, _entry(b"record", value)) + _message(0x12, lists))
    return records


def make_float_records(lengths: np.ndarray, names: Iterable[str]) -> list[bytes]:
    """Returns serialized records with only float sequences of these names."""
    steps, ends = int(lengths.sum()), np.cumsum(lengths)
    values = np.random.default_rng(steps).standard_normal(steps).astype("<f4")[:, None]
    pieces = _split(*_fixed_steps(b"\x0a\x08\x12\x06\x0a\x04", values), ends)
    keys = [name.encode() for name in names]
    return [_message(0x12, b"".join(_entry(key, piece) for key in keys)) for piece in pieces]


def _word_bytes() -> np.ndarray:
    return np.array([list(word.encode()) for word in WORDS], np.uint8)


def _id_steps(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the `FeatureList.feature` entries of one id each: their concatenated bytes, and their sizes."""
    sizes = 1 + (ids >= 1 << 7) + (ids >= 1 << 14)
    table = np.zeros((len(ids), 9), np.uint8)
    table[:, [0, 2, 4]] = 0x0A, 0x1A, 0x0A
    table[:, 1], table[:, 3], table[:, 5] = 4 + sizes, 2 + sizes, sizes
    for place in range(3):
        more = np.where(sizes > place + 1, 0x80, 0)
        table[:, 6 + place] = (ids >> (7 * place)) & 0x7F | more
    kept = np.arange(9) < (6 + sizes)[:, None]
    return table[kept], 6 + sizes


def _fixed_steps(prefix: bytes, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the same for values of a fixed size, after the bytes of their headers."""
    content = np.ascontiguousarray(values).view(np.uint8)
    head = np.broadcast_to(np.frombuffer(prefix, np.uint8), (len(content), len(prefix)))
    table = np.concatenate([head, content], axis=1)
    return table.reshape(-1), np.full(len(content), table.shape[1])


def _split(data: np.ndarray, sizes: np.ndarray, ends: np.ndarray) -> list[bytes]:
    """Returns the bytes of the steps of each record."""
    stops = np.concatenate([[0], np.cumsum(sizes)])[ends]
    content = data.tobytes()
    return [content[start:stop] for start, stop in zip([0, *stops[:-1]], stops, strict=True)]


def _entry(key: bytes, value: bytes) -> bytes:
    """Returns a map entry: field 1 of the message of the map."""
    return _message(0x0A, _message(0x0A, key) + _message(0x12, value))


def _message(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + varint(len(content)) + content


def main() -> None:
    """Writes a data set and prints its description."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--files", type=int, default=8)
    options = parser.parse_args()
    data = raw_data(options.records, files=options.files)
    size = sum(map(os.path.getsize, data.files)) / 1e6
    p50, p95 = np.percentile(data.lengths, [50, 95])
    print(
        f"{os.path.dirname(data.files[0])}: {len(data.lengths)} records, {size:.0f} MB, {data.steps} steps, "
        f"median {p50:.0f}, mean {data.lengths.mean():.1f}, p95 {p95:.0f}, max {data.lengths.max()}"
    )


if __name__ == "__main__":
    main()
