"""Whether a data set is what its manifest says: every byte checksummed, every record counted again.

manifest ─ is it as written? do its own numbers agree? ──┐
every file that it names ─ there, same bytes, same counts ├─> faults, each a path and a sentence
every other file ─ it should not be there ────────────────┘
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
    """What is wrong with one file of a data set."""

    path: str
    problem: str


@dataclass(slots=True)
class Verification:
    """What was read, and what is wrong.

    Attributes:
        shards: how many shards were read.
        sequences: how many sequences were counted in them.
        bytes: how many bytes were checksummed.
        faults: sorted by path; empty where all is as the manifest says.
    """

    shards: int = 0
    sequences: int = 0
    bytes: int = 0
    faults: list[DataSetFault] = field(default_factory=list)


def verify(folder: str, progress: ProgressSink = ignore) -> Verification:
    """Compares a prepared data set with its manifest; of a folder of parts, each part with its own.

    Raises:
        DatasetError: there is no manifest, or none that can be read.
        EnvironmentFailure: a remote file that is there cannot be read.
    """
    found = Verification()
    for part in part_folders(folder) or [folder]:
        one = _verify_part(part, progress)
        found.shards += one.shards
        found.sequences += one.sequences
        found.bytes += one.bytes
        within = files.join(part, "").removeprefix(files.join(folder, ""))
        found.faults += [DataSetFault(within + fault.path, fault.problem) for fault in one.faults]
    return found


def _verify_part(folder: str, progress: ProgressSink) -> Verification:
    manifest, as_written = load_altered_manifest(folder)
    found = Verification()
    found.faults += [DataSetFault(MANIFEST_NAME, problem) for problem in _manifest_problems(manifest, as_written)]
    found.faults += _side_faults(folder, manifest)
    found.faults += _added(folder, manifest)
    lengths: dict[str, Counter[int]] = {split: Counter() for split in manifest.splits}
    others = {group: {split: Counter[int]() for split in manifest.splits} for group in manifest.groups}
    for shard, one in _read_shards(folder, manifest, progress):
        found.shards += 1
        found.bytes += one.bytes
        found.sequences += one.sequences
        found.faults += [DataSetFault(shard.path, problem) for problem in _problems(manifest, shard, one)]
        lengths.setdefault(shard.split, Counter()).update(one.lengths)
        for group, counts in one.groups.items():
            others.setdefault(group, {}).setdefault(shard.split, Counter()).update(counts)
    if not {fault.path for fault in found.faults} & {shard.path for shard in manifest.shards}:
        found.faults += _length_faults(manifest.lengths, lengths, "")  # otherwise some are missing anyway
        for group, counted in others.items():
            found.faults += _length_faults(manifest.groups[group].lengths, counted, f" of the group {group!r}")
    found.faults.sort()
    return found


def _read_shards(folder: str, manifest: Manifest, progress: ProgressSink) -> Iterator[tuple[Shard, Recount]]:
    total = sum(shard.bytes for shard in manifest.shards)
    done = sequences = 0
    progress(Event("verify", 0, total))
    with ThreadPoolExecutor(usable_cores()) as pool:
        pending = {pool.submit(_recount, folder, manifest, shard): shard for shard in manifest.shards}
        try:
            for future in as_completed(pending):
                one = future.result()
                done, sequences = done + pending[future].bytes, sequences + one.sequences
                progress(Event("verify", done, total, sequences))
                yield pending[future], one
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


def _problems(manifest: Manifest, shard: Shard, found: Recount) -> Iterator[str]:
    if found.crc32c == -1:
        yield found.damage
        return
    if found.bytes != shard.bytes:
        yield f"expected {shard.bytes:,} bytes, found {found.bytes:,}"
    if found.crc32c != shard.crc32c:
        yield f"expected bytes of crc32c {shard.crc32c:#010x}, found {found.crc32c:#010x}; it is not the file written"
    if found.damage:
        yield found.damage
        return
    for name in ("records", "sequences", "steps"):
        if getattr(found, name) != getattr(shard, name):
            yield f"expected {getattr(shard, name):,} {name}, found {getattr(found, name):,}"
    yield from _bucket_problems(manifest, shard, found)
    for group, lengths in found.groups.items():
        yield from _group_problems(manifest, shard, group, lengths)


def _group_problems(manifest: Manifest, shard: Shard, group: str, lengths: Counter[int]) -> Iterator[str]:
    if shard.bucket >= len(manifest.boundaries):
        return
    told, boundary = shard.groups[group], manifest.groups[group].boundaries[shard.bucket]
    if lengths.total() != shard.sequences:
        yield f"expected {shard.sequences:,} lengths of the group {group!r}, found {lengths.total():,}"
    if steps_of(lengths) != told.steps:
        yield f"expected {told.steps:,} steps of the group {group!r}, found {steps_of(lengths):,}"
    if max(lengths, default=0) > boundary:
        yield f"expected at most {boundary} steps of the group {group!r}, found {max(lengths)}"
    if told.padded_steps != shard.sequences * boundary:
        expected = f"expected {shard.sequences * boundary:,} padded steps of the group {group!r}"
        yield f"{expected}, the manifest says {told.padded_steps:,}"


def _bucket_problems(manifest: Manifest, shard: Shard, found: Recount) -> Iterator[str]:
    if not 0 <= shard.bucket < len(manifest.boundaries):
        yield f"expected a bucket below {len(manifest.boundaries)}, the manifest says {shard.bucket}"
        return
    boundary = manifest.boundaries[shard.bucket]
    least = manifest.boundaries[shard.bucket - 1] + 1 if shard.bucket and len(manifest.buckets[0]) == 1 else 0
    outside = [length for length in found.lengths if not least <= length <= boundary]
    if outside:
        yield f"expected lengths of {least} to {boundary} steps, found {outside[0]}"
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
    told: Mapping[str, Mapping[int, int]], found: Mapping[str, Counter[int]], whose: str
) -> Iterator[DataSetFault]:
    for split, counts in sorted(found.items()):
        if dict(counts) != {length: count for length, count in told.get(split, {}).items() if count}:
            problem = f"its lengths{whose} of split {split!r} are not those of the sequences in the shards"
            yield DataSetFault(MANIFEST_NAME, problem)


def _side_faults(folder: str, manifest: Manifest) -> Iterator[DataSetFault]:
    """The schema, the vocabularies and the rejects."""
    rejects = KeptRejects(folder, manifest)
    for path, expected in manifest.side_files.items():
        if path in rejects.paths:
            continue
        try:
            found = checksum(files.join(folder, path))
        except EnvironmentFailure as error:
            yield DataSetFault(path, f"expected a file, it is missing or unreadable: {error}")
            continue
        if found != expected:
            yield DataSetFault(
                path, f"expected bytes of crc32c {expected:#010x}, found {found:#010x}; it is not the file written"
            )
    for _ in rejects.read():
        pass
    yield from (DataSetFault(fault.path, fault.problem) for fault in rejects.faults)


def _added(folder: str, manifest: Manifest) -> Iterator[DataSetFault]:
    known = {MANIFEST_NAME, REPORT_NAME, *manifest.side_files, *(shard.path for shard in manifest.shards)}
    for name in files.list_tree(folder):
        if name not in known and not name.startswith(f"{WORK}/"):
            yield DataSetFault(
                name, "the manifest does not know this file; readers of whole folders would take it for data"
            )
