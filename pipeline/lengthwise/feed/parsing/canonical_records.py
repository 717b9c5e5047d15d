"""Valid records in an unusual encoding -> the same records in the encoding that TensorFlow's parsers accept.

These parsers read only the usual encoding: a map entry's key before its value, one packed chunk per list, each entry
unsplit, no unknown field. Protobuf allows more, and the offline job accepts it. So records that the parsers refuse are
parsed and re-encoded by protobuf, with TensorFlow's own ops: this also works in the workers of a service and in saved
models. It takes about ten microseconds per record, and only for refused records.
"""

import tensorflow as tf

from lengthwise.config import RecordFormat
from lengthwise.feed.datasets.transformations import mapped
from lengthwise.feed.parsing.record_parser import Parsed, Parser
from lengthwise.tensor.tensor_types import DType, Tensor

_LISTS = {"bytes_list": "BytesList", "float_list": "FloatList", "int64_list": "Int64List"}
_FIELDS: dict[str, dict[str, DType | str]] = {
    "SequenceExample": {"context": "Features", "feature_lists": "FeatureLists"},
    "Example": {"features": "Features"},
    "FeatureLists": {"feature_list": "FeatureLists.FeatureListEntry"},
    "FeatureLists.FeatureListEntry": {"key": tf.string, "value": "FeatureList"},
    "FeatureList": {"feature": "Feature"},
    "Features": {"feature": "Features.FeatureEntry"},
    "Features.FeatureEntry": {"key": tf.string, "value": "Feature"},
    "Feature": _LISTS,
    "BytesList": {"value": tf.string},
    "FloatList": {"value": tf.float32},
    "Int64List": {"value": tf.int64},
}
"""The fields of each message, with the dtype or the message of each field."""


def reencode_records(records: Tensor, container: RecordFormat) -> Tensor:
    """Serialized records `[n]`, re-encoded; a record that is not such a message fails them all."""
    return _rewrite(records, "SequenceExample" if container == "sequence_example" else "Example", merge=True)


def parse_canonical(parser: Parser, records: Tensor) -> Parsed:
    """Parses serialized records `[n]`; if they are refused, all of them are re-encoded and parsed again.

    No op can react to another op's failure. But a dataset that ignores errors then has no element, and the element of
    the next dataset is used.
    """
    whole = tf.data.Dataset.from_tensors(records)
    usual = mapped(whole, parser.parse).ignore_errors()
    unusual = mapped(whole, lambda records: parser.parse(reencode_records(records, parser.container)))
    parsed: Parsed = usual.concatenate(unusual).take(1).get_single_element()
    return parsed


def _rewrite(messages: Tensor, name: str, *, merge: bool = False) -> Tensor:
    """Messages `[n]` without unknown fields; with `merge`, protobuf parses them completely and joins split fields."""
    fields = _FIELDS[name]
    types = [tf.string if isinstance(field, str) else field for field in fields.values()]
    sizes, values = tf.io.decode_proto(messages, f"tensorflow.{name}", list(fields), types, sanitize=merge)
    encoded = []
    for field, value in zip(fields.values(), values, strict=True):
        if isinstance(field, str):  # a message
            value = tf.reshape(_rewrite(tf.reshape(value, [-1]), field), tf.shape(value))
        encoded.append(value)
    return tf.io.encode_proto(sizes, encoded, list(fields), f"tensorflow.{name}")
