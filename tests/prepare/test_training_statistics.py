"""The statistics of the training split's numbers: compared with numpy, in the layer, in serving, in boundaries."""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import lengthwise as lw
from lengthwise.config import JobConfig
from lengthwise.errors import ConfigError, DataLimitError
from lengthwise.job import run as run_job
from lengthwise.manifest import QUANTILES, TrainingStatistics, joint_moments, load_manifest
from lengthwise.records.statistics import training_numbers
from lengthwise.records.statistics.training_numbers import measure_numbers, quantile_boundaries, training_statistics
from prepare import jobs
from records.messages import sequence_example

PRICE = lw.sequence_numeric_column("price")
QUARTERS = lw.sequence_bucketized_column(PRICE, {"quantiles": 4})
VECTOR = lw.sequence_numeric_column("vector", shape=(3,), finite=False, required=False)
COLUMNS = (PRICE, lw.indicator_column(QUARTERS), VECTOR, lw.context_column("age", dtype="int64"))
NUMBERS = st.one_of(st.integers(-5, 5).map(float), st.floats(-1e6, 1e6, width=32), st.sampled_from([np.nan, np.inf]))


def agree(found: Any, numbers: np.ndarray) -> None:
    """Checks that statistics are those that numpy computes of the finite `numbers`, `[steps, elements]`."""
    for place, column in enumerate(np.asarray(numbers, np.float64).T):
        finite = column[np.isfinite(column)]
        assert found.counts[place] == len(finite)
        expected = [finite.min(), finite.max(), finite.mean(), finite.std()] if len(finite) else [0] * 4
        received = [getattr(found, name)[place] for name in ("min", "max", "mean", "std")]
        np.testing.assert_allclose(received, expected, rtol=1e-9, atol=1e-9 * max(1, np.abs(finite).max(initial=0)))
        for share in QUANTILES:
            quantile = np.quantile(finite, share, method="inverted_cdf") if len(finite) else 0
            assert found.quantiles[f"{share:g}"][place] == quantile


@given(st.data(), st.integers(1, 3), st.sampled_from(["float32", "int64"]), st.sampled_from([0, 1_700_000_000]))
def test_the_statistics_of_shards_are_those_of_all_numbers(data: Any, elements: int, dtype: str, base: int) -> None:
    kind = NUMBERS if dtype == "float32" else st.integers(-1000, 1000)
    rows = data.draw(st.lists(st.lists(kind, min_size=elements, max_size=elements), min_size=1, max_size=40))
    numbers = (np.array(rows, np.float64) + base).astype(dtype)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(numbers)), max_size=3)))
    first, *others = (
        measure_numbers(shard, len(numbers), str(place)) for place, shard in enumerate(np.split(numbers, cuts))
    )
    for other in others:
        first.add(other)
    found = training_statistics(first)
    assert (found is None) == (not np.isfinite(numbers).any())
    if found is not None:
        agree(found, numbers)
    buckets = data.draw(st.integers(2, 6))
    finite = np.sort(numbers[np.isfinite(numbers)].astype(float))
    below = {number: int((finite < number).sum()) for number in finite}
    expected = {
        min((number for number in below if 0 < below[number] * buckets >= k * len(finite)), default=None)
        for k in range(1, buckets)
    }
    assert quantile_boundaries(first, buckets) == (tuple(sorted(expected - {None})) or tuple(finite[:1]))


def test_of_many_numbers_the_quantiles_are_those_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_numbers, "_SAMPLED", 2**13)
    rng = np.random.default_rng(0)
    for numbers in rng.normal(size=2**18), np.tile(np.arange(2**8), 2**10), rng.integers(0, 9, 2**18):
        shards = np.array_split(np.asarray(numbers, np.float32)[:, None], 2**10)  # fewer steps than the stride, too
        first, *others = (measure_numbers(shard, len(numbers), str(place)) for place, shard in enumerate(shards))
        for other in others:
            first.add(other)
        assert 2**12 <= sum(map(len, first.sample)) <= 2**13 + 2**10
        found = training_statistics(first)
        assert found is not None
        for share, (quantile,) in found.quantiles.items():
            assert (numbers < quantile).mean() - 0.04 <= float(share) <= (numbers <= quantile).mean() + 0.04


