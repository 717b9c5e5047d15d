"""Bucket planning: which lengths to pad to, so that little is padding and few shapes are compiled.

    lengths ─> LengthHistogram ─> plan(...) ─> BucketPlan ─> assign(lengths), tf_boundaries(), padding_share(...)

    lengths of two groups ─> PairHistogram ─> plan_pairs(...) ─> PairPlan ─> assign(lengths), padding_shares(...)

- length: the number of steps of one sequence.
- boundary: the inclusive maximum length of a bucket, and the length that its sequences are padded to.
- over-long: longer than the last boundary.

Plain frozen values on numpy alone: importing this package imports no TensorFlow, Beam or Keras.
"""

from lengthwise.buckets.baselines import plan_geometric, plan_powers_of_two, plan_quantile, plan_single
from lengthwise.buckets.bounds import Bounds, assign, bounds_of, plan_of
from lengthwise.buckets.candidates import Cost
from lengthwise.buckets.choose import knee, padding_by_count, plan_optimal
from lengthwise.buckets.comparison import PlanComparison, compare
from lengthwise.buckets.histogram import LengthHistogram
from lengthwise.buckets.multiples import (
    MultiplePrice,
    affordable,
    common_multiple,
    plan,
    price_multiples,
)
from lengthwise.buckets.pair_choose import plan_pairs
from lengthwise.buckets.pair_comparison import PairComparison, compare_pairs
from lengthwise.buckets.pair_histogram import PairHistogram, Triples
from lengthwise.buckets.pair_values import PairCost, PairPlan
from lengthwise.buckets.values import BucketPlan

__all__ = [
    "Bounds",
    "BucketPlan",
    "Cost",
    "LengthHistogram",
    "MultiplePrice",
    "PairComparison",
    "PairCost",
    "PairHistogram",
    "PairPlan",
    "PlanComparison",
    "Triples",
    "affordable",
    "assign",
    "bounds_of",
    "common_multiple",
    "compare",
    "compare_pairs",
    "knee",
    "padding_by_count",
    "plan",
    "plan_geometric",
    "plan_of",
    "plan_optimal",
    "plan_pairs",
    "plan_powers_of_two",
    "plan_quantile",
    "plan_single",
    "price_multiples",
]
