"""Summarizes a prepared data set: records, rejects, buckets and padding, as text and as JSON."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lengthwise.buckets.boundary_text import bounds_text
from lengthwise.storage.files import join
from lengthwise_cli.terminal import bytes_text, say, say_table, share_text

if TYPE_CHECKING:
    from lengthwise.job.task_values import RejectExample
    from lengthwise.manifest import Manifest
    from lengthwise.reject_reasons import Reject

_MOST_BUCKETS = 16  # in a table; of more, those in the middle share a row
_SUMMED = ("sequences", "steps", "padded_steps")


def summarize(manifest: "Manifest", folder: str) -> dict[str, Any]:
    """Returns the figures as values for JSON."""
    counts, totals = manifest.counts, manifest.totals
    longest = max((length for lengths in manifest.lengths.values() for length in lengths), default=0)
    return {
        "folder": folder,
        "layout": manifest.layout,
        "read": counts.read,
        "written": counts.written,
        "rejected": dict(counts.rejected),
        "sequences": counts.sequences,
        "truncated": counts.truncated,
        "windowed": counts.windowed,
        "repaired": dict(counts.repaired),
        "splits": {split: sum(manifest.lengths[split].values()) for split in manifest.splits},
        "buckets": _buckets(manifest),
        "steps": totals.steps,
        "padded_steps": totals.padded_steps,
        "padding_share": totals.padding_share,
        "padding_share_to_max": totals._replace(padded_steps=totals.sequences * longest).padding_share,
        "groups": {
            group: {**totals._asdict(), "padding_share": totals.padding_share}
            for group, totals in manifest.totals_by_group.items()
        }
        if manifest.groups
        else {},
        "shards": len(manifest.shards),
        "bytes": sum(shard.bytes for shard in manifest.shards),
    }


def say_summary(manifest: "Manifest", folder: str) -> None:
    """Prints the figures and the next commands."""
    figures = summarize(manifest, folder)
    rejected = sum(figures["rejected"].values())
    say()
    say(f"{figures['read']:,} records read, {figures['written']:,} written, {rejected:,} rejected")
    for name, what in (("truncated", "cut"), ("windowed", "split into windows")):
        if figures[name]:
            say(f"{figures[name]:,} records {what}")
    for key, count in figures["repaired"].items():
        share = share_text(count / max(1, manifest.statistics[key].values))
        what = f"{count:,} values of {key!r} ({share}) missing, or outside its vocabulary or range"
        say(f"{what}: replaced as the column specifies")
    say_rejects(figures["rejected"])
    say_buckets(figures)
    splits = ", ".join(f"{name} {count:,}" for name, count in figures["splits"].items())
    say(f"{figures['sequences']:,} sequences ({splits}) in {figures['shards']} shards, {bytes_text(figures['bytes'])}")
    say(f"in {folder}", whole=True)
    say(f"next: open {join(folder, 'report.html')}, or train:", whole=True)
    arguments = [*_split(manifest), f"batch_steps={_budget(manifest)}"]
    say(f"lengthwise.open({folder!r}).read({', '.join(arguments)})", whole=" " in folder)


def _split(manifest: "Manifest") -> list[str]:
    """Returns the argument that names the training split; empty if the default is right."""
    if "train" in manifest.splits:
        return []
    return [repr(max(manifest.splits, key=lambda name: manifest.histogram(name).total))]


def _budget(manifest: "Manifest") -> int:
    """Returns a usual budget of padded steps, or the boundary of the longest bucket if that is larger."""
    return max(8192, manifest.boundaries[-1] + sum(max(group.boundaries) for group in manifest.groups.values()))


def say_rejects(rejected: Mapping[str, int]) -> None:
    """Prints how many records were rejected, by reason; prints nothing if none were."""
    if rejected:
        say_table("Rejects", ["reason", ">records"], Counter(rejected).most_common())


def say_examples(rejects: "Iterable[Reject | RejectExample]") -> None:
    """Prints rejects as examples; prints nothing if there are none."""
    rows = [(reject.reason, reject.column, reject.file, reject.index, reject.detail) for reject in rejects]
    if rows:
        say_table("Examples", ["reason", "column", "file", ">record", "detail"], rows)


def say_buckets(figures: dict[str, Any]) -> None:
    """Prints the buckets and their padding."""
    rows: list[tuple[object, ...]] = [
        (_boundary_cell(bucket), bucket["sequences"], bucket["steps"], share_text(bucket["padding_share"]))
        for bucket in figures["buckets"]
    ]
    if len(rows) > _MOST_BUCKETS:
        ends = _MOST_BUCKETS // 2
        rows[ends:-ends] = [_together(figures["buckets"][ends:-ends])]
    say_table("Buckets", [">up to steps", ">sequences", ">steps", ">padding"], rows)
    say(
        f"padding: {share_text(figures['padding_share'])} of all steps; "
        f"if all were padded to the longest, it would be {share_text(figures['padding_share_to_max'])}"
    )
    if figures["groups"]:
        groups = [
            (name or "(no name)", group["steps"], share_text(group["padding_share"]))
            for name, group in figures["groups"].items()
        ]
        whose = "the first two" if isinstance(figures["buckets"][0]["boundary"], list) else "the first"
        say_table(f"Groups; the buckets are those of {whose}", ["group", ">steps", ">padding"], groups)
    if figures["layout"] == "block":
        say("(blocks contain no padding: batches, sorted by length, are padded when they are read, and to less)")


def _together(buckets: list[dict[str, Any]]) -> tuple[object, ...]:
    """Returns one row that sums up many buckets."""
    sequences, steps, padded = (sum(bucket[name] for bucket in buckets) for name in _SUMMED)
    return f"... {len(buckets):,} more", sequences, steps, share_text(1 - steps / padded if padded else 0.0)


def _buckets(manifest: "Manifest") -> list[dict[str, Any]]:
    boundaries = [list(bounds) if bounds[1:] else bounds[0] for bounds in manifest.buckets]
    return [
        {"boundary": boundary, **totals._asdict(), "padding_share": totals.padding_share}
        for boundary, totals in zip(boundaries, manifest.totals_by_bucket(), strict=True)
    ]


def _boundary_cell(bucket: dict[str, Any]) -> object:
    boundary = bucket["boundary"]
    return bounds_text(boundary) if isinstance(boundary, list) else boundary
