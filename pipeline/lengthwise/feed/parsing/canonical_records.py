"""Legal records in unusual bytes -> the same records as TensorFlow's parsers take them.

These parsers read the usual encoding only: a map entry's key before its value, one packed chunk a list, each entry in
one piece, no foreign field. Protobuf allows more, and the offline job takes it. So records that they refuse are parsed
and written anew by protobuf, in TensorFlow's own ops: this also runs in the workers of a service and in saved models.
It takes some ten microseconds a record, and is done for refused records only.
"""

from typing import Any

import tensorflow as tf

from lengthwise.feed.datasets.transformations import mapped
from lengthwise.feed.parsing.record_parser import Container, Parsed, Parser

_LISTS = {"bytes_list": "BytesList", "float_list": "FloatList", "int64_list": "Int64List"}
_FIELDS: dict[str, dict[str, Any]] = {
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
"""Of each message its fields, and of each field its dtype, or its own message."""


def canonical(records: Any, container: Container) -> Any:
    """Serialized records `[n]`, written anew; one that is no such message fails them all."""
    return _rewrite(records, "SequenceExample" if container == "sequence_example" else "Example", merge=True)


def parse_canonical(parser: Parser, records: Any) -> Parsed:
    """Parses serialized records `[n]`, all of them written anew if they are refused as they are.

    A TensorFlow op's failure is no value that others could act upon. But a dataset that ignores errors turns it into
    one element less: then the next dataset's element is taken.
    """
    whole = tf.data.Dataset.from_tensors(records)
    usual = mapped(whole, parser.parse).ignore_errors()
    unusual = mapped(whole, lambda records: parser.parse(canonical(records, parser.container)))
    parsed: Parsed = usual.concatenate(unusual).take(1).get_single_element()
    return parsed


def _rewrite(messages: Any, name: str, *, merge: bool = False) -> Any:
    """Messages `[n]` without unknown fields; `merge` lets protobuf parse them whole, and join what is split."""
    fields = _FIELDS[name]
    types = [tf.string if isinstance(kind, str) else kind for kind in fields.values()]
    sizes, values = tf.io.decode_proto(messages, f"tensorflow.{name}", list(fields), types, sanitize=merge)
    written = [
        tf.reshape(_rewrite(tf.reshape(value, [-1]), kind), tf.shape(value)) if isinstance(kind, str) else value
        for kind, value in zip(fields.values(), values, strict=True)
    ]
    return tf.io.encode_proto(sizes, written, list(fields), f"tensorflow.{name}")
