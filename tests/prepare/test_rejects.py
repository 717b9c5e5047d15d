"""Each reason for rejects, once among valid records: the reject has the reason, the column, the place and the bytes."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lengthwise import columns as lw
from lengthwise.manifest import Manifest
from lengthwise.records.rejected.reject_files import read_rejects
from lengthwise.reject_reasons import Reject, RejectReason
from prepare import jobs
from records.messages import UNSET, example, framed, header, sequence_example, write_records

COLUMNS = (
    lw.sequence_categorical_column_with_identity("id", 10),
    lw.sequence_categorical_column_with_vocabulary_list("word", ["a", "b"], oov="error"),
    lw.sequence_numeric_column("xy", shape=(2,), min_value=-1.0, max_value=1.0),
    lw.sequence_categorical_column_with_identity("tags", 10, values_per_step=2, weight_key="weights"),
    lw.context_column("label", shape=(2,), max_value=9.0),
    lw.context_column("name", dtype="string"),
)
GOOD: dict[str, Any] = {"id": [1, 2], "word": ["a", "b"], "xy": [[0.0, 0.5], [1.0, -1.0]]}
GOOD |= {"tags": [[1, 2], [3, 4]], "weights": [[0.5, 1.0], [1.0, 0.0]]}
CONTEXT: dict[str, Any] = {"label": [1.0, 2.0], "name": "n"}
LARGEST = 4096


def record(container: str, changes: dict[str, Any] | None = None) -> bytes:
    """The valid record with other features; None removes a feature."""
    merged = {**GOOD, **CONTEXT, **(changes or {})}
    values = {key: value for key, value in merged.items() if value is not None}
    if container == "example":
        return example({key: _flat(value) for key, value in values.items()})
    context = {key: values.pop(key) for key in CONTEXT if key in values}
    return sequence_example(values, context)


def _flat(value: Any) -> Any:
    if not isinstance(value, list) or not any(isinstance(step, list) for step in value):
        return value
    return [item for step in value for item in (step if isinstance(step, list) else [step])]


def many(steps: int) -> dict[str, Any]:
    return {key: [values[0]] * steps for key, values in GOOD.items()}


R = RejectReason
BAD: list[tuple[str, RejectReason, str, Any]] = [
    ("cut off", R.UNPARSABLE, "", lambda container: record(container)[:-1]),
    ("the other format", R.WRONG_FORMAT, "id", lambda c: record("example" if c != "example" else "sequence_example")),
    ("no bytes at all", R.MISSING_FEATURE, "id", lambda _: b""),
    ("floats for ids", R.WRONG_DTYPE, "id", {"id": [1.0, 2.0]}),
    ("strings for numbers", R.WRONG_DTYPE, "xy", {"xy": [["a", "b"], ["c", "d"]]}),
    ("integers for strings", R.WRONG_DTYPE, "name", {"name": 7}),
    ("a sequence missing", R.MISSING_FEATURE, "word", {"word": None}),
    ("weights missing", R.MISSING_FEATURE, "weights", {"weights": None}),
    ("context missing", R.MISSING_FEATURE, "label", {"label": None}),
    ("context without a list", R.MISSING_FEATURE, "name", {"name": UNSET}),
    ("context too short", R.CONTEXT_SHAPE, "label", {"label": [1.0]}),
    ("context too long", R.CONTEXT_SHAPE, "name", {"name": ["n", "n"]}),
    ("a step too short", R.VALUE_COUNT, "xy", {"xy": [[0.0, 0.5], [1.0]]}),
    ("a step with too many ids", R.VALUE_COUNT, "tags", {"tags": [[1, 2, 3], [3, 4]]}),
    ("one weight too few", R.VALUE_COUNT, "weights", {"weights": [[0.5, 1.0], [1.0]]}),
    ("uneven lengths", R.LENGTH_MISMATCH, "", {"id": [1, 2, 3]}),
    ("NaN", R.NOT_FINITE, "xy", {"xy": [[0.0, math.nan], [1.0, -1.0]]}),
    ("infinity in the context", R.NOT_FINITE, "label", {"label": [1.0, -math.inf]}),
    ("an infinite weight", R.NOT_FINITE, "weights", {"weights": [[0.5, math.inf], [1.0, 0.0]]}),
    ("below the minimum", R.OUT_OF_RANGE, "xy", {"xy": [[-1.5, 0.5], [1.0, -1.0]]}),
    ("above the maximum", R.OUT_OF_RANGE, "label", {"label": [9.0, 9.5]}),
    ("an id too large", R.ID_OUT_OF_RANGE, "id", {"id": [1, 10]}),
    ("a negative id", R.ID_OUT_OF_RANGE, "tags", {"tags": [[1, -1], [3, 4]]}),
    ("an id beyond 32 bits", R.ID_OUT_OF_RANGE, "id", {"id": [1, 2**32 + 1]}),
    ("an unknown word", R.OUT_OF_VOCABULARY, "word", {"word": ["a", "c"]}),
    ("no step", R.EMPTY_SEQUENCE, "", {key: [] for key in GOOD}),
    ("too few steps", R.TOO_SHORT, "", many(1)),
    ("too many steps", R.OVER_LONG, "", many(9)),
    ("the worst of several faults counts", R.MISSING_FEATURE, "word", {"word": None, "id": [1, 99]}),
]


@dataclass
class Planted:
    """A finished job; every second record is invalid.

    Attributes:
        expected: by the record's index in the file: a name, the reason, the column, the bytes and the offset.
    """

    manifest: Manifest
    folder: Path
    path: str
    records: int
    expected: dict[int, tuple[str, RejectReason, str, bytes, int]]
    rejects: dict[int, Reject]


@pytest.fixture(scope="module", params=["sequence_example", "example"])
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    container = request.param
    folder = tmp_path_factory.mktemp("rejects")
    (folder / "raw").mkdir()
    good = framed(record(container))
    content, index, expected = good, 1, {}

    def plant(name: str, reason: RejectReason, column: str, raw: bytes, frame: bytes) -> None:
        nonlocal content, index
        expected[index] = (name, reason, column, raw, len(content))
        content += frame + good
        index += 2

    for name, reason, column, change in BAD:
        if container == "example" and name == "no step":  # an empty list is an absent feature there
            change = {key: [] for key in GOOD}
            reason, column = R.MISSING_FEATURE, "id"
        raw = change(container) if callable(change) else record(container, change)
        plant(name, reason, column, raw, framed(raw))
    sound = record(container)
    flipped = bytes([sound[0] ^ 1]) + sound[1:]
    plant("a changed bit", R.DAMAGED_RECORD, "", flipped, good[:12] + flipped + good[-4:])
    large = record(container, {"name": "x" * (LARGEST + 1)})
    plant("too many bytes", R.TOO_LARGE, "", large, framed(large))
    broken = bytes([good[0] ^ 1]) + good[1:]
    expected[index] = ("a changed length", R.DAMAGED_FILE, "", broken, len(content))
    path = folder / "raw" / "bad.tfrecord"
    path.write_bytes(content + broken)
    others = write_records(folder / "raw" / "good.tfrecord", [record(container)] * 5)
    manifest = jobs.run(
        folder, COLUMNS, [str(path), others], inputs={"format": container}, sequences={"min_steps": 2}, limits={
            "rejected_fraction": 1.0, "damaged_files": 1, "max_record_bytes": LARGEST
        },
    )  # fmt: skip
    with open(folder / "out" / "rejects" / "rejects-00000-of-00001.tfrecord.gz", "rb") as stream:
        rejects = {reject.index: reject for reject in read_rejects(stream)}
    return Planted(manifest, folder, str(path), index + 1, expected, rejects)


def test_each_invalid_record_is_rejected_for_its_reason(planted: Planted) -> None:
    found = {index: (reject.reason, reject.column) for index, reject in planted.rejects.items()}
    assert found == {index: (reason, column) for index, (_, reason, column, _, _) in planted.expected.items()}


def test_each_reject_has_its_place_and_its_bytes(planted: Planted) -> None:
    for index, (name, _, _, raw, offset) in planted.expected.items():
        reject = planted.rejects[index]
        assert (reject.file, reject.offset, reject.raw) == (planted.path, offset, raw), name
        assert reject.detail, name


def test_every_reason_occurs(planted: Planted) -> None:
    missing = {R.EMPTY_SEQUENCE} if planted.manifest.config["inputs"]["format"] == "example" else set()  # type: ignore[index]
    assert {reject.reason for reject in planted.rejects.values()} == set(RejectReason) - missing


def test_no_valid_record_is_lost(planted: Planted) -> None:
    jobs.balance(planted.manifest)
    counts = planted.manifest.counts
    assert counts.read == planted.records + 5
    assert counts.written == planted.records + 5 - len(planted.expected)
    written = jobs.sequences(planted.folder / "out", planted.manifest)
    assert {row.canonical() for row in written} == {jobs.canonical(_decoded())}


def _decoded() -> dict[str, Any]:
    return {**GOOD, "id": [[1], [2]], "word": [[0], [1]], "label": [1.0, 2.0], "name": [b"n"]}


@pytest.mark.parametrize("cut", [1, 5, 11, 12, 13])
def test_a_large_length_at_the_end_of_a_file_is_damage_not_memory(tmp_path: Path, cut: int) -> None:
    (tmp_path / "raw").mkdir()
    path = tmp_path / "raw" / "a.tfrecord"
    path.write_bytes(framed(record("sequence_example")) + (header(2**30) + b"abc")[:cut])
    manifest = jobs.run(tmp_path, COLUMNS, [str(path)])
    assert (manifest.counts.written, manifest.counts.rejected) == (1, {"damaged_file": 1})
