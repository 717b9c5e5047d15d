"""`schema.pbtxt` describes the prepared data set for tools that read TFMD schemas, such as tfx-bsl, TFDV and TFT."""

from collections.abc import Iterable

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from lengthwise.columns import AnyColumn, context_features, context_ids, leading_length_key
from lengthwise.manifest import Layout
from lengthwise.records.rows.row_features import BYTES, step_features


def describe_schema(columns: Iterable[AnyColumn], layout: Layout) -> str:
    """The schema's text. In the example layout sequences are ragged: their length differs between buckets."""
    columns = tuple(columns)
    schema = schema_pb2.Schema()
    tensors = schema.tensor_representation_group[""].tensor_representation
    length_key = leading_length_key(columns)
    _add(schema, length_key, schema_pb2.INT if layout == "example" else schema_pb2.BYTES)
    if layout == "example":
        tensors[length_key].dense_tensor.column_name = length_key
        tensors[length_key].dense_tensor.shape.SetInParent()
    kinds = {"float32": schema_pb2.FLOAT, "int64": schema_pb2.INT, "string": schema_pb2.BYTES}
    kinds |= {"<f4": schema_pb2.FLOAT, BYTES: schema_pb2.BYTES}
    for step in step_features(columns):
        kind = kinds.get(step.dtype, schema_pb2.INT)
        feature = _add(schema, step.key, kind if layout == "example" else schema_pb2.BYTES)
        if layout == "example":
            _describe_ids(feature, step.num_buckets)
            tensors[step.key].ragged_tensor.feature_path.step.append(step.key)
            if step.width > 1:
                tensors[step.key].ragged_tensor.partition.add().uniform_row_length = step.width
    for column in context_features(columns):
        raw = layout == "block" and column.dtype != "string"
        feature = _add(schema, column.key, schema_pb2.BYTES if raw else kinds[column.dtype])
        if layout == "example":
            _describe_ids(feature, context_ids(columns).get(column.key))
            tensors[column.key].dense_tensor.column_name = column.key
            shape = tensors[column.key].dense_tensor.shape
            shape.SetInParent()
            for size in column.shape:
                shape.dim.add(size=size)
    if layout == "block":
        del schema.tensor_representation_group[""]
    return text_format.MessageToString(schema)


def _describe_ids(feature: schema_pb2.Feature, num_buckets: int | None) -> None:
    if num_buckets is not None:
        feature.int_domain.min = -1
        feature.int_domain.max = num_buckets - 1


def _add(schema: schema_pb2.Schema, key: str, kind: int) -> schema_pb2.Feature:
    """Adds a feature that every record has."""
    feature = schema.feature.add(name=key, type=kind)
    feature.presence.min_fraction = 1.0
    feature.presence.min_count = 1
    return feature
