"""Splits, the order of the output, the sizes of shards, and buckets planned from the data."""

import itertools
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from lengthwise.buckets import LengthHistogram, plan
from lengthwise.manifest import Manifest
from prepare import jobs, words
from records.oracle import Rules, judge


def uids(folder: Path, manifest: Manifest, split: str | None = None) -> list[int]:
    written = jobs.sequences(folder / "out", manifest)
    return [sequence.features["uid"][0] for sequence in written if split in (None, sequence.split)]


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    folder = tmp_path_factory.mktemp("order")
    splits = {"fractions": {"train": 0.8, "eval": 0.15, "test": 0.05}, "key": "user"}
    return folder, jobs.run(folder, words.COLUMNS, words.files(), splits=splits, buckets={"boundaries": (12,)})


def test_records_of_one_key_share_a_split(shuffled):
    folder, manifest = shuffled
    splits = defaultdict(set)
    for row in jobs.sequences(folder / "out", manifest):
        splits[row.features["user"][0]].add(row.split)
    assert len(splits) > 90
    assert {len(found) for found in splits.values()} == {1}
    assert set().union(*splits.values()) == {"train", "eval", "test"}


def test_the_order_is_shuffled_over_all_files(shuffled):
    folder, manifest = shuffled
    order = uids(folder, manifest, "train")
    files = [uid // 200 for uid in order]
    changes = sum(previous != other for previous, other in itertools.pairwise(files))
    assert changes > 0.7 * len(files)  # 4 of 5 neighbours come from different files
    assert Counter(uids(folder, manifest)).most_common(1)[0][1] == 1


def test_splits_have_about_the_configured_shares(tmp_path):
    splits = {"fractions": {"train": 0.7, "eval": 0.3}}
    manifest = jobs.run(tmp_path, words.COLUMNS, words.files(records=400), splits=splits, buckets={"count": 1})
    shares = {split: sum(manifest.lengths[split].values()) / manifest.counts.sequences for split in ("train", "eval")}
    assert abs(shares["train"] - 0.7) < 0.05
    again = jobs.run(
        tmp_path, words.COLUMNS, words.files(records=400), splits={**splits, "seed": 1},
        buckets={"count": 1}, output={"path": str(tmp_path / "other")},
    )  # fmt: skip
    other = {row.features["uid"][0] for row in jobs.sequences(tmp_path / "other", again) if row.split == "eval"}
    assert set(uids(tmp_path, manifest, "eval")) != other


def test_a_record_keeps_its_split_when_records_are_added(tmp_path):
    splits = {"fractions": {"train": 0.5, "eval": 0.5}}
    files = words.files(count=2)
    few = jobs.run(tmp_path, words.COLUMNS, files, splits=splits)
    (tmp_path / "more").mkdir()
    more = jobs.run(tmp_path / "more", words.COLUMNS, {"new.tfrecord": words.files(seed=9)["part-0.tfrecord"], **files})
    more = jobs.run(
        tmp_path / "more", words.COLUMNS, [f"{tmp_path}/more/raw/*"], splits=splits,
        output={"path": str(tmp_path / "more" / "out2")},
    )  # fmt: skip
    before = {row.canonical(): row.split for row in jobs.sequences(tmp_path / "out", few)}
    after = {row.canonical(): row.split for row in jobs.sequences(tmp_path / "more" / "out2", more)}
    assert before.items() <= after.items()


def test_files_given_by_split_stay_there(tmp_path):
    config = jobs.job(tmp_path, words.COLUMNS, words.files(count=3))
    train, evaluate = config.inputs.files[:2], config.inputs.files[2:]
    inputs = {"files": (), "by_split": {"train": train, "eval": evaluate}}
    manifest = jobs.run(tmp_path, words.COLUMNS, [], inputs=inputs)
    jobs.balance(manifest)
    assert {uid // 200 for uid in uids(tmp_path, manifest, "train")} == {0, 1}
    assert {uid // 200 for uid in uids(tmp_path, manifest, "eval")} == {2}


def test_without_shuffling_the_input_order_is_kept(tmp_path):
    manifest = jobs.run(
        tmp_path, words.COLUMNS, words.files(), shuffle={"enabled": False}, output={"shard_bytes": 9_000}
    )
    assert len(manifest.shards) > 4
    by_bucket = defaultdict(list)
    for row in jobs.sequences(tmp_path / "out", manifest):
        by_bucket[row.boundary].append(row.features["uid"][0])
    for order in by_bucket.values():
        assert order == sorted(order)


@pytest.mark.parametrize("shuffle", [True, False])
def test_windows_of_a_record_are_in_order_in_the_unshuffled_output(tmp_path, shuffle):
    manifest = jobs.run(
        tmp_path, words.COLUMNS, words.files(count=2, invalid=0), shuffle={"enabled": shuffle},
        sequences={"over_long": "window", "window_overlap": 1}, buckets={"boundaries": (5,)},
        output={"shard_bytes": 5_000},
    )  # fmt: skip
    jobs.balance(manifest)
    windows = defaultdict(list)
    for row in jobs.sequences(tmp_path / "out", manifest):
        windows[row.features["uid"][0]].append(row.features["pair"])
    assert manifest.counts.windowed == sum(len(parts) > 1 for parts in windows.values())
    if not shuffle:
        for parts in windows.values():
            assert all(previous[-1] == other[0] for previous, other in itertools.pairwise(parts))


def test_shards_have_about_the_configured_size(tmp_path):
    manifest = jobs.run(
        tmp_path, words.COLUMNS, words.files(records=500, invalid=0), buckets={"boundaries": (12,)},
        output={"shard_bytes": 64_000, "compression": "none"},
    )  # fmt: skip
    sizes = [shard.bytes for shard in manifest.shards]
    assert len(sizes) > 5
    assert 32_000 < min(sizes) <= max(sizes) < 128_000


def test_buckets_are_planned_from_the_valid_lengths(tmp_path):
    files = words.files(count=3)
    manifest = jobs.run(tmp_path, words.COLUMNS, files, buckets={"count": 3})
    rules = Rules(words.COLUMNS, "sequence_example")
    outcomes = [judge(record, rules) for records in files.values() for record in records]
    lengths = Counter(len(sequence["word"]) for outcome in outcomes for sequence in outcome.sequences)
    assert manifest.boundaries == plan(LengthHistogram.from_counts(dict(lengths)), count=3).boundaries
    assert manifest.lengths == {"train": dict(sorted(lengths.items()))}


def test_planned_buckets_end_at_the_given_length(tmp_path):
    manifest = jobs.run(
        tmp_path, words.COLUMNS, words.files(count=2), buckets={"count": 2, "max_length": 7, "multiple_of": 4},
        sequences={"over_long": "truncate_right"},
    )  # fmt: skip
    assert manifest.boundaries == (4, 8)
    assert manifest.counts.truncated > 100
    assert {len(row.features["word"]) for row in jobs.sequences(tmp_path / "out", manifest)} == set(range(1, 9))
