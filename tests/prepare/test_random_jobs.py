"""Whole jobs with random columns and random records, valid and invalid, compared with the slow oracle."""

import math
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from lengthwise.columns import NumericColumn
from lengthwise.manifest import Manifest
from lengthwise.records.rejected.reject_files import read_rejects
from lengthwise.reject_reasons import Reject
from prepare import jobs
from records import strategies
from records.messages import write_records
from records.oracle import Outcome, judge


def all_rejects(folder: Path) -> list[Reject]:
    found = []
    for path in folder.glob("rejects/*"):
        with open(path, "rb") as stream:
            found += read_rejects(stream)
    return found


@pytest.mark.slow
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes a second: it is reported without shrinking
)
@given(st.data())
def test_a_whole_job_agrees_with_the_oracle(data: st.DataObject) -> None:
    rules = data.draw(strategies.rules())
    tidy = data.draw(st.booleans())
    names = ["a.tfrecord", "b/c.tfrecord.gz", "d"][: data.draw(st.integers(1, 3))]
    files = {name: data.draw(st.lists(strategies.records(rules, tidy), max_size=15)) for name in names}
    assume(any(files.values()))  # no record at all is an error
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "raw" / "b").mkdir(parents=True)
        paths = {name: write_records(folder / "raw" / name, records) for name, records in files.items()}
        longest = rules.longest or 4
        manifest = jobs.run(
            folder,
            rules.columns,
            list(paths.values()),
            inputs={"format": rules.container},
            sequences=rules.sequences,
            buckets={"boundaries": tuple(range(data.draw(st.integers(1, longest)), longest + 1))},
            splits={"fractions": data.draw(st.sampled_from([{"train": 1.0}, {"train": 0.5, "eval": 0.5}]))},
            shuffle={"enabled": data.draw(st.booleans())},
            output={
                "layout": data.draw(st.sampled_from(["example", "block"])),
                "compression": data.draw(st.sampled_from(["gzip", "none"])),
                "shard_bytes": data.draw(st.sampled_from([200, 10**6])),
                "block_sequences": data.draw(st.sampled_from([1, 3, 256])),
            },
        )
        jobs.balance(manifest)
        outcomes = {
            (paths[name], index): judge(record, rules)
            for name, records in files.items()
            for index, record in enumerate(records)
        }
        rejects = {(reject.file, reject.index): reject for reject in all_rejects(folder / "out")}
        found = [row.features for row in jobs.sequences(folder / "out", manifest)]
        if manifest.layout == "block":
            found = [_numbers(features, manifest) for features in found]
        written = Counter(map(jobs.canonical, found))
        assert manifest.counts.read == len(outcomes)
        unclear = {place for place, outcome in outcomes.items() if outcome.unclear}
        assert set(rejects) - unclear == {place for place, outcome in outcomes.items() if outcome.faults}
        sequences = [sequence for outcome in outcomes.values() for sequence in outcome.sequences]
        expected = Counter(jobs.canonical(_numbers(features, manifest)) for features in sequences)
        if unclear:
            assert not expected - written
        else:
            assert written == expected
            check_statistics(manifest, outcomes.values())
        for place, reject in rejects.items():
            assert reject.raw == dict(enumerate(files[_name(paths, place[0])]))[place[1]]


def check_statistics(manifest: Manifest, outcomes: Iterable[Outcome]) -> None:
    """Compares the manifest's statistics with those of the oracle's sequences."""
    outcomes = list(outcomes)
    stored = _stored(manifest)
    for key, found in manifest.statistics.items():
        values = [value for outcome in outcomes for sequence in outcome.sequences for value in _flat(sequence[key])]
        there = [
            value
            for outcome in outcomes if key not in outcome.absent
            for sequence in outcome.sequences
            for value in _flat(sequence[key])
            if isinstance(value, bytes) or math.isfinite(value)
        ]  # fmt: skip
        if found.mean is not None:
            numbers = [len(value) if isinstance(value, bytes) else _number(stored.get(key), value) for value in there]
            assert (found.min, found.max) == (float(min(numbers)), float(max(numbers)))
            assert found.mean == pytest.approx(statistics.fmean(numbers), rel=1e-12)
            assert found.std == pytest.approx(statistics.pstdev(numbers), rel=1e-6, abs=1e-12 * (found.max - found.min))
            assert sum(found.histogram) == len(numbers)
        else:
            there = [value for value in there if isinstance(value, bytes) or value >= 0]
            assert (found.distinct or 0) == len(set(there))
            assert sum(count for _, count in found.top) <= len(there)
        assert (found.values, found.missing) == (len(values), len(values) - len(there)), key


def _stored(manifest: Manifest) -> dict[str, NumericColumn]:
    """The columns whose numbers are stored as bytes, also in blocks."""
    return {
        column.key: column
        for column in manifest.columns
        if isinstance(column, NumericColumn) and column.decode is not None
    }


def _numbers(features: Mapping[str, Any], manifest: Manifest) -> dict[str, Any]:
    """Returns the features with decoded numbers."""
    stored = _stored(manifest)
    return {key: _mapped(stored[key], value) if key in stored else value for key, value in features.items()}


def _mapped(column: NumericColumn, value: Any) -> Any:
    return [_mapped(column, item) for item in value] if isinstance(value, list) else _number(column, value)


def _number(column: NumericColumn | None, value: float) -> float:
    """Returns the decoded number of a value; statistics use decoded numbers, blocks may contain stored ones."""
    if column is None or column.decode is None or column.is_integer:
        return value if isinstance(value, int) else float(np.float32(value))
    return float(np.float32(value) * np.float32(column.decode.scale) + np.float32(column.decode.offset))


def _flat(values: Any) -> list[Any]:
    return [item for value in values for item in _flat(value)] if isinstance(values, list) else [values]


def _name(paths: dict[str, str], path: str) -> str:
    return next(name for name, found in paths.items() if found == path)
