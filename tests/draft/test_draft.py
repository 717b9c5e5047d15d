"""A drafted configuration is valid, and rejects no record that it was drafted from, except those that it names."""

import gzip
import math
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from draft.drafting import draft, refine
from lengthwise.config import load_config
from lengthwise.draft import draft_config
from lengthwise.errors import ConfigError, DatasetError
from lengthwise.job import run
from lengthwise.records.container.frame_writing import frame
from records.messages import example, sequence_example

_VALUES = {
    "ids": st.integers(0, 40),
    "signed": st.integers(-5, 5),
    "large": st.integers(0, 2**63 - 1),
    "words": st.sampled_from(
        [b"yes", b"no", b"a: b", b"'", b'"', b"*a", b"", b"\n", b"#", "é\x85\u2028".encode(), b"1"]
    ),
    "bytes": st.binary(max_size=3),
    "floats": st.floats(width=32),
}
_KEYS = st.sampled_from(["a", "b", "key: [odd]", "- x", "#", "ü", "yes", "3", "a\nb", "sequence_length", "##row"])


@st.composite
def _sequence_examples(draw) -> list[bytes]:
    lists = draw(st.dictionaries(_KEYS, st.sampled_from(sorted(_VALUES)), min_size=1, max_size=4))
    widths = {key: draw(st.sampled_from(["one", "two", "varying"])) for key in lists}
    context = draw(st.dictionaries(_KEYS, st.sampled_from(sorted(_VALUES)), max_size=2))
    records = []
    for _ in range(draw(st.integers(1, 8))):
        length = draw(st.integers(0, 5))
        sequences, values = {}, {}
        for key, kind in lists.items():
            if draw(st.integers(0, 9)) == 0:
                continue
            sequences[key] = []
            for _ in range(length + (draw(st.integers(0, 9)) == 0)):
                width = {"one": 1, "two": 2, "varying": draw(st.integers(0, 3))}[widths[key]]
                sequences[key].append(draw(st.lists(_VALUES[kind], min_size=width, max_size=width)))
        for key, kind in context.items():
            if draw(st.integers(0, 9)):
                size = 1 if draw(st.integers(0, 19)) else 2
                values[key] = draw(st.lists(_VALUES[kind], min_size=size, max_size=size))
        records.append(sequence_example(sequences, values))
    return records


@st.composite
def _examples(draw) -> list[bytes]:
    features = draw(st.dictionaries(_KEYS, st.sampled_from(sorted(_VALUES)), min_size=1, max_size=4))
    widths = {key: draw(st.integers(1, 3)) for key in features}
    records = []
    for _ in range(draw(st.integers(1, 8))):
        length = draw(st.integers(0, 5))
        values = {}
        for key, kind in features.items():
            if draw(st.integers(0, 9)):
                size = length * widths[key] + (draw(st.integers(0, 9)) == 0)
                values[key] = draw(st.lists(_VALUES[kind], min_size=size, max_size=size))
        if draw(st.booleans()):
            values["label"] = [draw(st.integers(0, 3))]
        records.append(example(values))
    return records


@settings(max_examples=300)
@given(records=_sequence_examples() | _examples(), copies=st.sampled_from([1, 1, 8]), last=st.booleans())
def test_a_draft_truncates_nothing_and_rejects_only_exceptional_records_that_it_names(
    tmp_path_factory, records, copies, last
) -> None:
    records = [*records[:-1] * copies, *records[-1:] * (copies if last else 1)]  # so that one of many is exceptional
    try:
        text, config = draft(tmp_path_factory.mktemp("draft"), records)
    except DatasetError as error:  # no feature can be a sequence
        assume("found none" not in str(error) and "no record" not in str(error))
        raise
    assume("of another format" not in text)
    announced = re.search(r"^# (\d+) of the \d+ records will be rejected", text, re.MULTILINE)
    rejects = [(reject.reason, reject.column, reject.detail) for reject in refine(config, records).rejects]
    assert rejects == [] or announced
    assert len(rejects) == (int(announced[1]) if announced else 0) <= len(records) * config.limits.rejected_fraction
    assert all(line.isprintable() for line in text.split("\n"))


def _visit(index: int) -> bytes:
    steps = range(index % 7 + 1)
    sequences = {
        "item": [(index * 7 + step) % 50 for step in steps],
        "time": [1_600_000_000 + index * 100 + step for step in steps],
        "word": [[b"red", b"green", b"no"][(index + step) % 3] for step in steps],
        "position": [[step / 2, 1.0] for step in steps],
    }
    score = {"score": 0.5} if index % 2 else {}
    return sequence_example(sequences, {"label": index % 3, "user": b"user %d" % index, **score})


