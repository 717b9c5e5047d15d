"""Defects that are planted among good records, each with the reason of its rejection."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lengthwise.records.container.frame_writing import frame
from lengthwise.records.decoding.example_protos import Example, SequenceExample
from lengthwise.reject_reasons import RejectReason
from lengthwise.storage.files import create


@dataclass(frozen=True, slots=True)
class Defect:
    """A way to damage a record.

    Attributes:
        name: what is wrong with the record, in words.
        reason: the reason for which the record must be rejected.
        spoil: makes the bad record from a good one.
    """

    name: str
    reason: RejectReason
    spoil: Callable[[bytes], bytes]


def _changed(change: Callable[[Any], object]) -> Callable[[bytes], bytes]:
    def spoil(record: bytes) -> bytes:
        message = SequenceExample.FromString(record)
        change(message)
        spoiled: bytes = message.SerializeToString(deterministic=True)
        return spoiled

    return spoil


def _as_example(record: bytes) -> bytes:
    message, example = SequenceExample.FromString(record), Example()
    for step in message.feature_lists.feature_list["phonemes"].feature:
        example.features.feature["phonemes"].bytes_list.value.extend(step.bytes_list.value)
    encoded: bytes = example.SerializeToString(deterministic=True)
    return encoded


def _steps(message: Any, key: str) -> Any:
    return message.feature_lists.feature_list[key].feature


def _number_as_text(message: Any) -> None:
    _steps(message, "stress")[0].bytes_list.value.append(b"1")


def _strange_phoneme(message: Any) -> None:
    _steps(message, "phonemes")[0].bytes_list.value[0] = b"XX"


def _empty(message: Any) -> None:
    for key in ("phonemes", "stress"):
        del _steps(message, key)[:]


def _wild_stress(message: Any) -> None:
    _steps(message, "stress")[0].int64_list.value[0] = 7


DEFECTS = (
    Defect("bytes that are not a record", RejectReason.UNPARSABLE, lambda record: b"\xff" * len(record)),
    Defect("a tf.Example among SequenceExamples", RejectReason.WRONG_FORMAT, _as_example),
    Defect("a number written as text", RejectReason.WRONG_DTYPE, _changed(_number_as_text)),
    Defect(
        "no stress at all",
        RejectReason.MISSING_FEATURE,
        _changed(lambda message: message.feature_lists.feature_list.pop("stress")),
    ),
    Defect(
        "two counts of syllables",
        RejectReason.CONTEXT_SHAPE,
        _changed(lambda message: message.context.feature["syllables"].int64_list.value.append(1)),
    ),
    Defect(
        "two phonemes in one step",
        RejectReason.VALUE_COUNT,
        _changed(lambda message: _steps(message, "phonemes")[0].bytes_list.value.append(b"AH0")),
    ),
    Defect(
        "one phoneme more than stresses",
        RejectReason.LENGTH_MISMATCH,
        _changed(lambda message: _steps(message, "phonemes").add().bytes_list.value.append(b"AH0")),
    ),
    Defect("a stress of 7", RejectReason.OUT_OF_RANGE, _changed(_wild_stress)),
    Defect("a phoneme that English lacks", RejectReason.OUT_OF_VOCABULARY, _changed(_strange_phoneme)),
    Defect("a word without phonemes", RejectReason.EMPTY_SEQUENCE, _changed(_empty)),
)


def plant(records: list[bytes]) -> list[tuple[str, RejectReason]]:
    """Spoils a few of the records, spread over all; returns what was planted."""
    for number, defect in enumerate(DEFECTS):
        place = len(records) * (2 * number + 1) // (2 * len(DEFECTS))
        records[place] = defect.spoil(records[place])
    return [(defect.name, defect.reason) for defect in DEFECTS]


def write_damaged(records: Sequence[bytes], folder: str) -> list[tuple[str, RejectReason]]:
    """Writes a file in which one bit of the first record is flipped and the last record is cut off."""
    content = bytearray(frame(records))
    content[20] ^= 1  # after the frame's header of 12 bytes, so in the first record's data
    with create(os.path.join(folder, "damaged.tfrecord")) as stream:
        stream.write(bytes(content[:-10]))
    return [
        ("a flipped bit", RejectReason.DAMAGED_RECORD),
        ("a file cut off in its last record", RejectReason.DAMAGED_FILE),
    ]
