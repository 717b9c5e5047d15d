"""How large the files are."""

from dataclasses import dataclass
from itertools import groupby

from lengthwise.buckets.boundary_text import bounds_text
from lengthwise.manifest import Manifest, Shard
from lengthwise.report import number_text
from lengthwise.report.chart_axes import Axis, Tick, counting_axis
from lengthwise.report.chart_values import Chart, ChartTable, column

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
    """By split and bucket, in the order of their paths; the first of very many."""
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
                bytes=number_text.size(sum(sizes)),
                smallest=number_text.size(min(sizes)),
                largest=number_text.size(max(sizes)),
            )
        )
    return rows[:MOST_ROWS]


def shard_chart(manifest: Manifest) -> Chart | None:
    """The size of every shard, largest first; of very many, the largest of each few. None where there is none."""
    if not manifest.shards:
        return None
    ordered = sorted(manifest.shards, key=lambda shard: (-shard.bytes, shard.path))
    each = -(-len(ordered) // MOST_BARS)
    shown = ordered[::each]
    unit, name = _unit(shown[0].bytes)
    x, y = Axis(0.0, float(len(shown))), counting_axis(shown[0].bytes / unit)
    bars = [
        bar
        for place, shard in enumerate(shown)
        for bar in column(x, y, (place, place + 1), [shard.bytes / unit], [_note(shard)])
    ]
    smallest = ordered[-1].bytes
    return Chart(
        id="shards",
        title="Size of the shards",
        description=f"{number_text.plural(len(ordered), 'shard')}, from {number_text.size(smallest)} to "
        f"{number_text.size(shown[0].bytes)}." + (f" Each bar is the largest of {each} shards." if each > 1 else ""),
        x_title="shards, largest first",
        y_title=f"size in {name}",
        x_ticks=_ranks(x, each),
        y_ticks=y.ticks(4, number_text.number),
        bars=tuple(bars),
        table=ChartTable(
            ("File", "Sequences", "Size"),
            tuple((shard.path, number_text.count(shard.sequences), number_text.size(shard.bytes)) for shard in shown),
        ),
        small=True,
    )


def _ranks(axis: Axis, each: int) -> tuple[Tick, ...]:
    ranks = axis.ticks(5, lambda value: number_text.count(int(value) * each))
    return tuple(Tick(tick.at, tick.text) for tick in ranks if tick.at > 0)


def _unit(largest: int) -> tuple[int, str]:
    units = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
    return next(((unit, name) for unit, name in units if largest >= unit), (1, "bytes"))


def _note(shard: Shard) -> str:
    return f"{shard.path}: {number_text.size(shard.bytes)}, {number_text.plural(shard.sequences, 'sequence')}"
