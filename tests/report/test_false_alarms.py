"""How often two samples of one source are flagged as different, and whether different sources are."""

import itertools
from collections import Counter

import numpy as np
import pytest

from lengthwise.buckets import LengthHistogram
from lengthwise.columns import IdentityColumn, NumericColumn, context_column
from lengthwise.manifest import ColumnStatistics, Counts, Manifest
from lengthwise.report import DriftLimits, compare_manifests
from lengthwise.report.chance_bounds import distribution_bound, draws_of_steps, extremes_probability, share_bound
from lengthwise.report.distances import Histogram, cumulative_distance, min_cumulative_distance
from report.manifests import manifest, number_statistics

PAIRS = 1000
COLUMNS = (
    NumericColumn(key="price"),
    NumericColumn(key="mood"),
    NumericColumn(key="stars", dtype="int64"),
    IdentityColumn(key="film", num_buckets=5000),
    IdentityColumn(key="shop", num_buckets=40),
    context_column("age", dtype="int64"),
    context_column("country", dtype="string"),
)


def id_statistics(values: np.ndarray) -> ColumnStatistics:
    distinct, counts = np.unique(values, return_counts=True)
    most_frequent = np.lexsort((distinct, -counts))[:20]
    top = tuple((str(distinct[index]), int(counts[index])) for index in most_frequent)
    return ColumnStatistics(values=len(values), distinct=len(distinct), top=top)


def sample(rng: np.random.Generator, sequences: int, *, shift: float = 0.0, longer: float = 1.0) -> Manifest:
    """Returns a data set whose values are similar within each sequence: one mood, one shop, a few films."""
    lengths = np.clip(rng.lognormal(2.5, 0.8, sequences) * longer, 1, 300).astype(int)
    steps = int(lengths.sum())
    owner = np.repeat(np.arange(sequences), lengths)
    mood = rng.normal(shift, 1.0, sequences)[owner] + rng.normal(0, 0.1, steps)
    film = (rng.pareto(0.7, sequences)[owner] * 5 + rng.pareto(0.7, steps)).astype(np.int64) % 5000
    shop = np.minimum(rng.geometric(0.3, sequences), 39)[owner]
    lost = (rng.random(sequences) < 0.03)[owner]  # a whole sequence has no stars
    statistics = {
        "price": number_statistics(rng.lognormal(2, 1.2, steps).astype(np.float32)),
        "mood": number_statistics(mood),
        "stars": number_statistics(rng.integers(1, 6, steps)[~lost], missing=int(lost.sum())),
        "film": id_statistics(film),
        "shop": id_statistics(shop),
        "age": number_statistics(rng.gamma(9, 4, sequences).astype(int)),
        "country": id_statistics(rng.choice(["ch", "de", "fr", "it"], sequences, p=[0.5, 0.3, 0.15, 0.05])),
    }
    return manifest(
        columns=COLUMNS,
        lengths={"train": dict(sorted(Counter(lengths.tolist()).items()))},
        boundaries=(300,),
        statistics=statistics,
        counts=Counts(read=sequences, written=sequences, rejected={}, sequences=sequences,
                      repaired={"film": int((rng.random(sequences) < 0.02)[owner].sum())}),
    )  # fmt: skip


def test_two_samples_of_one_source_are_flagged_no_more_often_than_stated() -> None:
    rng = np.random.default_rng(0)
    alarms: Counter[str] = Counter()
    pairs_with_alarms = 0
    for pair in range(PAIRS):
        sizes = ((300, 300), (1000, 200), (60, 2000), (25, 25))[pair % 4]
        drifts = compare_manifests(sample(rng, sizes[0]), sample(rng, sizes[1]))
        flags = [f"{drift.key}: {flag}" for drift in drifts for flag in drift.flags]
        alarms.update(flags)
        pairs_with_alarms += bool(flags)
    assert pairs_with_alarms <= DriftLimits().false_alarms * PAIRS, alarms


@pytest.mark.parametrize(
    ("changes", "key"), [({"shift": 1.0}, "mood"), ({"longer": 1.6}, "sequence_length")], ids=["mood", "lengths"]
)
def test_sources_that_differ_are_flagged(changes, key) -> None:
    rng = np.random.default_rng(1)
    comparisons = [compare_manifests(sample(rng, 1000, **changes), sample(rng, 1000)) for _ in range(20)]
    assert all(any(drift.key == key and drift.flags for drift in drifts) for drifts in comparisons)


def test_a_stricter_level_flags_less() -> None:
    rng = np.random.default_rng(2)
    here, there = sample(rng, 400, shift=0.8), sample(rng, 400)
    flagged = [
        sum(bool(drift.flags) for drift in compare_manifests(here, there, DriftLimits(false_alarms=level)))
        for level in (0.5, 0.01, 1e-9)
    ]
    assert flagged == sorted(flagged, reverse=True)
    assert flagged[0] > flagged[-1] == 0


@pytest.mark.parametrize("level", [0.1, 0.01])
def test_the_bounds_hold_for_independent_draws(level) -> None:
    rng = np.random.default_rng(3)
    cells = np.array([0.5, 0.2, 0.1, *[0.2 / 100] * 100])
    beyond = Counter[str]()
    for _ in range(PAIRS):
        first, second = (rng.multinomial(size, cells) / size for size in (300, 700))
        bounds = [share_bound((300 * a + 700 * b) / 1000, 300, 700, level) for a, b in zip(first, second, strict=True)]
        beyond["share"] += bool((np.abs(first - second) > bounds).any())
        beyond["distribution"] += cumulative_distance(first, second) > distribution_bound(300, 700, level)
        ranks = rng.permutation(50)  # the first 20 are one sample's
        leading = next(place for place, rank in enumerate(-np.sort(-ranks)) if rank not in ranks[:20])
        beyond["extremes"] += bool(leading) and extremes_probability(leading, 20, 30) <= level
    assert all(count <= level * PAIRS for count in beyond.values()), beyond


@pytest.mark.parametrize(
    ("lengths", "expected"), [({1: 10}, 10), ({7: 10}, 10), ({1: 100, 100: 1}, 200**2 / 10100), ({0: 5}, 0)]
)
def test_long_sequences_mean_fewer_draws(lengths, expected) -> None:
    assert draws_of_steps(LengthHistogram.from_counts(lengths)) == pytest.approx(expected)


def test_the_distance_of_histograms_is_a_lower_bound_of_that_of_the_values() -> None:
    rng = np.random.default_rng(4)
    distances = []
    for shift, scale in itertools.product((0.0, 0.3, 1.0), (1.0, 1.7)):
        first, second = rng.lognormal(1, 1, 400), rng.lognormal(1 + shift, scale, 300)
        places = np.concatenate([first, second])
        shares = [np.searchsorted(np.sort(values), places, side="right") / len(values) for values in (first, second)]
        histograms = [
            Histogram(edges, counts.astype(float))
            for counts, edges in (np.histogram(first, 32), np.histogram(second, 32))
        ]
        distance = min_cumulative_distance(*histograms)
        assert 0 <= distance <= np.abs(shares[0] - shares[1]).max() + 1e-9
        distances.append(distance)
    assert max(distances) > 0.1
