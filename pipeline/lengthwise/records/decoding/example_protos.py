"""`tf.train.Example` and `tf.train.SequenceExample` without TensorFlow.

The messages have a separate descriptor pool, so they do not conflict with TensorFlow's messages of the same names.
They are for the slow paths, which explain or display single records; batches are decoded by tfx-bsl.

    Feature           one of bytes_list | float_list | int64_list
    Features          map<string, Feature>
    FeatureList       repeated Feature
    FeatureLists      map<string, FeatureList>
    Example           features = 1
    SequenceExample   context = 1 (the same field: the two formats parse as each other), feature_lists = 2
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "tensorflow"


def _field(message: Any, name: str, number: int, kind: int, type_name: str = "", *, repeated: bool = False) -> Any:
    field = message.field.add(name=name, number=number, type=kind)
    field.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    if type_name:
        field.type_name = f".{_PACKAGE}.{type_name}"
    return field


def _list(file: Any, name: str, kind: int) -> None:
    field = _field(file.message_type.add(name=name), "value", 1, kind, repeated=True)
    if kind != _Field.TYPE_BYTES:
        field.options.packed = True


def _map(file: Any, name: str, field: str, value: str, kind: int = _Field.TYPE_MESSAGE) -> None:
    """A message whose one field is map<string, value>: on the wire, repeated entries of a key and a value."""
    message = file.message_type.add(name=name)
    entry = message.nested_type.add(name=f"{field.title().replace('_', '')}Entry")
    entry.options.map_entry = True
    _field(entry, "key", 1, _Field.TYPE_STRING)
    _field(entry, "value", 2, kind, value)
    _field(message, field, 1, _Field.TYPE_MESSAGE, f"{name}.{entry.name}", repeated=True)


def _describe() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="lengthwise/example.proto", package=_PACKAGE, syntax="proto3")
    kinds = {"bytes": _Field.TYPE_BYTES, "float": _Field.TYPE_FLOAT, "int64": _Field.TYPE_INT64}
    for name, kind in kinds.items():
        _list(file, f"{name.title()}List", kind)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(kinds, start=1):
        field = _field(feature, f"{name}_list", number, _Field.TYPE_MESSAGE, f"{name.title()}List")
        field.oneof_index = 0
    _map(file, "Features", "feature", "Feature")
    _field(file.message_type.add(name="FeatureList"), "feature", 1, _Field.TYPE_MESSAGE, "Feature", repeated=True)
    _map(file, "FeatureLists", "feature_list", "FeatureList")
    _field(file.message_type.add(name="Example"), "features", 1, _Field.TYPE_MESSAGE, "Features")
    sequence = file.message_type.add(name="SequenceExample")
    _field(sequence, "context", 1, _Field.TYPE_MESSAGE, "Features")
    _field(sequence, "feature_lists", 2, _Field.TYPE_MESSAGE, "FeatureLists")
    _describe_flat(file)
    return file


def _describe_flat(file: Any) -> None:
    """Other messages for the same wire format, to find the values of many steps at once.

    RawSequences      SequenceExample whose feature lists are left as bytes
    RawRecord         SequenceExample whose context and feature lists are left as bytes, and so tf.Example too
    FlatFeatureList   FeatureList with `feature` not repeated: a parser merges the steps, and their lists become one
    """
    _map(file, "RawFeatures", "feature", "", _Field.TYPE_BYTES)
    _map(file, "RawFeatureLists", "feature_list", "", _Field.TYPE_BYTES)
    _field(file.message_type.add(name="RawSequences"), "feature_lists", 2, _Field.TYPE_MESSAGE, "RawFeatureLists")
    record = file.message_type.add(name="RawRecord")
    _field(record, "context", 1, _Field.TYPE_MESSAGE, "RawFeatures")
    _field(record, "feature_lists", 2, _Field.TYPE_MESSAGE, "RawFeatureLists")
    integers = file.message_type.add(name="FlatFeature")
    _field(integers, "int64_list", 3, _Field.TYPE_MESSAGE, "Int64List")
    _field(file.message_type.add(name="FlatFeatureList"), "feature", 1, _Field.TYPE_MESSAGE, "FlatFeature")


_POOL = descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(_describe().SerializeToString())


def _message_class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


Example: Any = _message_class("Example")
"""`tf.train.Example`."""

SequenceExample: Any = _message_class("SequenceExample")
"""`tf.train.SequenceExample`."""

Feature: Any = _message_class("Feature")
"""`tf.train.Feature`: one list of bytes, floats or integers."""

FeatureList: Any = _message_class("FeatureList")
"""`tf.train.FeatureList`: one feature per step."""

RawSequences: Any = _message_class("RawSequences")
"""A `tf.train.SequenceExample` whose `feature_lists.feature_list` maps keys to the bytes of their lists."""

RawRecord: Any = _message_class("RawRecord")
"""Either container, its `context.feature` and `feature_lists.feature_list` mapping keys to bytes."""

FlatFeatureList: Any = _message_class("FlatFeatureList")
"""The integers of a `tf.train.FeatureList`: those of all steps as one list, `feature.int64_list`."""
