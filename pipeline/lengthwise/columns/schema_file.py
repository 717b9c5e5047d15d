"""Reads TFMD schema files in text format."""

from typing import Any

from lengthwise.columns.vocabulary_file import cause_of
from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.storage.files import read_bytes


def read_schema(path: str) -> Any:
    """The `tensorflow_metadata.proto.v0.schema_pb2.Schema` in the file.

    Raises:
        ConfigError: the file cannot be read, or does not contain a schema.
    """
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    try:
        text = read_bytes(path).decode("utf-8-sig")
    except EnvironmentFailure as error:
        raise ConfigError(f"{path}: expected a TFMD schema (schema.pbtxt), received {cause_of(error)}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected a TFMD schema as text (schema.pbtxt), received bytes") from error
    try:
        return text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise ConfigError(f"{path}: expected a TFMD schema as text (schema.pbtxt), received {error}") from error