def records(count: int, seed: int = 0) -> list[bytes]:
    """Every second record has vectors, some with NaN."""
    rng = np.random.default_rng(seed)
    found = []
    for place in range(count):
        steps = 1 + place % 7
        vectors = rng.normal([0, 1e6, 5], [1, 2, 0], (steps, 3))
        vectors[0, 0] = np.nan
        features = {"price": rng.normal(20, 5, steps).tolist()} | ({"vector": vectors.tolist()} if place % 2 else {})
        found.append(sequence_example(features, {"age": [place]}))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("training")
    splits = {"fractions": {"train": 0.7, "eval": 0.3}, "key": "age"}
    files = {"a": records(150), "b": records(150, 1)}
    jobs.run(place, COLUMNS, files, splits=splits, output={"layout": "block", "shard_bytes": 3000})
    return place


def rows_of(folder: Path, split: str) -> dict[str, np.ndarray]:
    """The numbers of a split as written, `[steps, elements]`."""
    written = [
        row.features for row in jobs.sequences(folder / "out", load_manifest(folder / "out")) if row.split == split
    ]
    vectors = [np.reshape(features["vector"], (-1, 3)) for features in written if features["age"][0] % 2]
    return {
        "price": np.concatenate([np.ravel(features["price"]) for features in written])[:, None],
        "vector": np.concatenate(vectors),
        "age": np.array([features["age"] for features in written]),
    }


def test_they_are_those_of_the_training_split_without_filled_values(folder: Path) -> None:
    manifest, numbers = load_manifest(folder / "out"), rows_of(folder, "train")
    assert len(manifest.shards) > 10
    for key, of_key in numbers.items():
        agree(manifest.statistics[key].training, of_key)
    facts = re.findall(r"in training: 5%, median, 95%</dt><dd>(.*?)</dd>", (folder / "out" / "report.html").read_text())
    shown = [[float(number) for number in re.findall(r">([\d.]+),?<", fact)] for fact in facts]
    quantiles = [manifest.statistics[key].training.quantiles for key in ("price", "age")]  # type: ignore[union-attr]
    shares = ("0.05", "0.5", "0.95")
    assert shown == [pytest.approx([of_key[share][0] for share in shares], rel=0.01) for of_key in quantiles]
    bucketized = lw.open(folder / "out").columns[1].categorical_column
    assert (
        np.diff([0, *(np.searchsorted(np.sort(numbers["price"][:, 0]), bucketized.boundaries)), len(numbers["price"])])
        > 0
    ).all()
    shares = [(numbers["price"] < boundary).mean() for boundary in bucketized.boundaries]
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.75], atol=0.01)


def test_the_layer_takes_them_from_the_data_set_in_training_and_in_serving(folder: Path, tmp_path: Path) -> None:
    data = lw.open(folder / "out")
    layer = lw.SequenceFeatures(data.columns.without("age"), standardize=True)
    model = keras.Sequential([layer])
    read = data.read("train", batch_size=1000, shuffle=False)
    batch = next(iter(read))
    steps, real = model(batch).numpy(), tf.sequence_mask(batch["sequence_length"]).numpy()
    widths = [column.name for column in sorted(data.columns.without("age"), key=lambda column: column.name)]
    assert widths == ["price", "price_bucketized_indicator", "vector"]
    price = steps[real][:, 0]
    np.testing.assert_allclose([price.mean(), price.std()], [0, 1], atol=1e-4)
    np.testing.assert_allclose(steps[real][:, 1:5].mean(axis=0), 0.25, atol=0.01)
    vectors = steps[(batch["age"].numpy()[:, None] % 2 == 1) & real][:, 5:]
    np.testing.assert_allclose(np.nanmean(vectors, axis=0), 0, atol=1e-2)
    np.testing.assert_allclose(np.nanstd(vectors, axis=0), [1, 1, 0], atol=1e-2)

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(batch), steps)
    raw = records(150)
    rank = {int(age): place for place, age in enumerate(batch["age"].numpy()) if age < 150}
    served = data.serving_fn(model)(tf.constant(raw)).numpy()
    job = {"inputs": {"files": f"{folder}/raw/*"}, "columns": COLUMNS, "splits": {"key": "age"}}
    raw_batch = next(iter(lw.read_raw(JobConfig.model_validate(job), "train", batch_size=1000, shuffle=False)))
    both = model(raw_batch).numpy()
    firsts = {int(age): place for place, age in reversed(list(enumerate(raw_batch["age"].numpy())))}
    for age in list(rank)[:20]:
        length = 1 + age % 7
        mine, theirs = served[age][:length], both[firsts[age]][:length]
        np.testing.assert_array_equal(mine[:, 1:5], theirs[:, 1:5])
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)  # graphs multiply where eager code divides
    assert {steps[place, 0].tobytes() for place in rank.values()} <= {step.tobytes() for step in both[:, 0]}


