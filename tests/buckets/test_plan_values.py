"""What a `BucketPlan` means: assignment, padding, TensorFlow's boundaries."""

import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lengthwise.buckets import BucketPlan, LengthHistogram

plans = st.sets(st.integers(1, 60), min_size=1, max_size=8).map(lambda lengths: BucketPlan(tuple(sorted(lengths))))
lengths = st.lists(st.integers(0, 80), max_size=50)


@given(plans, lengths, st.sampled_from([np.int32, np.int64, np.uint16]))
def test_assign_returns_the_first_bucket_that_contains_the_length(plan, values, dtype) -> None:
    buckets = plan.assign(np.array(values, dtype))
    assert buckets.dtype == np.int32
    expected = [next((i for i, b in enumerate(plan.boundaries) if n <= b), plan.num_buckets) for n in values]
    assert buckets.tolist() == expected


@given(plans, lengths)
def test_padding_is_counted_as_if_each_sequence_were_padded(plan, values) -> None:
    histogram = LengthHistogram.from_lengths(values)
    kept = [min(value, plan.max_length) for value in values]
    padded = [min(b for b in plan.boundaries if b >= value) for value in kept]
    assert plan.real_steps(histogram) == sum(kept)
    assert plan.padded_steps(histogram) == sum(padded)
    share = (sum(padded) - sum(kept)) / sum(padded) if values else 0.0
    assert plan.padding_share(histogram) == pytest.approx(share)


def test_edges_of_assignment() -> None:
    assert BucketPlan((4, 8)).assign([0, 1, 4, 5, 8, 9, 2**31 - 1]).tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_plans_are_values() -> None:
    plan = BucketPlan([4, np.int64(8)])  # type: ignore[arg-type]
    assert plan == BucketPlan((4, 8))
    assert hash(plan) == hash(BucketPlan((4, 8)))
    assert all(type(boundary) is int for boundary in plan.boundaries)
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert (plan.num_buckets, plan.max_length) == (2, 8)
    with pytest.raises(FrozenInstanceError):
        plan.boundaries = (1,)  # type: ignore[misc]


def test_tensorflow_buckets_and_pads_by_the_same_boundaries() -> None:
    import tensorflow as tf

    plan = BucketPlan((2, 5, 9))
    sizes = [0, 1, 2, 3, 5, 6, 9]
    batches = tf.data.Dataset.from_generator(
        lambda: (np.ones(size, np.int64) for size in sizes), output_signature=tf.TensorSpec([None], tf.int64)
    ).bucket_by_sequence_length(
        lambda row: tf.shape(row)[0],
        bucket_boundaries=plan.tf_boundaries(),
        bucket_batch_sizes=[1] * (plan.num_buckets + 1),
        pad_to_bucket_boundary=True,
    )
    padded = {int(batch.numpy().sum()): batch.shape[1] for batch in batches}
    assert padded == {size: plan.boundaries[bucket] for size, bucket in zip(sizes, plan.assign(sizes), strict=True)}
