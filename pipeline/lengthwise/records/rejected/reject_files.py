"""Rejects <-> tf.Examples of raw bytes, reason, column, detail, file, index and offset, as a replay needs them."""

from collections.abc import Iterator

from lengthwise.errors import DatasetError
from lengthwise.records.container.decompression import ByteStream
from lengthwise.records.container.frame_reading import PROTOBUF_MAX_BYTES, read_blocks
from lengthwise.records.container.record_blocks import Damage
from lengthwise.records.decoding.example_protos import Example
from lengthwise.reject_reasons import Reject, RejectReason

_STRINGS = ("reason", "column", "detail", "file")
_NUMBERS = ("index", "offset")


def encode_reject(reject: Reject) -> bytes:
    """The reject as a serialized tf.Example, the same bytes for the same reject."""
    example = Example()
    feature = example.features.feature
    feature["raw"].bytes_list.value.append(reject.raw)
    for name in _STRINGS:
        feature[name].bytes_list.value.append(str(getattr(reject, name)).encode("utf-8", "surrogateescape"))
    for name in _NUMBERS:
        feature[name].int64_list.value.append(getattr(reject, name))
    encoded: bytes = example.SerializeToString(deterministic=True)
    return encoded


def decode_reject(record: bytes) -> Reject:
    """The reject that `encode_reject` encoded."""
    feature = Example.FromString(record).features.feature
    strings = {name: feature[name].bytes_list.value[0].decode("utf-8", "surrogateescape") for name in _STRINGS}
    return Reject(
        reason=RejectReason(strings["reason"]),
        column=strings["column"],
        detail=strings["detail"],
        file=strings["file"],
        index=feature["index"].int64_list.value[0],
        offset=feature["offset"].int64_list.value[0],
        raw=feature["raw"].bytes_list.value[0],
    )


def read_rejects(stream: ByteStream, compression: str = "auto") -> Iterator[Reject]:
    """The rejects of a rejects file; `compression` as in `read_blocks`.

    Raises:
        DatasetError: a part of it cannot be read; all rejects before that part have been returned.
    """
    for item in read_rejects_and_damage(stream, compression=compression):
        if isinstance(item, Damage):
            raise DatasetError(f"the rejects are damaged in {item}")
        yield item


def read_rejects_and_damage(
    stream: ByteStream, *, max_record_bytes: int = PROTOBUF_MAX_BYTES, compression: str = "auto"
) -> Iterator[Reject | Damage]:
    """The rejects of a rejects file, and its unreadable records and rest, in their order."""
    for block in read_blocks(stream, compression=compression, max_record_bytes=max_record_bytes):
        for index, offset, item in block.in_order():
            yield item if isinstance(item, Damage) else _decode(index, offset, item)


def _decode(index: int, offset: int, record: bytes) -> Reject | Damage:
    try:
        return decode_reject(record)
    except Exception as error:  # noqa: BLE001 (any error of parsing foreign bytes)
        detail = f"expected a reject, it cannot be read as one: {error}"
        return Damage(RejectReason.UNPARSABLE, detail, index, offset, record)
