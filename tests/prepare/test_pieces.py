"""Large plain files are read in pieces, with the same bytes as whole files, for any content and any failure.

Pieces are small here, so that a few kilobytes have as many of them as gigabytes have in a job.
"""

import io
import json
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lengthwise.errors import LengthwiseError
from lengthwise.job import check, run
from lengthwise.job.reading import input_pieces
from lengthwise.job.running import job_steps
from lengthwise.job.spilling import piece_spilling
from lengthwise.records.container.frame_search import find_first_frame
from prepare import jobs, words
from records.messages import framed, header, offsets

RECORDS = [words.make_record(random.Random(uid), uid, 0.1) for uid in range(400)]
CONTENT = b"".join(map(framed, RECORDS))
STARTS = offsets(RECORDS)
PIECE = len(CONTENT) // 7 + 1
CUT = next(number for number, start in enumerate(STARTS) if start >= 3 * PIECE)  # the first record of the fourth piece
WHOLE = words.files(count=2, records=30)
NESTED = framed(CONTENT[: 2 * PIECE])


def flip(byte: int, content: bytes = CONTENT) -> bytes:
    return content[:byte] + bytes([content[byte] ^ 4]) + content[byte + 1 :]


FILES: dict[str, bytes] = {
    "intact": CONTENT,
    "a bit in the data in a piece": flip(STARTS[CUT + 9] + 40),
    "a bit in the data of a piece's first record": flip(STARTS[CUT] + 40),
    "a bit in a length in a piece": flip(STARTS[CUT + 9]),
    "a bit in the length of a piece's first record": flip(STARTS[CUT]),
    "a bit in the length before": flip(STARTS[CUT - 1]),
    "a bit in the first length": flip(0),
    "cut inside a record": CONTENT[: STARTS[CUT] + 50],
    "cut inside a header": CONTENT[: STARTS[CUT] + 5],
    "cut where a piece begins": CONTENT[: STARTS[CUT]],
    "a record as large as two pieces": CONTENT[: STARTS[CUT]] + framed(b"\0" * 2 * PIECE) + CONTENT[STARTS[CUT] :],
    "a record that is too large": CONTENT[: STARTS[20]] + framed(bytes(70_000)) + CONTENT[STARTS[20] :],
    "TFRecords in a record": CONTENT[: STARTS[30]] + NESTED + CONTENT[STARTS[30] :],
    "TFRecords at the end of a record": CONTENT[: STARTS[30]] + framed(b"x" * 999 + NESTED) + framed(RECORDS[0]),
    "a text file": b"label,value\n1,2\n" * 3000,
    "nothing but zeros": bytes(30_000),
}
ORDERS: dict[str, dict[str, Any]] = {
    "given": {"buckets": {"boundaries": (4, 8, 12)}},
    "planned": {"buckets": {"count": 3}, "splits": {"fractions": {"train": 0.7, "eval": 0.3}}},
    "in order": {"buckets": {"boundaries": (6,)}, "shuffle": {"enabled": False}},
    "windows in order": {
        "buckets": {"boundaries": (5,)}, "shuffle": {"enabled": False}, "sequences": {"over_long": "window"},
    },
}  # fmt: skip
SECTIONS = {"limits": {"rejected_fraction": 1.0, "damaged_files": 99, "max_record_bytes": 60_000},
            "output": {"shard_bytes": 3_000}}  # fmt: skip


def prepare(folder: Path, monkeypatch: pytest.MonkeyPatch, size: int, workers: int = 1, **sections: Any) -> dict:
    """Prepares the files in `folder/raw`, read in pieces of this size; returns the files of the data set."""
    monkeypatch.setattr(input_pieces, "PIECE_BYTES", size)
    out = folder / f"{size}-{workers}"
    given = {**SECTIONS, **sections}
    given["output"] = {**given["output"], "path": str(out)}
    jobs.balance(run(jobs.job(folder, words.COLUMNS, [f"{folder}/raw/*"], **given), workers=workers))
    return {
        name: content for name, content in jobs.tree(out).items() if name != "report.html"
    }  # it contains the name of the folder


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    (tmp_path / "raw").mkdir()
    for name, records in WHOLE.items():
        (tmp_path / "raw" / name).write_bytes(b"".join(map(framed, records)))
    return tmp_path / "raw" / "large"


def test_damage_in_pieces_and_at_their_ends_is_that_of_the_whole_file(raw, monkeypatch):
    for name, content in FILES.items():
        raw.with_name(name).write_bytes(content)
    found, checks = [], []
    for size in (2**26, PIECE):
        found.append(prepare(raw.parent.parent, monkeypatch, size, **ORDERS["planned"]))
        config = jobs.job(raw.parent.parent, words.COLUMNS, [f"{raw.parent}/*"], **SECTIONS, **ORDERS["planned"])
        checks.append(check(config, workers=1, folder=str(raw.parent.parent / f"check-{size}")))
    assert json.loads(found[0]["manifest.json"])["counts"]["rejected"]["damaged_file"] == 8
    assert checks[1:] == checks[:1]
    for tree in found[1:]:
        assert tree == found[0], [name for name in found[0] if tree.get(name) != found[0][name]]


