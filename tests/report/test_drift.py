"""Distances, common bins, and the columns that are flagged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lengthwise.columns import IdentityColumn, NumericColumn, VocabularyColumn
from lengthwise.manifest import ColumnStatistics, Counts, load_manifest
from lengthwise.report import compare_manifests, write_report
from lengthwise.report.common_bins import common_bins
from lengthwise.report.distances import TopCounts, jensen_shannon, l_infinity
from report.jobs import prepare, trip, trips
from report.manifests import manifest, number_statistics
from report.pages import parse

histograms = st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 1], [2, 2], 0.0),
        ([1, 0], [0, 1], 1.0),
        ([1, 1], [1, 0], 0.5579230452841438),  # scipy.spatial.distance.jensenshannon(..., base=2)
        ([1, 2, 3, 4], [4, 3, 2, 1], 0.3918681606471551),
    ],
)
def test_the_jensen_shannon_distance_is_the_known_one(first, second, expected) -> None:
    assert jensen_shannon(first, second) == pytest.approx(expected, abs=1e-12)


@given(histograms, histograms, histograms)
def test_it_is_a_metric_from_0_to_1(first, second, third) -> None:
    assert jensen_shannon(first, first) == pytest.approx(0, abs=1e-7)
    assert 0 <= jensen_shannon(first, second) <= 1
    assert jensen_shannon(first, second) == pytest.approx(jensen_shannon(second, first))
    assert jensen_shannon(first, third) <= jensen_shannon(first, second) + jensen_shannon(second, third) + 1e-7


def test_an_empty_histogram_has_no_distance() -> None:
    with pytest.raises(ValueError, match="received an empty one"):
        jensen_shannon([0, 0], [1, 1])


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 50), min_size=1),
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 50), min_size=1),
    st.integers(1, 8),
)
def test_bounds_from_the_most_frequent_contain_the_true_distance(first, second, known) -> None:
    def top(counts) -> TopCounts:
        most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:known]
        return TopCounts(dict(most), sum(counts.values()), complete=len(most) == len(counts))

    shares = [{name: count / sum(counts.values()) for name, count in counts.items()} for counts in (first, second)]
    true = max(abs(shares[0].get(name, 0) - shares[1].get(name, 0)) for name in {*first, *second})
    low, high = l_infinity(top(first), top(second))
    assert low - 1e-9 <= true <= high + 1e-9
    if known == 8:
        assert low == pytest.approx(high) == pytest.approx(true)


def test_equal_ranges_are_compared_bin_by_bin() -> None:
    bins = common_bins(number_statistics([0.0, 0.5, 0.3, 1.0]), number_statistics([0.0, 0.25, 0.7, 1.0]))
    assert bins.exact
    assert len(bins.first) == 32
    assert bins.first.sum() == bins.second.sum() == 4


def test_small_sets_of_whole_numbers_are_recognised_for_any_range() -> None:
    bins = common_bins(number_statistics([1.0, 2.0, 2.0, 5.0]), number_statistics([1.0, 2.0, 3.0]))
    assert bins.exact
    assert bins.first.tolist() == [1, 2, 0, 0, 1]
    assert bins.second.tolist() == [1, 1, 1, 0, 0]
    assert bins.edges.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]


def test_whole_numbers_far_apart_take_few_bins() -> None:
    bins = common_bins(number_statistics([1.0, 2.0, 3.0]), number_statistics([1e12, 1e12 + 2]))
    assert len(bins.first) == 20
    assert (bins.first.sum(), bins.second.sum()) == (3, 2)


def test_a_histogram_without_a_count_is_not_compared() -> None:
    empty = ColumnStatistics(values=0, min=0, max=1, histogram=(0,) * 32)
    assert common_bins(empty, number_statistics([1.0, 2.0])) is None


@given(
    st.lists(st.floats(-100, 100), min_size=5, max_size=50),
    st.lists(st.floats(-100, 100), min_size=5, max_size=50),
)
def test_rebinning_keeps_every_count(first, second) -> None:
    bins = common_bins(number_statistics(first), number_statistics(second))
    assert bins.first.sum() == pytest.approx(len(first))
    assert bins.second.sum() == pytest.approx(len(second))
    assert (bins.first >= 0).all()
    assert len(bins.edges) == len(bins.first) + 1


def test_rebinned_samples_of_one_distribution_stay_near() -> None:
    random = np.random.default_rng(1)
    bins = common_bins(number_statistics(random.normal(0, 1, 20_000)), number_statistics(random.normal(0, 1, 50_000)))
    assert not bins.exact
    assert jensen_shannon(bins.first, bins.second) < 0.05


@pytest.mark.parametrize(
    ("here", "there", "flag"),
    [
        ({}, {}, ""),
        ({"statistics": {"item": ColumnStatistics(values=1000, distinct=2, top=(("9", 900), ("0", 100)))}},
         {"statistics": {"item": ColumnStatistics(values=1000, distinct=2, top=(("9", 700), ("0", 300)))}},
         "share of 9 moved: 70.0% → 90.0%"),
        ({"statistics": {"item": ColumnStatistics(values=1000, missing=100, distinct=1, top=(("9", 900),))}},
         {"statistics": {"item": ColumnStatistics(values=1000, missing=10, distinct=1, top=(("9", 990),))}},
         "missing: 1.00% → 10.0%"),
        ({"counts": Counts(read=40_000, written=40_000, rejected={}, sequences=40_000, repaired={"item": 6})}, {},
         "outside the vocabulary or range: 0% → 50.0%"),
        ({"columns": (IdentityColumn(key="item", num_buckets=20),)}, {}, "was sequence · ids below 10"),
        ({"columns": (NumericColumn(key="item"),), "statistics": {"item": number_statistics([1.0, 2.0])}}, {},
         "was sequence · ids below 10"),
        ({"columns": (NumericColumn(key="x"),), "statistics": {}}, {}, "only in the other data set"),
    ],
)  # fmt: skip
def test_features_that_moved_are_flagged(here, there, flag) -> None:
    many = {"lengths": {"train": {3: 40_000}}}
    flags = [flag for drift in compare_manifests(manifest(**many, **here), manifest(**many, **there))
             for flag in drift.flags]  # fmt: skip
    assert flag in flags if flag else flags == []


def test_vocabularies_in_another_order_are_compared_by_their_strings() -> None:
    def words(*entries, top):
        column = VocabularyColumn.make(key="item", vocabulary_list=entries)
        statistics = {"item": ColumnStatistics(values=1000, distinct=2, top=top)}
        return manifest(columns=(column,), statistics=statistics)

    first = words("a", "b", top=(("0", 900), ("1", 100)))
    second = words("b", "a", top=(("1", 900), ("0", 100)))
    assert all(drift.distance == 0 for drift in compare_manifests(first, second) if drift.key == "item")


def test_a_data_set_has_not_moved_from_itself(folder) -> None:
    written = load_manifest(str(folder))
    assert all(not drift.flags and not drift.distance for drift in compare_manifests(written, written))


def test_lengths_numbers_and_categories_that_moved_are_shown(tmp_path) -> None:
    prepare(tmp_path, trips(400), "before")
    moved = [
        trip(20 + seed % 40, seed, speed=[99.5 - seed % 3] * (20 + seed % 40), gear=[5] * (20 + seed % 40))
        for seed in range(400)
    ]
    prepare(tmp_path, moved, "after")
    path = write_report(str(tmp_path / "after"), str(tmp_path / "drift.html"), compare=str(tmp_path / "before"))
    with open(path) as stream:
        text = parse(stream.read()).text
    assert "3 columns moved" in text
    assert "longest sequence 40 → 59 steps" in text
    assert "distribution moved: Jensen-Shannon distance" in text
    assert "share of 5 moved: 16.3% → 100%" in text
    assert "range grew: 0.5 to 49.5 → 97.5 to 99.5" in text
