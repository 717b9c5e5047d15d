"""Rejects <-> tf.Examples: raw bytes, reason, column, detail, file, index, offset: all that a replay needs."""

from collections.abc import Iterator
from typing import BinaryIO

from lengthwise.records.framing import read_blocks
from lengthwise.records.protos import Example
from lengthwise.rejects import Reject, RejectReason

_TEXTS = ("reason", "column", "detail", "file")
_NUMBERS = ("index", "offset")


def encode_reject(reject: Reject) -> bytes:
    """The reject as a serialized tf.Example, the same bytes for the same reject."""
    example = Example()
    feature = example.features.feature
    feature["raw"].bytes_list.value.append(reject.raw)
    for name in _TEXTS:
        feature[name].bytes_list.value.append(str(getattr(reject, name)).encode("utf-8", "surrogateescape"))
    for name in _NUMBERS:
        feature[name].int64_list.value.append(getattr(reject, name))
    encoded: bytes = example.SerializeToString(deterministic=True)
    return encoded


def decode_reject(record: bytes) -> Reject:
    """The reject that `encode_reject` made the bytes of."""
    feature = Example.FromString(record).features.feature
    texts = {name: feature[name].bytes_list.value[0].decode("utf-8", "surrogateescape") for name in _TEXTS}
    return Reject(
        reason=RejectReason(texts["reason"]),
        column=texts["column"],
        detail=texts["detail"],
        file=texts["file"],
        index=feature["index"].int64_list.value[0],
        offset=feature["offset"].int64_list.value[0],
        raw=feature["raw"].bytes_list.value[0],
    )


def read_rejects(stream: BinaryIO) -> Iterator[Reject]:
    """The rejects of a rejects file, gzip or not."""
    for block in read_blocks(stream):
        for record in block.records:
            yield decode_reject(record)
