"""Rejects <-> tf.Examples of raw bytes, reason, column, detail, file, index and offset, as a replay needs them."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import BinaryIO

from lengthwise.errors import DatasetError
from lengthwise.records.container.frame_reading import PROTOBUF_MAX_BYTES, read_blocks
from lengthwise.records.decoding.example_protos import Example
from lengthwise.reject_reasons import Reject, RejectReason

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
    """The reject that `encode_reject` encoded."""
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


@dataclass(frozen=True, slots=True)
class UnreadableReject:
    """A record or the rest of a rejects file that is not a reject: its number, its first byte, and why."""

    index: int
    offset: int
    detail: str

    def __str__(self) -> str:
        return f"record {self.index:,}, at byte {self.offset:,}: {self.detail}"


def read_rejects(stream: BinaryIO, compression: str = "auto") -> Iterator[Reject]:
    """The rejects of a rejects file; `compression` as in `read_blocks`.

    Raises:
        DatasetError: a part of it cannot be read; all rejects before that part have been returned.
    """
    for item in read_all(stream, compression=compression):
        if isinstance(item, UnreadableReject):
            raise DatasetError(f"the rejects are damaged in {item}")
        yield item


def read_all(
    stream: BinaryIO, *, max_record_bytes: int = PROTOBUF_MAX_BYTES, compression: str = "auto"
) -> Iterator[Reject | UnreadableReject]:
    """The rejects of a rejects file, and its unreadable records and rest, in their order."""
    for block in read_blocks(stream, compression=compression, max_record_bytes=max_record_bytes):
        items = [*map(_decode, block.indices, block.offsets, block.records)]
        items += [
            (damage.index, UnreadableReject(damage.index, damage.offset, damage.detail)) for damage in block.damage
        ]
        yield from (item for _, item in sorted(items, key=itemgetter(0)))


def _decode(index: int, offset: int, record: bytes) -> tuple[int, Reject | UnreadableReject]:
    try:
        return index, decode_reject(record)
    except Exception as error:  # noqa: BLE001 (any error of parsing foreign bytes)
        return index, UnreadableReject(index, offset, f"expected a reject, it cannot be read as one: {error}")
