"""The names of the files of a data set: writes and recognizes them.

Split-train/length-00032-00000-of-00004.tfrecord         schema.pbtxt     rejects/rejects-00000-of-00001.tfrecord.gz
Split-train/length-00032x00016-00000-of-00004.tfrecord   report.html      vocabulary/word.txt
manifest.json                                                             vocabulary/word.counts.txt
"""

import re
import zlib
from collections.abc import Iterable

from lengthwise.manifest import MANIFEST_NAME, Compression
from lengthwise.records.container.compression import compression_suffix
from lengthwise.report import REPORT_NAME

SCHEMA_NAME = "schema.pbtxt"

_OURS = re.compile(
    r"Split-[\w-]+/length-\d{5,}(x\d{5,})?-\d{5,}-of-\d{5,}\.tfrecord(\.gz|\.zz)?"
    r"|rejects/rejects-00000-of-00001\.tfrecord(\.gz|\.zz)?"
    r"|vocabulary/[\w-]+(\.counts)?\.txt"
    + "".join(f"|{re.escape(name)}" for name in (SCHEMA_NAME, REPORT_NAME, MANIFEST_NAME))
)


def is_ours(name: str) -> bool:
    """Whether a path, relative to an output folder, may belong to a file of a data set."""
    return _OURS.fullmatch(name) is not None


def shard_name(split: str, bounds: Iterable[int], number: int, total: int, compression: Compression) -> str:
    """The path of a shard. `bounds` are the maximum steps of its bucket, of one group or of two."""
    length = "x".join(f"{boundary:05d}" for boundary in bounds)
    return f"Split-{split}/length-{length}-{number:05d}-of-{total:05d}.tfrecord{compression_suffix(compression)}"


def rejects_name(compression: Compression) -> str:
    """The path of the rejects."""
    return f"rejects/rejects-00000-of-00001.tfrecord{compression_suffix(compression)}"


def vocabulary_name(key: str) -> str:
    """The path of the copy of a column's vocabulary file."""
    safe = "".join(char if char.isalnum() or char in "_-" else "_" for char in key)[:100]
    mark = "" if safe == key else f"-{zlib.crc32(key.encode()):08x}"  # `a b` and `a_b` are different features
    return f"vocabulary/{safe}{mark}.txt"


def counts_name(key: str) -> str:
    """The path of the counts of a vocabulary that the job counted: one line for each entry of its file."""
    return vocabulary_name(key).removesuffix(".txt") + ".counts.txt"
