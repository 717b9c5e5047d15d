"""A sample of records: the first ones of each file, equally many of each if they have them."""

from dataclasses import dataclass, field

from lengthwise.printable_text import visible
from lengthwise.records.container.record_blocks import Damage
from lengthwise.records.samples.record_items import read_items
from lengthwise.reject_reasons import RejectReason
from lengthwise.storage.files import open_binary
from lengthwise.storage.input_sources import find_sources

MAX_RECORD_BYTES = 64 * 2**20
SAMPLE_BYTES = 128 * 2**20  # inspecting records needs a few times their size
_MOST_TOO_LARGE = 16  # per file: each one is read, to find the next record


@dataclass(slots=True)
class RecordSample:
    """Sampled records, and their files.

    Attributes:
        patterns: the patterns of the files.
        files: the number of files.
        max_record_bytes: larger records are skipped.
        records: their bytes.
        complete: whether these are all records of the files.
        damaged: the number of unreadable records.
        too_large: the number of records larger than `max_record_bytes`.
        ignored_files: a description of other files next to the data; empty without any.
    """

    patterns: list[str]
    files: int
    max_record_bytes: int
    records: list[bytes] = field(default_factory=list)
    complete: bool = True
    damaged: int = 0
    too_large: int = 0
    ignored_files: str = ""

    @property
    def too_large_text(self) -> str:
        """The number of records that are too large, and the limit."""
        return f"{self.too_large} larger than --max-record-bytes {self.max_record_bytes}"


def take_sample(patterns: list[str], count: int, max_record_bytes: int = MAX_RECORD_BYTES) -> RecordSample:
    """Reads `count` records, fewer if they are large: at most 128 MiB of them, or one of each file.

    Raises:
        ConfigError: a pattern or folder contains no file.
    """
    sources = find_sources(patterns, "FILES")
    unfinished = [_File(source.path) for source in sources.files]
    ignored_files = visible(sources.text) if sources.left_out else ""
    sample = RecordSample(list(patterns), len(unfinished), max_record_bytes, ignored_files=ignored_files)
    max_bytes = max(1, SAMPLE_BYTES // len(unfinished))
    size = 0
    while unfinished and len(sample.records) < count and size < SAMPLE_BYTES:
        quota = -(-(count - len(sample.records)) // len(unfinished))
        for file in unfinished:
            records = file.take(quota, max_bytes, sample)
            size += sum(map(len, records))
            sample.records += records
        unfinished = [file for file in unfinished if not file.ended]
    sample.complete &= not unfinished
    return sample


@dataclass(slots=True)
class _File:
    """A file, and the number of its records that were read; `ended` if no more of them are needed."""

    path: str
    position: int = 0
    too_large: int = 0
    ended: bool = False

    def take(self, quota: int, max_bytes: int, sample: RecordSample) -> list[bytes]:
        """The next `quota` records, fewer if they fill `max_bytes` or the file ends; counts skipped records."""
        records: list[bytes] = []
        size = 0
        with open_binary(self.path) as stream:
            for index, item in read_items(stream, self.position, max_record_bytes=sample.max_record_bytes):
                if len(records) == quota or size >= max_bytes:
                    return records
                self.position = index + 1
                if not isinstance(item, Damage):
                    records.append(item)
                    size += len(item)
                elif item.reason is RejectReason.TOO_LARGE:
                    sample.too_large += 1
                    self.too_large += 1
                    if self.too_large == _MOST_TOO_LARGE:
                        sample.complete = False
                        break
                else:
                    sample.damaged += 1
        self.ended = True
        return records