def test_any_number_of_workers_finds_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    raw = [sequence_example({"price": rng.gamma(2, 10, 1500).tolist()}) for _ in range(240)]  # 360,000: a sample
    files = {name: raw[place::3] for place, name in enumerate("abc")}
    output = {"shard_bytes": 200_000, "layout": "block"}
    job = jobs.job(tmp_path, COLUMNS[:2], files, buckets={"boundaries": (1500,)}, output=output)
    alone = run_job(job, workers=1)
    for workers in (2, 5):
        elsewhere = job.output.model_copy(update={"path": str(tmp_path / f"out-{workers}")})
        assert run_job(job.model_copy(update={"output": elsewhere}), workers=workers) == alone
    numbers = rows = np.concatenate(
        [np.ravel(row.features["price"]) for row in jobs.sequences(tmp_path / "out", alone)]
    )
    (boundaries,) = [column.categorical_column.boundaries for column in alone.columns[1:]]  # type: ignore[union-attr]
    np.testing.assert_allclose([(rows < boundary).mean() for boundary in boundaries], [0.25, 0.5, 0.75], atol=0.01)
    found = alone.statistics["price"].training
    assert found is not None
    assert found.counts == (360_000,)
    np.testing.assert_allclose([found.mean[0], found.std[0]], [numbers.mean(), numbers.std()], rtol=1e-6)


def test_quantiles_that_were_not_computed_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"'price_bucketized': boundaries: .*\{quantiles: 4\}, .*only `lengthwise prep"
    ):
        lw.SequenceFeatures([lw.indicator_column(QUARTERS)])
    bare = lw.sequence_numeric_column("price", required=False)
    columns = (lw.sequence_numeric_column("id"), lw.sequence_bucketized_column(bare, {"quantiles": 4}))
    raw = {"a": [sequence_example({"id": [1.0]})] * 4}
    with pytest.raises(DataLimitError, match="price: expected numbers in the split 'train' to take quantiles of, rec"):
        jobs.run(tmp_path, columns, raw)
    splits = {"fractions": {"a": 0.5, "b": 0.5}}
    with pytest.raises(DataLimitError, match="in a split 'train', which is not among a, b"):
        jobs.run(tmp_path, columns, raw, splits=splits)


@pytest.mark.parametrize(("mean", "std"), [(1e300, 1.0), (0.0, 1e300)])
def test_numbers_too_large_to_be_joined_are_omitted(mean: float, std: float) -> None:
    def statistics_of(mean: float) -> TrainingStatistics:
        quantiles = {f"{share:g}": (0.0,) for share in QUANTILES}
        return TrainingStatistics(counts=(2,), min=(0.0,), max=(0.0,), mean=(mean,), std=(std,), quantiles=quantiles)

    assert joint_moments({"x": [statistics_of(mean), statistics_of(-mean)]}) == {}
    assert joint_moments({"x": [statistics_of(1.5)]})["x"].mean == 1.5
