"""Shows a prepared data set as tables."""

from itertools import islice
from typing import TYPE_CHECKING, Any

from lengthwise.columns import NumericColumn, context_features, feature_of, sequence_features
from lengthwise.columns.field_errors import show
from lengthwise.errors import ConfigError
from lengthwise.manifest import Manifest, Shard, load_manifest
from lengthwise_cli.data_set_summary import say_buckets, summarize
from lengthwise_cli.sequence_display import as_dict, say_sequence
from lengthwise_cli.terminal import bytes_text, say, say_json, say_table

if TYPE_CHECKING:
    from lengthwise.records.samples.record_display import FeatureView

_LONG_NUMBER = 7  # characters: eight columns fit into 80


def inspect_prepared(
    folder: str, first: int, most: int, bucket: int | None, split: str | None, *, whole: bool, as_json: bool
) -> None:
    """Prints the columns, lengths and buckets, and some sequences; with `whole`, only one sequence.

    Raises:
        ConfigError: there is no such bucket, split or sequence.
    """
    manifest = load_manifest(folder)
    shards = _shards(manifest, bucket, split)
    available = sum(shard.sequences for shard in shards)
    if whole and first >= available:
        raise ConfigError(f"--record: expected a number below {available:,}, received {first:,}")
    from lengthwise.records.samples.record_display import show_prepared

    chosen = list(islice(show_prepared(folder, manifest, shards, first), most))
    if as_json:
        say_json(_as_json(manifest, folder, chosen))
        return
    if not whole:
        _say_data_set(manifest, folder)
    for sequence in chosen:
        say_sequence(sequence, whole=whole)


def inspect_parts(folders: list[str], *, as_json: bool) -> None:
    """Prints the contents of each part."""
    manifests = {folder: load_manifest(folder) for folder in folders}
    if as_json:
        say_json({"parts": [summarize(manifest, folder) for folder, manifest in manifests.items()]})
        return
    rows = []
    for folder, manifest in manifests.items():
        counts, size = manifest.counts, bytes_text(sum(shard.bytes for shard in manifest.shards))
        rejected = sum(counts.rejected.values())
        part = folder.rpartition("/")[2]
        rows.append((part, len(manifest.inputs), counts.sequences, rejected, len(manifest.shards), size))
    say_table("Parts", ["part", ">input files", ">sequences", ">rejected", ">shards", ">size"], rows)
    sequences = sum(manifest.counts.sequences for manifest in manifests.values())
    say(f"{sequences:,} sequences; `lengthwise inspect {folders[-1]}`")


def _shards(manifest: Manifest, bucket: int | None, split: str | None) -> list[Shard]:
    if bucket is not None and bucket not in manifest.boundaries:
        known = ", ".join(map(str, manifest.boundaries))
        raise ConfigError(f"--bucket: expected one of the boundaries {known}, received {bucket}")
    if split is not None and split not in manifest.lengths:
        raise ConfigError(f"--split: expected one of {', '.join(manifest.splits)}, received {show(split)}")
    return [
        shard
        for shard in manifest.shards
        if bucket in (None, manifest.boundaries[shard.bucket]) and split in (None, shard.split)
    ]


def _as_json(manifest: Manifest, folder: str, chosen: "list[FeatureView]") -> dict[str, Any]:
    return {
        **summarize(manifest, folder),
        "columns": [column.model_dump(mode="json") for column in manifest.columns],
        "statistics": {key: column.model_dump(mode="json") for key, column in manifest.statistics.items()},
        "lengths": {split: {str(k): n for k, n in counts.items()} for split, counts in manifest.lengths.items()},
        "sequences": list(map(as_dict, chosen)),
    }


def _say_data_set(manifest: Manifest, folder: str) -> None:
    counts = manifest.counts
    splits = ", ".join(f"{split} {sum(manifest.lengths[split].values()):,}" for split in manifest.splits)
    files = "plain files" if manifest.compression == "none" else manifest.compression
    say(f"{folder}: {counts.sequences:,} sequences ({splits}), layout {manifest.layout}, {files}")
    say(f"{counts.read:,} records read, {counts.written:,} written, {sum(counts.rejected.values()):,} rejected")
    say()
    headings = ["feature", "kind", "what", ">values", ">missing", ">min", ">max", ">mean"]
    say_table("Columns", headings, _columns(manifest))
    lengths = manifest.histogram()
    if lengths.total:
        expanded = lengths.counts.cumsum()
        at = [int(lengths.lengths[expanded.searchsorted(share * lengths.total)]) for share in (0.5, 0.95)]
        shortest, longest = int(lengths.lengths[0]), int(lengths.lengths[-1])
        say(f"lengths: {shortest:,} to {longest:,} steps, median {at[0]:,}, 95% up to {at[1]:,}")
        say()
    say_buckets(summarize(manifest, folder))
    say()


def _columns(manifest: Manifest) -> list[list[object]]:
    rows: list[list[object]] = []
    features = [*sequence_features(manifest.columns), *context_features(manifest.columns)]
    for feature in sorted({feature_of(column) for column in features}, key=lambda feature: feature.key):
        ids = getattr(feature, "num_buckets", None)
        what = f"{ids:,} ids" if ids is not None else str(getattr(feature, "dtype", ""))
        shape = feature.shape if isinstance(feature, NumericColumn) and feature.shape != (1,) else ()
        row: list[object] = [feature.key, feature.kind, f"{what} {list(shape)}" if shape else what]
        if statistics := manifest.statistics.get(feature.key):
            row += statistics.values, statistics.missing
            row += map(_number, (statistics.min, statistics.max, statistics.mean))
        rows.append(row)
    return rows


def _number(value: float | None) -> str:
    """Formats with six digits, or four if the result is long; `--json` has all."""
    if value is None:
        return ""
    text = f"{value:.6g}"
    return text if len(text) <= _LONG_NUMBER else f"{value:.4g}"