def test_a_draft_looks_as_if_written_by_hand(tmp_path) -> None:
    for part in range(2):
        content = frame([_visit(part * 100 + index) for index in range(100)])
        (tmp_path / f"in-{part}.tfrecord.gz").write_bytes(gzip.compress(content))
    text = draft_config([f"{tmp_path}/in-*.tfrecord.gz"])
    assert text.replace(str(tmp_path), "DATA") == (
        """\
# Drafted by `lengthwise init` from all 200 records of 2 file(s). Check it by
# `lengthwise check THIS_FILE`; `lengthwise schema` describes every field.
inputs:
  files:
    - DATA/in-*.tfrecord.gz
  format: sequence_example

columns:
  # integers from 0 to 49, 50 ids, so that each has one
  - kind: identity
    key: item
    num_buckets: 50
    oov: zero
  # numbers from 0 to 3, 2 per step
  - kind: numeric
    key: position
    shape: [2]
  # integers from 1600000000 to 1600019903, times in seconds since 1970
  - kind: numeric
    key: time
    dtype: int64
  # 3 distinct strings
  - kind: vocabulary
    key: word
    vocabulary_list: [green, red, 'no']
    num_oov_buckets: 1
  # of the whole record, from 0 to 2
  - kind: context
    key: label
    dtype: int64
  # of the whole record, from 0.5 to 0.5, absent from 100 of 200 records
  - kind: context
    key: score
    dtype: float32
    default_value: 0.0
  # of the whole record
  - kind: context
    key: user
    dtype: string

sequences:
  empty: reject  # or keep; no record without a step was seen
  over_long: reject  # or truncate_left, truncate_right, window: beyond the last boundary

# Lengths: 1 to 7 steps, median 4, 99% up to 7.
buckets: {}  # planned from the data; or {count: 8}, or {boundaries: [...]}

splits:
  # About a tenth is held back to measure a model on, by a hash of a value of `key`: always the same records.
  fractions: {train: 0.9, eval: 0.1}
  key: user  # all records of one value go to one split; 24 of the 200 sampled records are held back

output:
  path: prepared
"""
    )


def test_the_job_accepts_a_draft(tmp_path) -> None:
    for part in range(2):
        (tmp_path / f"in-{part}.tfrecord").write_bytes(frame([_visit(part * 50 + index) for index in range(50)]))
    (tmp_path / "job.yaml").write_text(draft_config([f"{tmp_path}/in-0.tfrecord", f"{tmp_path}/in-1.tfrecord"]))
    manifest = run(load_config(f"{tmp_path}/job.yaml", {"output.path": f"{tmp_path}/prepared"}), workers=1)
    assert (manifest.counts.read, manifest.counts.written, manifest.counts.rejected) == (100, 100, {})


def test_flat_examples_are_distinguished_from_sequence_examples(tmp_path) -> None:
    records = [
        example({"ids": list(range(index)), "frames": [0.5] * (3 * index), "label": index % 2}) for index in range(9)
    ]
    _, config = draft(tmp_path, records)
    assert config.inputs.format == "example"
    assert {column.key: (column.kind, getattr(column, "shape", None)) for column in config.columns} == {
        "frames": ("numeric", (3,)),
        "ids": ("identity", None),
        "label": ("context", ()),
    }
    assert config.sequences.empty == "keep"


def test_ids_have_room_for_records_outside_the_sample(tmp_path) -> None:
    records = [_visit(index) for index in range(100)]
    text, config = draft(tmp_path, records, sample=10)
    assert "from the first 10 records of 1 file(s)" in text
    [item] = [column for column in config.columns if column.key == "item"]
    assert item.num_buckets > 50
    assert item.oov == "zero"
    assert refine(config, records).rejects == []


def test_damaged_records_and_those_of_another_format_are_counted(tmp_path) -> None:
    content = bytearray(frame([_visit(1), _visit(2), b"\xff\xff", example({"item": [3, 4]})]))
    content[20] ^= 1
    (tmp_path / "in.tfrecord").write_bytes(bytes(content))
    text = draft_config([f"{tmp_path}/in.tfrecord"])
    assert "# 3 records were damaged or of another format; they will be rejected." in text


def test_large_files_fill_the_sample_if_others_are_small(tmp_path) -> None:
    sizes = [0, 1, 300, 5, 400, 3]
    for part, size in enumerate(sizes):
        records = [_visit(part * 1000 + index) for index in range(size)]
        (tmp_path / f"in-{part}.tfrecord").write_bytes(frame(records))
    drafted = [draft_config([f"{tmp_path}/in-*.tfrecord"], sample) for sample in (100, 708, 709)]
    starts = [text.partition(" records of 6 file(s)")[0] for text in drafted]
    assert starts == [
        f"# Drafted by `lengthwise init` from {share}" for share in ("the first 101", "the first 708", "all 709")
    ]


def test_damage_is_counted_once_if_a_file_is_opened_several_times(tmp_path) -> None:
    for part, size in enumerate([1, 30]):
        content = bytearray(frame([b"damaged", *(_visit(index) for index in range(size))]))
        content[12] ^= 1
        (tmp_path / f"in-{part}.tfrecord").write_bytes(content)
    text = draft_config([f"{tmp_path}/in-*.tfrecord"], 20)
    assert "from the first 20 records" in text
    assert "# 2 records were damaged or of another format" in text


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, ConfigError, "in.tfrecord, found none; check the path or the pattern"),
        (b"", DatasetError, "found no record that can be read as one (0 unreadable in 1 files)"),
        (b"just text, no TFRecord at all", DatasetError, "found no record that can be read as one (1 unreadable in 1"),
        (frame([b"\xff\xff\xff"]), DatasetError, "found no record that can be read as one (1 unreadable in 1 files)"),
    ],
)
def test_files_without_records_are_reported(tmp_path, content, error, message) -> None:
    if content is not None:
        (tmp_path / "in.tfrecord").write_bytes(content)
    with pytest.raises(error) as caught:
        draft_config([f"{tmp_path}/in.tfrecord"])
    assert message in str(caught.value)


def test_records_without_sequences_are_reported(tmp_path) -> None:
    with pytest.raises(DatasetError, match="expected a feature with one entry per step, found none among label"):
        draft(tmp_path, [example({"label": math.pi})])
