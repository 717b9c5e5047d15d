"""Bucket planning: which lengths to pad to, so that there is little padding and few shapes are compiled.

    lengths ─> LengthHistogram ─> plan(...) ─> BucketPlan ─> assign(lengths), tf_boundaries(), padding_share(...)

    lengths of two groups ─> PairHistogram ─> plan_pairs(...) ─> PairPlan ─> assign(lengths), padding_shares(...)

- length: the number of steps of a sequence.
- boundary: the inclusive maximum length of a bucket; its sequences are padded to this length.
- over-long: longer than the last boundary.

All types are immutable values that need only numpy: importing this package imports no TensorFlow, Beam or Keras.
"""

from lengthwise.buckets.boundary_multiples import MultiplePrice, affordable, common_multiple, plan, price_multiples
from lengthwise.buckets.bucket_bounds import Bounds, assign, bounds_of, plan_of
from lengthwise.buckets.bucket_plan import BucketPlan
from lengthwise.buckets.candidate_boundaries import Cost
from lengthwise.buckets.length_histogram import LengthHistogram
from lengthwise.buckets.optimal_plan import knee, padding_by_count, plan_optimal
from lengthwise.buckets.pair_length_histogram import PairHistogram, Triples
from lengthwise.buckets.pair_plan import PairCost, PairPlan
from lengthwise.buckets.pair_plan_comparison import PairComparison, compare_pairs
from lengthwise.buckets.pair_planning import plan_pairs
from lengthwise.buckets.plan_comparison import PlanComparison, compare
from lengthwise.buckets.textbook_plans import plan_geometric, plan_powers_of_two, plan_quantile, plan_single

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
