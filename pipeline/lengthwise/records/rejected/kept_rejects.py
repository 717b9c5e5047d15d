"""The rejects of a data set, read completely and compared with its manifest.

Truncated, altered, emptied, removed and replaced files are reported, with their record and byte.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lengthwise.errors import DatasetError, EnvironmentFailure
from lengthwise.manifest import Manifest
from lengthwise.records.container.checksums import ChecksummedStream, checksum
from lengthwise.records.container.frame_reading import PROTOBUF_MAX_BYTES
from lengthwise.records.container.record_blocks import Damage
from lengthwise.records.rejected.reject_files import read_rejects_and_damage
from lengthwise.reject_reasons import Reject
from lengthwise.storage import files

FOLDER = "rejects"
_BESIDE_RAW = 2**20  # bytes of a reject that are not the record's


@dataclass(frozen=True, slots=True, order=True)
class FileFault:
    """What is wrong with one file of a data set; the path is relative to its folder."""

    path: str
    problem: str


class KeptRejects:
    """The rejects of a data set, or of a failed job, which leaves no manifest.

    Attributes:
        faults: what is wrong with them, complete once `read` is exhausted.
    """

    def __init__(self, folder: str, manifest: Manifest | None) -> None:
        self._folder = folder
        self._manifest = manifest
        self.faults: list[FileFault] = []

    @property
    def paths(self) -> list[str]:
        """The rejects files, relative to the folder: those in the manifest; if it lists none, those in the folder.

        A data set may keep none although some were rejected: TFX keeps them in a separate artifact.
        """
        side_files = () if self._manifest is None else self._manifest.side_files
        if listed := sorted(path for path in side_files if path.startswith(f"{FOLDER}/")):
            return listed
        names = files.list_tree(files.join(self._folder, FOLDER))
        return [files.join(FOLDER, name) for name in names if ".tfrecord" in name]

    def read(self) -> Iterator[Reject]:
        """All rejects that can be read, in the order of the input.

        Raises:
            EnvironmentFailure: a remote file exists, but cannot be read.
        """
        self.faults = []
        counts: Counter[str] = Counter()
        for path in self.paths:
            for reject in self._read_file(path):
                counts[reject.reason.value] += 1
                yield reject
        if self._manifest is not None and self.paths:
            expected = {reason: count for reason, count in self._manifest.counts.rejected.items() if count}
            if counts != expected:
                problem = f"expected rejects {listed_counts(expected)}, found {listed_counts(counts)}"
                self.faults.append(FileFault(FOLDER, problem))

    def _read_file(self, path: str) -> Iterator[Reject]:
        first_damage: Damage | None = None
        readable = unreadable = 0
        full_path = files.join(self._folder, path)
        try:
            with files.open_binary(full_path) as stream:
                measured = ChecksummedStream(stream)
                most = _max_reject_bytes(self._manifest)
                for item in read_rejects_and_damage(measured, max_record_bytes=most):
                    if isinstance(item, Reject):
                        readable += 1
                        yield item
                    else:
                        unreadable += 1
                        first_damage = first_damage or item
                measured.read_rest()
        except EnvironmentFailure as error:
            if files.is_remote(full_path) and files.exists(full_path):  # the data may be intact
                raise
            self.faults.append(FileFault(path, f"expected a file, it is missing or unreadable: {error}"))
            return
        if self._manifest is None and not (readable or unreadable):
            self.faults.append(
                FileFault(path, "expected at least one reject, found none: such a file is never written")
            )
        if first_damage is not None:
            more = f"; and {unreadable - 1:,} more" if unreadable > 1 else ""
            self.faults.append(FileFault(path, f"{first_damage}{more}"))
        crc = measured.crc32c
        expected = crc if self._manifest is None else self._manifest.side_files.get(path, crc)
        if crc != expected:
            problem = f"expected bytes of crc32c {expected:#010x}, found {crc:#010x}; it is not the file written"
            self.faults.append(FileFault(path, problem))


def refuse_damaged_rejects(folder: str, manifest: Manifest) -> None:
    """Compares the rejects files with their checksums; reads them only where these differ.

    Raises:
        DatasetError: a file is not the one that was written; the message names it.
    """
    kept = KeptRejects(folder, manifest)
    if all(_checksum_or_none(files.join(folder, path)) == manifest.side_files.get(path) for path in kept.paths):
        return
    for _ in kept.read():
        pass
    if kept.faults:
        raise DatasetError(*describe_faults(folder, kept.faults))


def describe_faults(folder: str, faults: list[FileFault]) -> list[str]:
    """The lines of a message about damaged rejects."""
    lines = [f"{files.join(folder, fault.path)}: {fault.problem}" for fault in faults]
    return [*lines, "The rejects are not as they were written; copy the data set again, or prepare it again"]


def listed_counts(counts: Mapping[str, int]) -> str:
    """`not_finite 2, over_long 1`, or `none`."""
    return ", ".join(f"{reason} {count:,}" for reason, count in sorted(counts.items())) or "none"


def _checksum_or_none(path: str) -> int | None:
    try:
        return checksum(path)
    except EnvironmentFailure:
        return None


def _max_reject_bytes(manifest: Manifest | None) -> int:
    """The maximum size of a reject: little larger than the records that the job read."""
    limits = None if manifest is None else manifest.config.get("limits")
    most = limits.get("max_record_bytes") if isinstance(limits, dict) else None
    return min(most + _BESIDE_RAW, PROTOBUF_MAX_BYTES) if isinstance(most, int) else PROTOBUF_MAX_BYTES
