"""The portions of prepared shards that a worker reads, and the shards that it copies or checks."""

from collections.abc import Mapping, Sequence

from lengthwise.errors import DatasetError
from lengthwise.feed.layouts.example_layout import BucketPortions
from lengthwise.feed.options.reader_options import Options
from lengthwise.feed.reading.file_streams import Portion, divide_portions, repeated
from lengthwise.feed.reading.remote_files import is_copied
from lengthwise.prepared_folders import PlacedShard, PreparedFolders
from lengthwise.storage import files
from lengthwise.storage.remote_copying import RemoteFile, current_state


def portions_of_worker(
    folders: PreparedFolders, shards: Sequence[PlacedShard], times: Mapping[str, float], split: str, options: Options
) -> BucketPortions:
    """What this worker reads of the shards, by bucket.

    Args:
        folders: of the shards.
        shards: of the split.
        times: how often an epoch has the sequences of each folder, by path.
        split: its name.
        options: `num_shards` and `index` define the worker.

    Raises:
        DatasetError: there is nothing to read.
    """
    by_bucket: dict[tuple[int, str], list[Portion]] = {}
    for placed in shards:
        records, manifest = placed.shard.records, placed.folder.manifest
        per_record = placed.shard.sequences / records
        whole = Portion(placed.path, 0, records, 0, manifest.compression, manifest.layout, per_record)
        by_bucket.setdefault((placed.bucket, placed.folder.path), []).append(whole)
    portions: BucketPortions = {}
    for (bucket, folder), parts in by_bucket.items():
        portions.setdefault(bucket, []).extend(repeated(parts, times[folder]))
    worker_portions: BucketPortions = {}
    workers, turn = options.num_shards, 0
    for bucket, parts in sorted(portions.items()):
        # Remainders go to one worker after the other, across buckets.
        part = divide_portions(parts, workers, (options.index - turn) % workers)
        turn += sum(portion.take for portion in parts) % workers
        if part:
            worker_portions[bucket] = part
    if not worker_portions:
        raise DatasetError(
            f"{', '.join(folders.paths)}: the split {split!r} has no sequences for worker {options.index} of "
            f"{options.num_shards}"
        )
    return worker_portions


def rows_of_epoch(portions: BucketPortions, options: Options) -> int | None:
    """The number of rows of an epoch; None if it is unknown, as the blocks of a part of a file vary."""
    parts = [portion for parts in portions.values() for portion in parts]
    if options.on_damage == "skip" or options.drop_remainder or any(p.moves and p.layout == "block" for p in parts):
        return None
    return round(sum(part.take * part.sequences for part in parts))


def copied_shards(shards: Sequence[PlacedShard], options: Options) -> list[RemoteFile]:
    """The shards that are read through copies, with the manifest's checksums unless damage is skipped."""
    copied = [shard for shard in shards if is_copied(shard.path, options.chosen_cache)]
    if options.on_damage == "skip":
        return list(files.map_files(current_state, [shard.path for shard in copied]))
    return _expected(copied)


def shards_to_check(shards: Sequence[PlacedShard], options: Options) -> list[RemoteFile]:
    """The shards whose bytes are compared with the manifest while reading: those that copying does not compare."""
    if not options.verify:
        return []
    skips = options.on_damage == "skip"
    return _expected([shard for shard in shards if skips or not is_copied(shard.path, options.chosen_cache)])


def _expected(shards: Sequence[PlacedShard]) -> list[RemoteFile]:
    return [RemoteFile(placed.path, placed.shard.bytes, placed.shard.crc32c) for placed in shards]
