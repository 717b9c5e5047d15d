"""What is drafted for data like that of well-known data sets: the right columns, or why not; nothing is rejected."""

import io
import random
import re

import pytest

from draft import lookalikes
from draft.lookalikes import sequence_example
from lengthwise.config import load_config
from lengthwise.draft import draft_config
from lengthwise.errors import DatasetError
from lengthwise.job import run
from lengthwise.records.container.frame_reading import read_blocks
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.rows.block_rows import Refiner, Rules

RECORDS = 100


def _records(make: lookalikes.Make) -> list[bytes]:
    rng = random.Random(1)
    return [make(index, rng) for index in range(RECORDS)]


def _draft(tmp_path, records: list[bytes]):
    (tmp_path / "in.tfrecord").write_bytes(frame(records))
    text = draft_config([f"{tmp_path}/in.tfrecord"])
    (tmp_path / "job.yaml").write_text(text)
    return text, load_config(f"{tmp_path}/job.yaml")


def _columns(config) -> dict[str, tuple]:
    """By key: the kind, and the number of values of a step or of a record where there are several."""
    width = {
        column.key: getattr(column, "shape", ()) or (getattr(column, "values_per_step", 1),)
        for column in config.columns
    }
    return {
        column.key: (column.kind, *(width[column.key] if width[column.key] != (1,) else ()))
        for column in config.columns
    }


def _left_out(text: str) -> dict[str, str]:
    """The reasons, by key."""
    lines = text.replace("\n  #   ", " ").splitlines()
    found = [line.removeprefix("  # left out: ").split(": ", 1) for line in lines if line.startswith("  # left out: ")]
    return dict(found)


def _rejected(config, records: list[bytes]) -> int:
    [block] = read_blocks(io.BytesIO(frame(records)))
    rules = Rules(config.columns, config.inputs.format, config.sequences)
    refined = Refiner(rules).refine(block, "in.tfrecord")
    assert refined.tally.truncated == 0
    return len(refined.rejects)


