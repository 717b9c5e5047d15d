"""Manifests and statistics without a job, for the tests of the report."""

from typing import Any

import numpy as np
import numpy.typing as npt

from lengthwise.columns import IdentityColumn
from lengthwise.manifest import ColumnStatistics, Counts, InputFile, Manifest, Shard


def manifest(**changes: Any) -> Manifest:
    """A manifest written by hand: one bucket, one shard, one column."""
    lengths = changes.pop("lengths", {"train": {3: 4}})
    total = sum(sum(counts.values()) for counts in lengths.values())
    steps = sum(length * count for counts in lengths.values() for length, count in counts.items())
    boundaries = changes.get("boundaries", (3,))
    shard = Shard(
        path="Split-train/length-00003-00000-of-00001.tfrecord", split="train", bucket=0, records=total,
        sequences=total, steps=steps, padded_steps=total * boundaries[-1], bytes=1000, crc32c=1,
    )  # fmt: skip
    fields: dict[str, Any] = {
        "fingerprint": "f" * 64,
        "config": {"splits": {"fractions": {"train": 1.0}}},
        "layout": "example",
        "compression": "none",
        "columns": (IdentityColumn(key="item", num_buckets=10),),
        "boundaries": (3,),
        "counts": Counts(read=total, written=total, rejected={}, sequences=total),
        "lengths": lengths,
        "statistics": {"item": ColumnStatistics(values=12, min=0, max=9, distinct=2, top=(("9", 8), ("0", 4)))},
        "inputs": (InputFile(path="raw.tfrecord", bytes=10, records=total),),
        "shards": (shard,) if total else (),
    }
    return Manifest(**{**fields, **changes})


def number_statistics(values: npt.ArrayLike, missing: int = 0) -> ColumnStatistics:
    """The statistics of numbers, as `records.statistics` counts them: 32 bins from the smallest to the largest."""
    numbers = np.asarray(values)
    counts, _ = np.histogram(numbers, 32)
    return ColumnStatistics(
        values=len(numbers) + missing,
        missing=missing,
        min=float(numbers.min()),
        max=float(numbers.max()),
        mean=float(numbers.mean()),
        std=float(numbers.std()),
        histogram=tuple(counts.tolist()),
    )
