"""Invalid records as values: why a record was rejected, and where it came from."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeVar

EXAMPLES = 3
"""The number of rejects per kind that are kept as examples."""

_Rejected = TypeVar("_Rejected")


class RejectReason(StrEnum):
    """All reasons for which a record, or a part of a file, is rejected; also the names of the counters.

    If a record has several faults, the first in this order counts.
    """

    meaning: str
    """The reason in a sentence, as the report and the reference show it."""

    def __new__(cls, name: str, meaning: str = "") -> Self:
        """A member: its name as text, and its meaning."""
        reason = str.__new__(cls, name)
        reason._value_ = name
        reason.meaning = meaning
        return reason

    DAMAGED_FILE = (
        "damaged_file",
        "The rest of a file cannot be read: a length's checksum is wrong, or the file ends inside a record.",
    )
    DAMAGED_RECORD = (
        "damaged_record",
        "The record's data does not match its checksum; the records after it are read.",
    )
    TOO_LARGE = (
        "too_large",
        "The record has more bytes than `limits.max_record_bytes`.",
    )
    UNPARSABLE = (
        "unparsable",
        "The bytes are not a protocol buffer of the format.",
    )
    WRONG_FORMAT = (
        "wrong_format",
        "The record is a tf.Example, but tf.SequenceExample is configured, or the reverse.",
    )
    WRONG_DTYPE = (
        "wrong_dtype",
        "A feature contains a different kind of list than its column reads, such as floats for int64.",
    )
    MISSING_FEATURE = (
        "missing_feature",
        "A required feature is absent.",
    )
    CONTEXT_SHAPE = (
        "context_shape",
        "A context feature has a different number of values than its column's shape.",
    )
    VALUE_COUNT = (
        "value_count",
        "A step has a different number of values than the column's shape, or the values do not divide into steps.",
    )
    LENGTH_MISMATCH = (
        "length_mismatch",
        "The sequence columns of one record have different lengths.",
    )
    NOT_FINITE = (
        "not_finite",
        "A number is NaN or infinite.",
    )
    OUT_OF_RANGE = (
        "out_of_range",
        "A number is below `min_value` or above `max_value`, or a step has more than `max_bytes`.",
    )
    ID_OUT_OF_RANGE = (
        "id_out_of_range",
        "An id is negative, or not below `num_buckets`.",
    )
    OUT_OF_VOCABULARY = (
        "out_of_vocabulary",
        "A value is not in the vocabulary, and the column has `oov: error`.",
    )
    EMPTY_SEQUENCE = (
        "empty_sequence",
        "The sequence has no step, and `sequences.empty` is reject.",
    )
    TOO_SHORT = (
        "too_short",
        "The sequence has fewer steps than `sequences.min_steps`, but at least one.",
    )
    OVER_LONG = (
        "over_long",
        "The sequence is longer than the last boundary, and `sequences.over_long` is reject.",
    )


@dataclass(frozen=True, slots=True)
class Reject:
    """One rejected record, which can be read again.

    Attributes:
        reason: its first fault, in the order of `RejectReason`.
        column: the name of the invalid feature; empty if the whole record is invalid.
        detail: the fault as a message: what was expected, what was received.
        file: the path of the input file.
        index: the record's position in the file, from 0.
        offset: the byte at which the record's frame starts in the (decompressed) file.
        raw: the record's bytes as they were read.
    """

    reason: RejectReason
    column: str
    detail: str
    file: str
    index: int
    offset: int
    raw: bytes


def first_of_each(
    rejects: Iterable[_Rejected], kind_of: Callable[[_Rejected], Hashable], each: int = EXAMPLES
) -> Iterator[_Rejected]:
    """The first `each` rejects of every kind, in their order."""
    counts: Counter[Hashable] = Counter()
    for reject in rejects:
        kind = kind_of(reject)
        counts[kind] += 1
        if counts[kind] <= each:
            yield reject
