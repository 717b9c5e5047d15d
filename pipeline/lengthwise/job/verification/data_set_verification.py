"""Verifies a data set: computes the checksum of every byte, and counts every record again.

manifest: unedited? do its numbers agree? ───────────────────────┐
every file that it names: does it exist, same bytes, same counts? ├─> faults, each a path and a sentence
every other file: it should not exist ────────────────────────────┘
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from lengthwise.cores import usable_cores
from lengthwise.errors import EnvironmentFailure
from lengthwise.job.verification.shard_recount import Recount, recount, steps_of
from lengthwise.job.workspace.output_lock import WORK
from lengthwise.manifest import MANIFEST_NAME, Manifest, Shard, load_altered_manifest
from lengthwise.part_folders import part_folders
from lengthwise.progress import Event, ProgressSink, ignore
from lengthwise.records.container.checksums import checksum
from lengthwise.records.rejected.kept_rejects import KeptRejects
from lengthwise.report import REPORT_NAME
from lengthwise.storage import files


@dataclass(frozen=True, slots=True, order=True)
class DataSetFault:
    """A problem of one file of a data set."""

    path: str
    problem: str


@dataclass(slots=True)
class Verification:
    """The result of verifying a data set.

    Attributes:
        shards: the number of shards read.
        sequences: the number of sequences counted in them.
        bytes: the number of bytes read.
        faults: sorted by path; empty if the data set agrees with its manifest.
    """

    shards: int = 0
    sequences: int = 0
    bytes: int = 0
    faults: list[DataSetFault] = field(default_factory=list)


def verify_data_set(folder: str, progress: ProgressSink = ignore) -> Verification:
    """Compares a prepared data set with its manifest; in a folder of parts, each part with its own manifest.

    Raises:
        DatasetError: the manifest does not exist, or cannot be read.
        EnvironmentFailure: a remote file that exists cannot be read.
    """
    total = Verification()
    for part_folder in part_folders(folder) or [folder]:
        part = _verify_part(part_folder, progress)
        total.shards += part.shards
        total.sequences += part.sequences
        total.bytes += part.bytes
        relative = files.join(part_folder, "").removeprefix(files.join(folder, ""))
        total.faults += [DataSetFault(relative + fault.path, fault.problem) for fault in part.faults]
    return total


def _verify_part(folder: str, progress: ProgressSink) -> Verification:
    manifest, as_written = load_altered_manifest(folder)
    result = Verification()
    result.faults += [DataSetFault(MANIFEST_NAME, problem) for problem in _manifest_problems(manifest, as_written)]
    result.faults += _side_faults(folder, manifest)
    result.faults += _unknown_files(folder, manifest)
    lengths: dict[str, Counter[int]] = {split: Counter() for split in manifest.splits}
    others = {group: {split: Counter[int]() for split in manifest.splits} for group in manifest.groups}
    for shard, counted in _read_shards(folder, manifest, progress):
        result.shards += 1
        result.bytes += counted.bytes
        result.sequences += counted.sequences
        result.faults += [DataSetFault(shard.path, problem) for problem in _shard_problems(manifest, shard, counted)]
        lengths.setdefault(shard.split, Counter()).update(counted.lengths)
        for group, counts in counted.groups.items():
            others.setdefault(group, {}).setdefault(shard.split, Counter()).update(counts)
    if not {fault.path for fault in result.faults} & {shard.path for shard in manifest.shards}:
        result.faults += _length_faults(manifest.lengths, lengths, "")  # with damaged shards, some lengths are missing
        for group, by_split in others.items():
            result.faults += _length_faults(manifest.groups[group].lengths, by_split, f" of the group {group!r}")
    result.faults.sort()
    return result


def _read_shards(folder: str, manifest: Manifest, progress: ProgressSink) -> Iterator[tuple[Shard, Recount]]:
    total = sum(shard.bytes for shard in manifest.shards)
    done = sequences = 0
    progress(Event("verify", 0, total))
    with ThreadPoolExecutor(usable_cores()) as pool:
        pending = {pool.submit(_recount, folder, manifest, shard): shard for shard in manifest.shards}
        try:
            for future in as_completed(pending):
                counted = future.result()
                done, sequences = done + pending[future].bytes, sequences + counted.sequences
                progress(Event("verify", done, total, sequences))
                yield pending[future], counted
        finally:
            pool.shutdown(cancel_futures=True)


def _recount(folder: str, manifest: Manifest, shard: Shard) -> Recount:
    path = files.join(folder, shard.path)
    try:
        return recount(path, manifest.layout, manifest.compression, manifest.columns)
    except EnvironmentFailure as error:
        if files.is_remote(path) and files.exists(path):  # an outage says nothing about the data
            raise
        return Recount(damage=f"expected a file, it is missing or unreadable: {error}", crc32c=-1)


def _shard_problems(manifest: Manifest, shard: Shard, counted: Recount) -> Iterator[str]:
    if counted.crc32c == -1:
        yield counted.damage
        return
    if counted.bytes != shard.bytes:
        yield f"expected {shard.bytes:,} bytes, found {counted.bytes:,}"
    if counted.crc32c != shard.crc32c:
        yield f"expected bytes of crc32c {shard.crc32c:#010x}, found {counted.crc32c:#010x}; it is not the file written"
    if counted.damage:
        yield counted.damage
        return
    for name in ("records", "sequences", "steps"):
        if getattr(counted, name) != getattr(shard, name):
            yield f"expected {getattr(shard, name):,} {name}, found {getattr(counted, name):,}"
    yield from _bucket_problems(manifest, shard, counted)
    for group, lengths in counted.groups.items():
        yield from _group_problems(manifest, shard, group, lengths)


def _group_problems(manifest: Manifest, shard: Shard, group: str, lengths: Counter[int]) -> Iterator[str]:
    if shard.bucket >= len(manifest.boundaries):
        return
    listed, boundary = shard.groups[group], manifest.groups[group].boundaries[shard.bucket]
    if lengths.total() != shard.sequences:
        yield f"expected {shard.sequences:,} lengths of the group {group!r}, found {lengths.total():,}"
    if steps_of(lengths) != listed.steps:
        yield f"expected {listed.steps:,} steps of the group {group!r}, found {steps_of(lengths):,}"
    if max(lengths, default=0) > boundary:
        yield f"expected at most {boundary} steps of the group {group!r}, found {max(lengths)}"
    if listed.padded_steps != shard.sequences * boundary:
        expected = f"expected {shard.sequences * boundary:,} padded steps of the group {group!r}"
        yield f"{expected}, the manifest says {listed.padded_steps:,}"


def _bucket_problems(manifest: Manifest, shard: Shard, counted: Recount) -> Iterator[str]:
    if not 0 <= shard.bucket < len(manifest.boundaries):
        yield f"expected a bucket below {len(manifest.boundaries)}, the manifest says {shard.bucket}"
        return
    boundary = manifest.boundaries[shard.bucket]
    shortest = 0
    if shard.bucket and len(manifest.buckets[0]) == 1:
        shortest = manifest.boundaries[shard.bucket - 1] + 1
    outside = [length for length in counted.lengths if not shortest <= length <= boundary]
    if outside:
        yield f"expected lengths of {shortest} to {boundary} steps, found {outside[0]}"
    if shard.padded_steps != shard.sequences * boundary:
        yield f"expected {shard.sequences * boundary:,} padded steps, the manifest says {shard.padded_steps:,}"


def _manifest_problems(manifest: Manifest, as_written: bool) -> Iterator[str]:
    counts = manifest.counts
    if not as_written:
        yield "it was edited after it was written: its digest does not match"
    rejected = sum(counts.rejected.values())
    if counts.read != counts.written + rejected:
        yield f"expected read = written + rejected, it says {counts.read:,} = {counts.written:,} + {rejected:,}"
    inputs = sum(source.records for source in manifest.inputs)
    if counts.read != inputs:
        yield f"expected {counts.read:,} records read from the input files, they add up to {inputs:,}"
    sequences = sum(shard.sequences for shard in manifest.shards)
    if counts.sequences != sequences:
        yield f"expected {counts.sequences:,} sequences in the shards, they add up to {sequences:,}"


def _length_faults(
    listed: Mapping[str, Mapping[int, int]], counted: Mapping[str, Counter[int]], whose: str
) -> Iterator[DataSetFault]:
    for split, counts in sorted(counted.items()):
        if dict(counts) != {length: count for length, count in listed.get(split, {}).items() if count}:
            problem = f"its lengths{whose} of split {split!r} are not those of the sequences in the shards"
            yield DataSetFault(MANIFEST_NAME, problem)


def _side_faults(folder: str, manifest: Manifest) -> Iterator[DataSetFault]:
    """The faults of the schema, the vocabularies and the rejects."""
    rejects = KeptRejects(folder, manifest)
    for path, expected in manifest.side_files.items():
        if path in rejects.paths:
            continue
        try:
            crc32c = checksum(files.join(folder, path))
        except EnvironmentFailure as error:
            yield DataSetFault(path, f"expected a file, it is missing or unreadable: {error}")
            continue
        if crc32c != expected:
            yield DataSetFault(
                path, f"expected bytes of crc32c {expected:#010x}, found {crc32c:#010x}; it is not the file written"
            )
    for _ in rejects.read():
        pass
    yield from (DataSetFault(fault.path, fault.problem) for fault in rejects.faults)


def _unknown_files(folder: str, manifest: Manifest) -> Iterator[DataSetFault]:
    known = {MANIFEST_NAME, REPORT_NAME, *manifest.side_files, *(shard.path for shard in manifest.shards)}
    for name in files.list_tree(folder):
        if name not in known and not name.startswith(f"{WORK}/"):
            yield DataSetFault(
                name, "the manifest does not know this file; readers of whole folders would take it for data"
            )
