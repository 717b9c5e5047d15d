"""Drafts for data like that of well-known data sets: the right columns, or the reason why not; nothing is rejected."""

import random
import re

import pytest

from draft import lookalikes
from draft.drafting import draft, refine
from lengthwise.config import load_config
from lengthwise.errors import DatasetError
from lengthwise.job import run
from records.messages import sequence_example

RECORDS = 100


def _records(make: lookalikes.Make) -> list[bytes]:
    rng = random.Random(1)
    return [make(index, rng) for index in range(RECORDS)]


def _columns(config) -> dict[str, tuple]:
    """By key: the kind, and the number of values per step or record if there are several."""
    columns = {}
    for column in config.columns:
        width = getattr(column, "shape", ()) or (getattr(column, "values_per_step", 1),)
        columns[column.key] = (column.kind, *(width if width != (1,) else ()))
    return columns


def _omitted(text: str) -> dict[str, str]:
    """The reasons, by key."""
    return dict(re.findall("^  # left out: (.*?): (.*)$", _unwrapped(text), re.MULTILINE))


def _unwrapped(text: str) -> str:
    """The text with each comment in one line."""
    return text.replace("\n  #   ", " ")


@pytest.mark.parametrize(
    ("make", "columns", "omitted"),
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
            lookalikes.alternating_lists,
            {"a": ("identity",), "b": ("identity",)},
            {},
        ),
        (
            lookalikes.sometimes_uneven,
            {"a": ("identity",)},
            {"b": "in 5 of the 100 records that have both, its number of steps differs from that of a: they would be"},
        ),
        (lookalikes.flat_frames, {"frames": ("numeric",), "label": ("context",)}, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_draft_is_right_or_states_why_not(tmp_path, make, columns, omitted) -> None:
    records = _records(make)
    text, config = draft(tmp_path, records)
    assert _columns(config) == columns
    reasons = _omitted(text)
    assert reasons.keys() == omitted.keys()
    for key, reason in omitted.items():
        assert reason in reasons[key]
    assert refine(config, records).rejects == []
    assert config.sequences.mismatch == "reject"
    assert all(line.isprintable() for line in text.split("\n"))


def test_if_no_sequence_can_be_read_each_reason_is_reported(tmp_path) -> None:
    with pytest.raises(DatasetError) as caught:
        draft(tmp_path, [sequence_example({"##a": [1], "b": [[0.5] * size for size in (1, 2)]})] * 20)
    assert "found none; '##a': names that start with ##" in str(caught.value)
    assert "; b: its steps have between 1 and 2 numbers" in str(caught.value)


GROUPS: dict[lookalikes.Make, tuple[tuple[str, ...], set[str], str]] = {
    lookalikes.letters_and_sounds: (("sounds",), set(), "records, letters has 5."),
    lookalikes.labels_and_tokens: (("a",), set(), "values on average in 100 of 100 records, tokens has"),
    lookalikes.half_of_the_records: (("a_extra",), {"a_extra"}, "a separate sequence: 9 steps on average in 50"),
    lookalikes.alternating_lists: (("b",), {"b"}, "too few records have both to say that they go together, so it is a"),
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
def test_the_job_accepts_drafted_bytes_gaps_and_groups(tmp_path, make) -> None:
    text, _ = draft(tmp_path, _records(make))
    comments = _unwrapped(text)
    manifest = run(load_config(f"{tmp_path}/job.yaml", {"output.path": f"{tmp_path}/prepared"}), workers=1)
    assert (manifest.counts.written, manifest.counts.rejected) == (RECORDS, {})
    if make is lookalikes.films:
        assert "JPEG pictures: kept as they are, for your program to decode" in comments
        assert "missing: fill" in text
        gaps = map(int, re.findall(r"(\d+) (?:NaN|steps without)", comments))
        assert manifest.counts.repaired["level"] == sum(gaps)
    elif make is lookalikes.prices_in_the_context:
        assert "key: price\n    from: context" in text
        assert "as many values as the sequence has steps" in comments
    elif make in GROUPS:
        groups, empty, reason = GROUPS[make]
        assert [tuple(manifest.groups), manifest.config["sequences"]["groups"].keys()] == [groups, empty]
        assert reason in comments
    else:
        assert "decode: {dtype: float32}" in text or "decode: {dtype: uint8}" in text


def test_numbers_are_explained_and_persons_are_in_one_split(tmp_path) -> None:
    text, config = draft(tmp_path, _records(lookalikes.clickstream))
    assert (config.splits.fractions, config.splits.key) == ({"eval": 0.1, "train": 0.9}, "userId")
    for reason in (
        "hashed to 8192 ids, at least 4 times the",
        "integers from 0 to 3, 4 ids, so that each has one",
        "times in milliseconds since 1970",
        "amounts by their name; ids would be an identity column",
        "About a tenth is held back to measure a model on, by a hash of a value of `key`",
    ):
        assert reason in _unwrapped(text)
    few, config = draft(tmp_path, _records(lookalikes.genres)[:10])
    assert config.splits.fractions == {"train": 1.0}
    assert "10 records are too few to hold some back" in few
    frames, _ = draft(tmp_path, _records(lookalikes.flat_frames))
    assert "8 or a multiple of that in each record; if a step has 8, write shape: [8]" in _unwrapped(frames)


@pytest.mark.parametrize(
    ("key", "values", "person"),
    [
        ("user_id", lambda i: [i], "user_id"),
        ("userId", lambda i: [b"u%d" % i], "userId"),
        ("uid", lambda i: [i], "uid"),
        ("customer", lambda i: [i], "customer"),
        ("user_id", lambda i: [i % 3], None),  # too few to split
        ("user_id", lambda i: [i] * (i != 7), None),  # not in every record
        ("user_id", lambda i: [i, i], None),
        ("user_age", lambda i: [i], None),
        ("user_agent", lambda i: [b"%d" % i], None),
        ("item_id", lambda i: [i], None),
    ],
)
def test_persons_are_recognised_by_name_and_values(tmp_path, key, values, person) -> None:
    records = [sequence_example({"x": [1, 2]}, {key: values(index)} if values(index) else {}) for index in range(50)]
    assert draft(tmp_path, records)[1].splits.key == person


@pytest.mark.parametrize("persons", [10, 12, 15, 50])
def test_few_persons_leave_no_split_empty(tmp_path, persons) -> None:
    records = [sequence_example({"x": [index, 2]}, {"user": b"%d" % (index % persons)}) for index in range(100)]
    text, _ = draft(tmp_path, records)
    manifest = run(load_config(f"{tmp_path}/job.yaml", {"output.path": f"{tmp_path}/prepared"}), workers=1)
    held_back = sum(shard.sequences for shard in manifest.shards if shard.split == "eval")
    assert f"{held_back} of the 100 sampled records are held back" in text
    assert 5 <= held_back <= 20


@pytest.mark.parametrize(
    ("usual", "exceptional", "reason"),
    [
        (({"x": [1, 2]}, {}), ({"x": [1.0, 2.0]}, {}), "x: it holds no int64_list"),
        (({"x": [b"a", b"b"]}, {}), ({"x": [1]}, {}), "x: it holds no bytes_list"),
        (({"x": [[0.5, 1.0]]}, {}), ({"x": [[0.5]]}, {}), "x: it has steps of other than 2 numbers"),
        (
            ({"x": [1], "y": [2]}, {}),
            ({"x": [1, 2], "y": [2]}, {}),
            "y: its number of steps differs from that of the other sequences",
        ),
        (({"x": [1]}, {"c": [1]}), ({"x": [1]}, {"c": [1, 2]}), "c: it has other than 1 value"),
        (({"x": [1]}, {"c": [1]}), ({"x": [1]}, {"c": [b"1"]}), "c: it holds no int64_list"),
    ],
)
@pytest.mark.parametrize("count", [10, 20, 200])
def test_one_exceptional_record_of_many_is_rejected_and_reported(tmp_path, usual, exceptional, reason, count) -> None:
    records = [sequence_example(*(exceptional if index == 7 else usual)) for index in range(count)]
    text, config = draft(tmp_path, records)
    assert {column.key for column in config.columns} == {*usual[0], *usual[1]}
    heading = f"# 1 of the {count} records will be rejected, because they differ from the others:"
    assert f"{heading}\n#   1: {reason}\n" in text
    assert len(refine(config, records).rejects) == 1 <= config.limits.rejected_fraction * count


def test_exceptional_records_of_many_features_do_not_add_up(tmp_path) -> None:
    """A record in a hundred for each of many features would be every record."""
    records = [
        sequence_example(
            {f"x{n:02}": [1.5 if n == i else 1] * 3 for n in range(20)},
            {f"c{n}": [1] * (1 + (n == i)) for n in range(8)},
        )
        for i in range(RECORDS)
    ]
    text, config = draft(tmp_path, records)
    reasons = _omitted(text)
    assert len(config.columns) + len(reasons) == 28
    assert len(config.columns) >= 5
    assert (
        "too many records would be rejected, for it and for other features: it holds no int64_list in 1"
        in reasons["x19"]
    )
    assert 1 <= len(refine(config, records).rejects) <= 5 <= RECORDS * config.limits.rejected_fraction


def test_a_few_times_may_be_out_of_order(tmp_path) -> None:
    def record(index: int) -> bytes:
        times = [1_700_000_000 + index * 100 + step for step in range(30)]
        return sequence_example({"step": times if index else [times[1], times[0], *times[2:]]})

    assert _columns(draft(tmp_path, [record(index) for index in range(RECORDS)])[1]) == {"step": ("numeric",)}


def test_a_feature_of_several_kinds_is_omitted_with_the_numbers(tmp_path) -> None:
    records = [sequence_example({"x": [1] if i % 4 else [1.0], "y": [2]}) for i in range(40)]
    reasons = _omitted(draft(tmp_path, records)[0])
    assert reasons == {"x": "it holds lists of several kinds: float_list in 10 records, int64_list in 30 records"}
    with pytest.raises(DatasetError, match="found none; x: it holds lists of several kinds: float_list in 10 records"):
        draft(tmp_path, [sequence_example({"x": [1] if i % 4 else [1.0]}) for i in range(40)])


def test_control_characters_in_names_and_values_are_escaped(tmp_path) -> None:
    names = ["a\x1b[31m", "\u202eb", "c\nsplits: {}", "\x7fd", "\x85e", "f\u2028"]
    records = [
        sequence_example(
            {
                name: [[b"\x1b[2J red", b"green \xe2\x80\xae", b"\xe4\xb8\x80"][index % 3]]
                * (1 + index % 4 * (name == names[2]))
                for name in names[2:]
            },
            {name: [1] if index % 2 else [1, 2] for name in names[:2]},
        )
        for index in range(60)
    ]
    text, config = draft(tmp_path, records)
    assert all(line.isprintable() for line in text.split("\n"))
    assert {column.key for column in config.columns} | set(_omitted(text)) >= {names[2]}
    assert refine(config, records).rejects == []