@pytest.mark.parametrize(
    ("make", "columns", "left_out"),
    [
        (
            lookalikes.audioset,
            {
                "audio_embedding": ("numeric", 128),
                "loudness": ("numeric",),
                "labels": ("identity", 4),
                "start_time_seconds": ("context",),
                "video_id": ("context",),
            },
            {},
        ),
        (lookalikes.packed_floats, {"kind": ("identity",), "vector": ("numeric", 2)}, {}),
        (
            lookalikes.youtube8m_frames,
            {"audio": ("numeric", 128), "rgb": ("numeric", 1024), "id": ("context",), "labels": ("identity", 5)},
            {},
        ),
        (lookalikes.films, {"frame": ("bytes",), "level": ("numeric",), "sound": ("bytes",)}, {}),
        (
            lookalikes.detection,
            {
                "image/object/bbox/xmin": ("numeric",),
                "image/object/class/label": ("identity",),
                "image/object/class/text": ("vocabulary",),
                "image/format": ("vocabulary",),
                "image/height": ("context",),
            },
            {"image/encoded": "JPEG pictures: of the whole record, no column decodes them"},
        ),
        (
            lookalikes.tfds_boxes,
            {"objects/bbox": ("numeric", 4), "objects/label": ("identity",)},
            {"image": "PNG pictures"},
        ),
        (
            lookalikes.waymo,
            {
                "roadgraph_samples/type": ("identity",),
                "roadgraph_samples/xyz": ("numeric", 3),
                "scenario/id": ("context",),
                "state/current/x": ("numeric",),
            },
            {},
        ),
        (
            lookalikes.bert,
            {
                "input_ids": ("identity",),
                "input_mask": ("identity",),
                "masked_lm_positions": ("identity",),
                "next_sentence_labels": ("context",),
            },
            {},
        ),
        (
            lookalikes.clickstream,
            {
                "action": ("identity",),
                "category": ("vocabulary",),
                "item_id": ("hash",),
                "price": ("numeric",),
                "ts": ("numeric",),
                "bought": ("context",),
                "device": ("vocabulary",),
                "userId": ("context",),
            },
            {},
        ),
        (lookalikes.tweets, {"tweet_id": ("hash",)}, {}),
        (
            lookalikes.spark,
            {"vector": ("numeric", 2), "label": ("identity", 4)},
            {},
        ),
        (
            lookalikes.trajectory,
            {"action": ("identity",), "reward": ("numeric",), "observation": ("numeric", 2)},
            {},
        ),
        (lookalikes.genres, {"film": ("identity",), "genres": ("identity", 4)}, {}),
        (lookalikes.latin1, {"word": ("hash",)}, {}),
        (
            lookalikes.labels_and_tokens,
            {"tokens": ("identity",), "a_label": ("identity",), "a_weight": ("numeric",)},
            {},
        ),
        (
            lookalikes.half_of_the_records,
            {"event": ("vocabulary",), "time": ("numeric",), "a_extra": ("identity",)},
            {},
        ),
        (
            lookalikes.prices_in_the_context,
            {"item": ("identity",), "price": ("numeric",), "tags": ("vocabulary", 3)},
            {},
        ),
        (
            lookalikes.taken_in_turn,
            {"a": ("identity",), "b": ("identity",)},
            {},
        ),
        (
            lookalikes.sometimes_uneven,
            {"a": ("identity",)},
            {"b": "in 5 of the 100 records that have both it has other steps than a: they would be rejected, or cut"},
        ),
        (lookalikes.flat_frames, {"frames": ("numeric",), "label": ("context",)}, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_draft_is_right_or_says_why_not(tmp_path, make, columns, left_out) -> None:
    records = _records(make)
    text, config = _draft(tmp_path, records)
    assert _columns(config) == columns
    reasons = _left_out(text)
    assert reasons.keys() == left_out.keys()
    for key, reason in left_out.items():
        assert reason in reasons[key]
    assert _rejected(config, records) == 0
    assert config.sequences.mismatch == "reject"
    assert all(line.isprintable() for line in text.split("\n"))


def test_where_no_sequence_can_be_read_each_reason_is_said(tmp_path) -> None:
    with pytest.raises(DatasetError) as caught:
        _draft(tmp_path, [sequence_example({}, {"##a": [1], "b": [[0.5] * size for size in (1, 2)]})] * 20)
    assert "found none; '##a': names that start with ##" in str(caught.value)
    assert "; b: its steps have between 1 and 2 numbers" in str(caught.value)


GROUPS: dict[lookalikes.Make, tuple[tuple[str, ...], set[str], str]] = {
    lookalikes.letters_and_sounds: (("sounds",), set(), "records, letters has 5."),
    lookalikes.labels_and_tokens: (("a",), set(), "values on average in 100 of 100 records, tokens has"),
    lookalikes.half_of_the_records: (("a_extra",), {"a_extra"}, "a separate sequence: 9 steps on average in 50"),
    lookalikes.taken_in_turn: (("b",), {"b"}, "too few records have both to say that they go together, so it is a"),
}
"""By writer: the groups other than the first, those without steps in some records, and the comments."""


@pytest.mark.parametrize(
    "make",
    [
        lookalikes.youtube8m_frames,
        lookalikes.packed_floats,
        lookalikes.films,
        lookalikes.prices_in_the_context,
        *GROUPS,
    ],
)
def test_bytes_and_gaps_run_as_they_are_drafted(tmp_path, make) -> None:
    text, _ = _draft(tmp_path, _records(make))
    said = text.replace("\n  #   ", " ")
    manifest = run(load_config(f"{tmp_path}/job.yaml", {"output.path": f"{tmp_path}/prepared"}), workers=1)
    assert (manifest.counts.written, manifest.counts.rejected) == (RECORDS, {})
    if make is lookalikes.films:
        assert "JPEG pictures: kept as they are, for your program to decode" in said
        assert "missing: fill" in text
        assert f"{manifest.counts.repaired['level']}" == str(
            sum(map(int, re.findall(r"(\d+) (?:NaN|steps without)", said)))
        )
    elif make is lookalikes.prices_in_the_context:
        assert "key: price\n    from: context" in text
        assert "as many values as the sequence has steps" in said
    elif make in GROUPS:
        groups, empty, reason = GROUPS[make]
        assert [tuple(manifest.groups), manifest.config["sequences"]["groups"].keys()] == [groups, empty]
        assert reason in said
    else:
        assert "decode: {dtype: float32}" in text or "decode: {dtype: uint8}" in text


def test_numbers_are_explained_and_persons_stay_in_one_split(tmp_path) -> None:
    text, config = _draft(tmp_path, _records(lookalikes.clickstream))
    assert (config.splits.fractions, config.splits.key) == ({"eval": 0.1, "train": 0.9}, "userId")
    for reason in (
        "hashed to 8192 ids, at least 4 times the",
        "integers from 0 to 3, 4 ids, so that each has one",
        "times in milliseconds since 1970",
        "amounts by their name; ids were an identity column",
        "About a tenth is held back to measure a model on, by a hash of a value of `key`",
    ):
        assert reason in text.replace("\n  #   ", " ")
    few, config = _draft(tmp_path, _records(lookalikes.genres)[:10])
    assert config.splits.fractions == {"train": 1.0}
    assert "10 records are too few to hold some back" in few
    frames = _draft(tmp_path, _records(lookalikes.flat_frames))[0]
    assert "8 or a multiple of that in each record; if a step has 8, write shape: [8]" in frames.replace(
        "\n  #   ", " "
    )


@pytest.mark.parametrize(
    ("key", "values", "person"),
    [
        ("user_id", lambda i: [i], "user_id"),
        ("userId", lambda i: [b"u%d" % i], "userId"),
        ("uid", lambda i: [i], "uid"),
        ("customer", lambda i: [i], "customer"),
        ("user_id", lambda i: [i % 3], None),  # too few to be divided
        ("user_id", lambda i: [i] * (i != 7), None),  # not in every record
        ("user_id", lambda i: [i, i], None),
        ("user_age", lambda i: [i], None),
        ("user_agent", lambda i: [b"%d" % i], None),
        ("item_id", lambda i: [i], None),
    ],
)
def test_a_person_is_told_by_name_and_values(tmp_path, key, values, person) -> None:
    records = [sequence_example({key: values(index)} if values(index) else {}, {"x": [1, 2]}) for index in range(50)]
    assert _draft(tmp_path, records)[1].splits.key == person


@pytest.mark.parametrize("persons", [10, 12, 15, 50])
def test_few_persons_leave_no_split_empty(tmp_path, persons) -> None:
    records = [sequence_example({"user": [b"%d" % (index % persons)]}, {"x": [index, 2]}) for index in range(100)]
    (tmp_path / "in.tfrecord").write_bytes(frame(records))
    text = draft_config([f"{tmp_path}/in.tfrecord"])
    (tmp_path / "job.yaml").write_text(text)
    manifest = run(load_config(f"{tmp_path}/job.yaml", {"output.path": f"{tmp_path}/prepared"}), workers=1)
    held_back = sum(shard.sequences for shard in manifest.shards if shard.split == "eval")
    assert f"of the 100 looked at {held_back} are held back" in text
    assert 5 <= held_back <= 20


def _odd(index: int, usual, odd) -> bytes:
    context, lists = odd if index == 7 else usual
    return sequence_example(context, lists)


@pytest.mark.parametrize(
    ("usual", "odd", "kept", "said"),
    [
        (({}, {"x": [1, 2]}), ({}, {"x": [1.0, 2.0]}), {"x"}, "1: x: it holds no int64_list"),
        (({}, {"x": [b"a", b"b"]}), ({}, {"x": [1]}), {"x"}, "1: x: it holds no bytes_list"),
        (({}, {"x": [[0.5, 1.0]]}), ({}, {"x": [[0.5]]}), {"x"}, "1: x: it has steps of other than 2 numbers"),
        (
            ({}, {"x": [1], "y": [2]}),
            ({}, {"x": [1, 2], "y": [2]}),
            {"x", "y"},
            "1: y: its number of steps is not that of the other sequences",
        ),
        (({"c": [1]}, {"x": [1]}), ({"c": [1, 2]}, {"x": [1]}), {"x", "c"}, "1: c: it has other than 1 value"),
        (({"c": [1]}, {"x": [1]}), ({"c": [b"1"]}, {"x": [1]}), {"x", "c"}, "1: c: it holds no int64_list"),
    ],
)
@pytest.mark.parametrize("records", [10, 20, 200])
def test_one_odd_record_of_many_is_rejected_and_said(tmp_path, usual, odd, kept, said, records) -> None:
    content = [_odd(index, usual, odd) for index in range(records)]
    text, config = _draft(tmp_path, content)
    assert {column.key for column in config.columns} == kept
    assert f"# 1 of the {records} records will be rejected, for they differ from the others:\n#   {said}\n" in text
    assert _rejected(config, content) == 1 <= config.limits.rejected_fraction * records


def test_odd_records_of_many_features_do_not_add_up(tmp_path) -> None:
    """A record in a hundred for each of many features would be every record."""
    records = [
        sequence_example(
            {f"c{n}": [1] * (1 + (n == i)) for n in range(8)},
            {f"x{n:02}": [1.5 if n == i else 1] * 3 for n in range(20)},
        )
        for i in range(RECORDS)
    ]
    text, config = _draft(tmp_path, records)
    reasons = _left_out(text)
    assert len(config.columns) + len(reasons) == 28
    assert len(config.columns) >= 5
    assert (
        "too many records would be rejected, for it and for other features: it holds no int64_list in 1"
        in reasons["x19"]
    )
    assert 1 <= _rejected(config, records) <= 5 <= RECORDS * config.limits.rejected_fraction


def test_times_may_be_out_of_order_now_and_then(tmp_path) -> None:
    def record(index: int) -> bytes:
        times = [1_700_000_000 + index * 100 + step for step in range(30)]
        return sequence_example({}, {"step": times if index else [times[1], times[0], *times[2:]]})

    assert _columns(_draft(tmp_path, [record(index) for index in range(RECORDS)])[1]) == {"step": ("numeric",)}


def test_a_feature_of_several_kinds_is_left_out_with_the_numbers(tmp_path) -> None:
    records = [sequence_example({}, {"x": [1] if i % 4 else [1.0], "y": [2]}) for i in range(40)]
    reasons = _left_out(_draft(tmp_path, records)[0])
    assert reasons == {"x": "it holds lists of several kinds: float_list in 10 records, int64_list in 30 records"}
    with pytest.raises(DatasetError, match="found none; x: it holds lists of several kinds: float_list in 10 records"):
        _draft(tmp_path, [sequence_example({}, {"x": [1] if i % 4 else [1.0]}) for i in range(40)])


def test_names_and_values_move_no_cursor(tmp_path) -> None:
    names = ["a\x1b[31m", "\u202eb", "c\nsplits: {}", "\x7fd", "\x85e", "f\u2028"]
    records = [
        sequence_example(
            {name: [1] if index % 2 else [1, 2] for name in names[:2]},
            {
                name: [[b"\x1b[2J red", b"green \xe2\x80\xae", b"\xe4\xb8\x80"][index % 3]]
                * (1 + index % 4 * (name == names[2]))
                for name in names[2:]
            },
        )
        for index in range(60)
    ]
    text, config = _draft(tmp_path, records)
    assert all(line.isprintable() for line in text.split("\n"))
    assert {column.key for column in config.columns} | set(_left_out(text)) >= {names[2]}
    assert _rejected(config, records) == 0
