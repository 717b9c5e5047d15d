"""The artifact that `SequencePrep` adds to TFX's own, and what it reads from and writes to `Examples` artifacts.

TFX reads every file under `Split-*` as data, so other files are at the artifact's root or in a separate artifact. Spans
and versions are typed properties if an Importer wrote them, and custom properties if ExampleGen did.
"""

import glob
import json
from collections.abc import Iterable, Sequence

from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from lengthwise.errors import ConfigError

_FORMATS = {"FORMAT_TF_SEQUENCE_EXAMPLE": "sequence_example", "FORMAT_TF_EXAMPLE": "example"}
_CARRIED = ("span", "version")


class Preparation(Artifact):
    """The documents of a preparation: `manifest.json`, `report.html`, `rejects/`, `comparison.json`."""

    TYPE_NAME = "lengthwise.Preparation"  # Kubeflow requires NAMESPACE.Name


def record_format(examples: Sequence[Artifact]) -> str:
    """The `inputs.format` of a configuration for these `Examples`.

    Raises:
        ConfigError: the payload is neither tf.Example nor tf.SequenceExample, or the artifacts differ in it.
    """
    payloads = {_property(artifact, "payload_format") or "FORMAT_TF_EXAMPLE" for artifact in examples}
    if len(payloads) != 1 or not payloads <= _FORMATS.keys():
        raise ConfigError(
            f"expected Examples of one payload format, {' or '.join(sorted(_FORMATS))}, "
            f"received {', '.join(map(str, sorted(payloads)))}; set `payload_format` of the ExampleGen"
        )
    return _FORMATS[str(payloads.pop())]


def files_by_split(examples: Sequence[Artifact]) -> dict[str, tuple[str, ...]]:
    """The file patterns of each split, over all artifacts, in the order in which the artifacts name their splits.

    Raises:
        ConfigError: an artifact has files of another format than TFRecord.
    """
    patterns: dict[str, list[str]] = {}
    for artifact in examples:
        _require_tfrecords(artifact)
        for split in artifact_utils.decode_split_names(artifact.split_names):
            patterns.setdefault(split, []).append(_pattern(artifact, split))
    return {split: tuple(of_split) for split, of_split in patterns.items()}


def _require_tfrecords(artifact: Artifact) -> None:
    file_format = _property(artifact, "file_format")
    if file_format not in (None, "tfrecords_gzip", "FORMAT_TFRECORDS_GZIP"):
        raise ConfigError(f"expected Examples in TFRecords, received `file_format` {file_format} at {artifact.uri}")


def _pattern(artifact: Artifact, split: str) -> str:
    """The pattern of a split's files, which an ExampleGen with custom splits stores in a separate property."""
    custom = json.loads(str(_property(artifact, "custom_split_pattern") or "{}"))
    if split in custom:
        return f"{glob.escape(artifact.uri)}/{custom[split]}"
    return f"{glob.escape(artifact_utils.get_split_uri([artifact], split))}/*"


def describe_prepared(prepared: Artifact, sources: Sequence[Artifact], splits: Iterable[str]) -> None:
    """Writes the properties of the prepared `Examples`: splits, formats, and span and version of the newest source."""
    prepared.split_names = artifact_utils.encode_split_names(list(splits))
    prepared.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    prepared.set_string_custom_property("file_format", "tfrecords_gzip")
    newest = max(sources, key=lambda source: [_number(source, name) or 0 for name in _CARRIED])
    for name in _CARRIED:
        number = _number(newest, name)
        if number is not None:
            setattr(prepared, name, number)
            prepared.set_int_custom_property(name, number)


def _number(artifact: Artifact, name: str) -> int | None:
    value = _property(artifact, name)
    return None if value is None or value == "" else int(value)


def _property(artifact: Artifact, name: str) -> str | int | None:
    """The value of a property, typed or custom, or None if the artifact has neither."""
    for properties in (artifact.mlmd_artifact.properties, artifact.mlmd_artifact.custom_properties):
        if name in properties:
            kind = properties[name].WhichOneof("value")
            return None if kind is None else getattr(properties[name], kind)
    return None
