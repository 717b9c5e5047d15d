"""Times optimal bucket planning: 100,000 distinct lengths, 32 buckets. The goal is under a second of CPU each.

    python benchmarks/bench_buckets.py [--lengths 100000] [--count 32] [--repeats 5]

Prints one line of JSON per shape of histogram and cost: the median and the slowest run in CPU seconds. "spike" and
"blocks" are shapes for which pruning by local convexity takes thousands of passes; here the shape has little effect.
"""

import argparse
import json
import time
from statistics import median
from typing import Any

import numpy as np

from lengthwise.buckets import LengthHistogram, plan_optimal


def histograms(n: int) -> dict[str, LengthHistogram]:
    """Returns histograms of n distinct lengths, by the shape of their counts."""
    rng = np.random.default_rng(0)
    lengths = np.arange(1, n + 1)
    counts = {
        "equal": np.ones(n, np.int64),
        "random": rng.integers(1, 100, n),
        "log-normal": (1e5 * np.exp(-(np.log(lengths / 300) ** 2) / 2)).astype(np.int64) + 1,
        "power law": 10**6 // lengths + 1,
        "spike": np.where(lengths == n // 2, 10**7, 1),
        "blocks": np.where(lengths // 5000 % 2 == 0, 1000, 1),
    }
    return {name: LengthHistogram(lengths, values) for name, values in counts.items()}


def measure(histogram: LengthHistogram, count: int, cost: Any, repeats: int) -> dict[str, float]:
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        plan = plan_optimal(histogram, count, cost=cost)
        seconds.append(time.process_time() - start)
    return {
        "median_s": round(median(seconds), 3),
        "slowest_s": round(max(seconds), 3),
        "padding_share": round(plan.padding_share(histogram), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, default=100_000)
    parser.add_argument("--count", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", help="write the results to this file")
    args = parser.parse_args()
    results = []
    for shape, histogram in histograms(args.lengths).items():
        for cost in ("linear", "quadratic"):
            results.append({"counts": shape, "cost": cost, **measure(histogram, args.count, cost, args.repeats)})
            print(json.dumps(results[-1]), flush=True)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