@pytest.mark.parametrize("order", ORDERS)
def test_workers_and_pieces_change_no_byte(raw, monkeypatch, order):
    raw.write_bytes(CONTENT)
    whole = prepare(raw.parent.parent, monkeypatch, 2**26, **ORDERS[order])
    assert len([name for name in whole if name.startswith("Split-")]) > 6
    for size, workers in ((PIECE, 2), (PIECE // 3, 5)):
        found = prepare(raw.parent.parent, monkeypatch, size, workers, **ORDERS[order])
        assert found == whole, [key for key in whole if found.get(key) != whole[key]]


CHANGES: dict[str, Callable[[Path], object]] = {
    "is replaced": lambda path: (path.with_name(".new").write_bytes(CONTENT), path.with_name(".new").rename(path)),
    "grows": lambda path: path.write_bytes(CONTENT + framed(RECORDS[0])),
    "shrinks": lambda path: os.truncate(path, STARTS[CUT]),
    "vanishes": lambda path: path.unlink(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_changes_between_its_pieces(raw, monkeypatch, name):
    """A file that replaces it is read whole; a different size is damage, as in a file that is not in pieces."""
    raw.write_bytes(flip(STARTS[CUT + 9] + 40) if name == "is replaced" else CONTENT)
    spill_piece, pieces = piece_spilling.spill_piece, []

    def spilled(job: Any, piece: Any) -> Any:
        pieces.append(piece)
        if len(pieces) == 3:
            CHANGES[name](raw)
        return spill_piece(job, piece)

    monkeypatch.setattr(job_steps, "spill_piece", spilled)
    monkeypatch.setattr(input_pieces, "PIECE_BYTES", PIECE)
    config = jobs.job(raw.parent.parent, words.COLUMNS, [str(raw)], **SECTIONS, **ORDERS["given"])
    manifest = run(config, workers=1)
    jobs.balance(manifest)
    expected = {"is replaced": (400, 0), "grows": (401, 1), "shrinks": (CUT + 1, 1)}.get(name)
    if expected is not None:
        assert (manifest.counts.read, manifest.counts.rejected.get("damaged_file", 0)) == expected
    assert manifest.counts.rejected.get("damaged_record", 0) == 0


def test_an_interrupted_job_does_not_read_finished_pieces_again(raw, monkeypatch):
    from lengthwise.job.reading.piece_reader import PieceReader
    from lengthwise.job.writing import shard_writing

    raw.write_bytes(CONTENT)
    whole = prepare(raw.parent.parent, monkeypatch, 2**26, **ORDERS["planned"])
    monkeypatch.setattr(input_pieces, "PIECE_BYTES", PIECE)
    config = jobs.job(raw.parent.parent, words.COLUMNS, [f"{raw.parent}/*"], **SECTIONS, **ORDERS["planned"])
    reads: list[str] = []
    blocks = PieceReader.blocks

    def counted(reading: Any) -> Any:
        reads.append(reading.summary["piece"])
        if len(reads) == 6:
            raise KeyboardInterrupt
        yield from blocks(reading)

    monkeypatch.setattr(PieceReader, "blocks", counted)
    write_rows = shard_writing.read_rows
    monkeypatch.setattr(shard_writing, "read_rows", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    for _ in range(2):  # interrupted while it reads, and before it writes
        with pytest.raises(LengthwiseError):
            run(config, workers=1)
    monkeypatch.setattr(shard_writing, "read_rows", write_rows)
    run(config, workers=1)
    assert len(reads) == len(set(reads)) + 1 == 10  # seven pieces and two files, and the one that was interrupted
    tree = jobs.tree(raw.parent.parent / "out")
    assert {name: content for name, content in tree.items() if name != "report.html"} == whole


FRAMES = framed(b"a" * 50) + framed(b"") + framed(b"b" * 3_000)
STREAMS = [
    ("a frame at once", FRAMES, 0, 9, 0),
    ("the next frame", FRAMES, 1, 99, 66),
    ("none in the range", FRAMES, 83, 900, None),
    ("the last frame", FRAMES, 67, 900, 82),
    ("a length without a frame behind it", bytes(40) + header(5) + bytes(60), 0, 99, None),
    ("a length that is too long", bytes(40) + header(99), 0, 52, None),
    ("zeros", bytes(5_000), 0, 5_000, None),
    ("a range as short as a byte", FRAMES, 66, 67, 66),
    ("all lengths plausible", struct.pack("<Q", 3) * 400 + FRAMES, 0, 3_300, 3_200),
    ("across what is read at once", bytes(2**20 - 5) + FRAMES, 0, 2**20, 2**20 - 5),
]


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case[0])
def test_the_first_frame_in_a_range_is_found(case):
    _, content, start, stop, expected = case
    assert find_first_frame(io.BytesIO(content), start, stop, len(content)) == expected
