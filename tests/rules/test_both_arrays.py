"""The rules have the same results on numpy arrays and on tensors."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lengthwise import columns as lw
from lengthwise.columns.numeric_columns import Decode
from lengthwise.config import GroupRules
from lengthwise.rules.column_rules import FeatureRules
from lengthwise.rules.gap_filling import filled
from lengthwise.rules.length_rules import kept_steps, length_rules, measure
from lengthwise.rules.numpy_arrays import NUMPY
from lengthwise.rules.raw_steps import RawSteps, Steps
from lengthwise.rules.record_rules import verdicts
from lengthwise.tensor.tensor_arrays import TENSORS

SIZES = st.lists(st.lists(st.integers(0, 3), max_size=4), min_size=1, max_size=5)
NUMBERS = st.floats(-4, 4, width=32) | st.sampled_from([np.nan, np.inf])


def splits_of(sizes: list[int]) -> np.ndarray:
    return np.append(0, np.cumsum(sizes, dtype=np.int64)).astype(np.int64)


def raw_of(sizes: list[list[int]], values: np.ndarray, present: list[bool]) -> RawSteps[np.ndarray]:
    steps = splits_of([size for record in sizes for size in record])
    return RawSteps(values, splits_of([len(record) for record in sizes]), steps, np.asarray(present))


def on_tensors(value: Any) -> Any:
    """The same as tensors."""
    if isinstance(value, RawSteps):
        return RawSteps(*map(on_tensors, value))
    if isinstance(value, Steps):
        parts = (value.splits, value.counts, value.present)
        return Steps(tf.constant(value.values), value.width, *map(tf.constant, parts))
    return None if value is None else tf.constant(value)


def first_broken(rules: Any, arrays: Any, count: int) -> list[str]:
    """The name of the first rule that each record breaks."""
    judged = verdicts(arrays, rules, count)
    return [judged.names[code] if code >= 0 else "" for code in np.asarray(judged.codes)]


@st.composite
def features(draw: Any, elements: Any, dtype: str) -> RawSteps[np.ndarray]:
    sizes = draw(SIZES)
    present = [bool(record) or draw(st.booleans()) for record in sizes]
    total = sum(map(sum, sizes))
    return raw_of(sizes, np.array(draw(st.lists(elements, min_size=total, max_size=total)), dtype), present)


COLUMNS = [
    lw.sequence_numeric_column("x"),
    lw.sequence_numeric_column("x", shape=(2,), min_value=-1, max_value=2, finite=False),
    lw.sequence_numeric_column("x", missing="previous", max_value=3),
    lw.sequence_numeric_column("x", required=False, min_value=0),
]


@settings(max_examples=40)
@given(features(NUMBERS, "<f4"), st.sampled_from(COLUMNS), st.booleans())
def test_numbers_and_their_steps(raw: RawSteps[np.ndarray], column: Any, flat: bool) -> None:
    if flat:
        raw = raw._replace(row_splits=raw.value_splits(NUMPY), step_splits=None)
    outcomes = []
    for arrays, feature in ((NUMPY, raw), (TENSORS, on_tensors(raw))):
        rules = FeatureRules(arrays, "x", feature, column.num_elements)
        column_rules = [*rules.presence(column), *rules.numbers(column, feature.values)]
        steps = rules.even_steps(feature.values, column.default_value)
        outcomes.append((first_broken(column_rules, arrays, len(raw.present)), steps))
    (names, steps), (tensor_names, tensor_steps) = outcomes
    assert names == tensor_names
    np.testing.assert_array_equal(steps.values, tensor_steps.values)
    np.testing.assert_array_equal(steps.splits, tensor_steps.splits)
    np.testing.assert_array_equal(steps.counts, tensor_steps.counts)


@settings(max_examples=40)
@given(st.data())
def test_weights_that_do_not_match_their_ids(data: st.DataObject) -> None:
    sizes = data.draw(SIZES)
    others = [data.draw(st.just(record) | st.lists(st.integers(0, 3), max_size=4)) for record in sizes]
    column = lw.sequence_categorical_column_with_identity("a", 9, weight_key="w", values_per_step=2)
    ids, weights = (
        raw_of(
            steps, np.ones(sum(map(sum, steps)), np.float32), [data.draw(st.booleans()) or any(row) for row in steps]
        )
        for steps in (sizes, others)
    )
    on_numpy = first_broken(FeatureRules(NUMPY, "w", weights, 2).weights(column, ids), NUMPY, len(sizes))
    rules = FeatureRules(TENSORS, "w", on_tensors(weights), 2).weights(column, on_tensors(ids))
    assert on_numpy == first_broken(rules, TENSORS, len(sizes))
    present = zip(ids.present, weights.present, strict=True)
    for name, size, other, (has_ids, has_weights) in zip(on_numpy, sizes, others, present, strict=True):
        expected = "missing_feature (w)" if has_ids and not has_weights else ""
        if not expected and ((has_ids and has_weights and size != other) or max(other, default=0) > 2):
            expected = "value_count (w)"
        assert name == expected


@settings(max_examples=40)
@given(features(st.just(1.0) | st.just(np.nan), "<f4"), st.sampled_from(["fill", "previous"]), st.integers(1, 2))
def test_gaps_are_filled(raw: RawSteps[np.ndarray], missing: Any, width: int) -> None:
    column = lw.sequence_numeric_column("x", shape=(width,), missing=missing, default_value=-5)
    values = np.where(np.isnan(raw.values), raw.values, np.arange(len(raw.values), dtype=np.float32))
    steps = FeatureRules(NUMPY, "x", raw, width).even_steps(values, np.nan)
    observed = ~np.isnan(steps.values)
    whole = filled(NUMPY, column, steps, observed)
    np.testing.assert_array_equal(whole, filled(TENSORS, column, on_tensors(steps), tf.constant(observed)))
    for first, last in zip(steps.splits[:-1], steps.splits[1:], strict=True):
        for place in range(first, last):
            before = [p for p in range(place, first - 1, -width) if observed[p]]
            known = observed[place] or (missing == "previous" and before)
            assert whole[place] == (steps.values[before[0]] if known else -5)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), min_size=1, max_size=6), st.booleans())
def test_lengths_of_a_group(records: list[tuple[int, int, bool]], keeps_last: bool) -> None:
    rules = GroupRules(mismatch="reject", empty="reject", min_steps=2, over_long="reject", max_length=4)
    outcomes = []
    for arrays in (NUMPY, TENSORS):
        as_array = tf.constant if arrays is TENSORS else np.asarray
        zeros = as_array(np.zeros(len(records) + 1, np.int64))
        counts = [as_array(np.array([record[place] for record in records], np.int64)) for place in (0, 1)]
        present = [as_array(np.ones(len(records), bool)), as_array(np.array([record[2] for record in records]))]
        steps = {key: Steps(zeros, 1, zeros, *pair) for key, *pair in zip("ab", counts, present, strict=True)}
        measured = measure(arrays, steps)
        names = first_broken(length_rules(arrays, "", measured, steps, rules), arrays, len(records))
        kept = kept_steps(arrays, measured.shortest, 3, keeps_last=keeps_last)
        outcomes.append((names, *(np.asarray(lengths).tolist() for lengths in (*measured, *kept))))
    assert outcomes[0] == outcomes[1]


@settings(max_examples=40)
@given(st.lists(st.lists(st.booleans(), max_size=3), min_size=1, max_size=5))
def test_segments(rows: list[list[bool]]) -> None:
    mask, splits = np.array([entry for row in rows for entry in row], bool), splits_of(list(map(len, rows)))
    for arrays, convert in ((NUMPY, np.asarray), (TENSORS, tf.constant)):
        assert np.asarray(arrays.segment_count(convert(mask), convert(splits))).tolist() == list(map(sum, rows))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float16", "float32", "float64"])
def test_numbers_in_strings(dtype: str) -> None:
    decode = Decode(dtype=dtype)
    numbers = np.arange(6, dtype=decode.stored).reshape(3, 2)
    strings, wrong = [row.tobytes() for row in numbers], np.array([False, True, False])
    strings[1] += b"x"
    expected = np.where(wrong[:, None], 0, numbers).reshape(-1)
    on_numpy = NUMPY.numbers_in(pa.array(strings, pa.large_binary()), decode, 2, wrong)
    np.testing.assert_array_equal(on_numpy, expected)
    on_tensor = TENSORS.numbers_in(tf.constant(strings), decode, 2, tf.constant(wrong))
    np.testing.assert_array_equal(on_tensor, expected)
