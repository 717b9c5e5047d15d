"""The sizes of the shards."""

from dataclasses import dataclass
from itertools import groupby, pairwise

from lengthwise.buckets.boundary_text import bounds_text
from lengthwise.manifest import Manifest, Shard
from lengthwise.report.chart_axes import Axis, Tick, counting_axis
from lengthwise.report.chart_values import Chart, ChartTable, stacked_bars
from lengthwise.report.number_text import count_text, decimal_text, plural, size_text

MOST_BARS = 120
MOST_ROWS = 60


@dataclass(frozen=True, slots=True)
class ShardRow:
    """The shards of one split and bucket."""

    split: str
    boundary: str
    shards: int
    sequences: int
    bytes: str
    smallest: str
    largest: str


def shard_rows(manifest: Manifest) -> list[ShardRow]:
    """By split and bucket, in the order of their paths; if there are very many, only the first."""
    ordered = sorted(manifest.shards, key=lambda shard: (shard.split, shard.bucket))
    rows = []
    for (split, bucket), members in groupby(ordered, key=lambda shard: (shard.split, shard.bucket)):
        group = list(members)
        sizes = [shard.bytes for shard in group]
        rows.append(
            ShardRow(
                split=split,
                boundary=bounds_text(manifest.buckets[bucket]),
                shards=len(group),
                sequences=sum(shard.sequences for shard in group),
                bytes=size_text(sum(sizes)),
                smallest=size_text(min(sizes)),
                largest=size_text(max(sizes)),
            )
        )
    return rows[:MOST_ROWS]


def shard_chart(manifest: Manifest) -> Chart | None:
    """The size of every shard, largest first; if there are very many, every n-th. None without shards."""
    if not manifest.shards:
        return None
    ordered = sorted(manifest.shards, key=lambda shard: (-shard.bytes, shard.path))
    smallest, largest = ordered[-1].bytes, ordered[0].bytes
    per_bar = -(-len(ordered) // MOST_BARS)
    drawn = ordered[::per_bar]
    unit, name = _unit(largest)
    x, y = Axis(0.0, float(len(drawn))), counting_axis(largest / unit)
    heights = ([shard.bytes / unit] for shard in drawn)
    return Chart(
        id="shards",
        title="Size of the shards",
        description=f"{plural(len(ordered), 'shard')}, from {size_text(smallest)} to "
        f"{size_text(largest)}." + (f" Each bar is the largest of {per_bar} shards." if per_bar > 1 else ""),
        x_title="shards, largest first",
        y_title=f"size in {name}",
        x_ticks=_ranks(x, per_bar),
        y_ticks=y.ticks(4, decimal_text),
        bars=stacked_bars(x, y, pairwise(range(len(drawn) + 1)), heights, ([_note(shard)] for shard in drawn)),
        table=ChartTable(
            ("File", "Sequences", "Size"),
            tuple((shard.path, count_text(shard.sequences), size_text(shard.bytes)) for shard in drawn),
        ),
        small=True,
    )


def _ranks(axis: Axis, per_bar: int) -> tuple[Tick, ...]:
    ranks = axis.ticks(5, lambda value: count_text(int(value) * per_bar))
    return tuple(tick for tick in ranks if tick.at > 0)


def _unit(largest: int) -> tuple[int, str]:
    units = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
    return next(((unit, name) for unit, name in units if largest >= unit), (1, "bytes"))


def _note(shard: Shard) -> str:
    return f"{shard.path}: {size_text(shard.bytes)}, {plural(shard.sequences, 'sequence')}"
