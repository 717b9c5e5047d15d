"""Single records for display, feature by feature, with ids as vocabulary entries.

A slow path: one record at a time, by the messages of `example_protos`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lengthwise.columns import (
    VocabularyColumn,
    context_features,
    context_ids,
    id_features,
    leading_length_key,
)
from lengthwise.errors import DatasetError
from lengthwise.manifest import Manifest, Shard
from lengthwise.records.arrays.arrow_steps import offsets_of
from lengthwise.records.container.frame_reading import read_blocks
from lengthwise.records.container.record_blocks import Damage
from lengthwise.records.decoding.example_protos import Example, SequenceExample
from lengthwise.records.encoding.block_buffers import unpack_buffer
from lengthwise.records.rows.row_features import LENGTH, step_features
from lengthwise.records.samples.record_items import read_items
from lengthwise.reject_reasons import RejectReason
from lengthwise.rules.looked_up import MISSING
from lengthwise.storage import files

MISSING_ENTRY = "(missing)"


@dataclass(frozen=True, slots=True)
class FeatureView:
    """One sequence, or one raw record.

    Attributes:
        number: its position: in the data set's order of shards, or in the raw file.
        file: the file that contains it.
        length: its number of steps.
        steps: by key, a value per step; a step of several values is a list.
        context: by key, the values.
        ids: by key, of columns with a vocabulary, the ids of the strings in `steps`.
        where: other facts of its position, such as its split and bucket.
    """

    number: int
    file: str
    length: int
    steps: Mapping[str, Sequence[Any]]
    context: Mapping[str, Sequence[Any]]
    ids: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    where: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """A raw record, or the rest of a file, that cannot be displayed: its position, and why.

    Attributes:
        number: its position in the file.
        detail: the reason.
        too_large: whether it was skipped for its size, and may be valid.
    """

    number: int
    detail: str
    too_large: bool = False


def show_prepared(folder: str, manifest: Manifest, shards: Sequence[Shard], first: int = 0) -> Iterator[FeatureView]:
    """The sequences of some shards of a data set, from the `first` of them on, counted over these shards.

    Args:
        folder: the data set's folder.
        manifest: its manifest.
        shards: which shards, in which order.
        first: how many sequences to skip; whole shards are skipped unread.

    Raises:
        DatasetError: a record cannot be read.
    """
    reader = _Prepared(folder, manifest)
    number = 0
    for shard in shards:
        if number + shard.sequences <= first:
            number += shard.sequences
            continue
        for shown in reader.read(shard, number):
            if shown.number >= first:
                yield shown
        number += shard.sequences


def show_raw(path: str, first: int = 0, max_record_bytes: int = 2**40) -> Iterator[FeatureView | UnreadableRecord]:
    """The records of a raw TFRecord file, from number `first` on, and what cannot be read among them."""
    with files.open_binary(path) as stream:
        for index, item in read_items(stream, first, max_record_bytes=max_record_bytes):
            if not isinstance(item, Damage):
                yield _raw_record(item, index, path)
            elif item.reason is RejectReason.TOO_LARGE:
                yield UnreadableRecord(index, f"expected at most {max_record_bytes} bytes, the record is larger", True)
            else:
                yield UnreadableRecord(index, item.detail)


def _raw_record(record: bytes, number: int, path: str) -> FeatureView | UnreadableRecord:
    """One raw record; no configuration is needed."""
    try:
        message = SequenceExample.FromString(record)
    except Exception as error:  # noqa: BLE001 (protobuf raises DecodeError, UnicodeDecodeError and others)
        return UnreadableRecord(number, f"expected a tf.SequenceExample or a tf.Example, received neither: {error}")
    context = {key: _values(feature) for key, feature in sorted(message.context.feature.items())}
    steps = {
        key: [_single(_values(step)) for step in steps.feature]
        for key, steps in sorted(message.feature_lists.feature_list.items())
    }
    length = max(map(len, (steps or context).values()), default=0)
    form = "sequence_example" if message.feature_lists.feature_list else "example"
    return FeatureView(number, path, length, steps, context, where={"format": form, "bytes": len(record)})


_Row = tuple[int, dict[str, list[Any]], dict[str, list[Any]]]


class _Prepared:
    """Reads prepared shards, either layout."""

    def __init__(self, folder: str, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._steps = step_features(manifest.columns)
        self._length_key = leading_length_key(manifest.columns)
        self._context = context_features(manifest.columns)
        self._context_ids = context_ids(manifest.columns)
        self._vocabularies = {
            column.key: column.vocabulary
            for column in id_features(manifest.columns)
            if isinstance(column, VocabularyColumn)
        }

    def read(self, shard: Shard, number: int) -> Iterator[FeatureView]:
        path = files.join(self._folder, shard.path)
        where = {"split": shard.split, "bucket": self._manifest.boundaries[shard.bucket]}
        with files.open_binary(path) as stream:
            for block in read_blocks(stream, compression=self._manifest.compression):
                if block.damage:
                    raise DatasetError(
                        f"{path}: {block.damage[0].detail}; `lengthwise verify` checks the whole data set"
                    )
                for record in block.records:
                    for length, steps, context in self._rows(record):
                        yield self._shown(number, path, where, length, steps, context)
                        number += 1

    def _rows(self, record: bytes) -> Iterator[_Row]:
        features = Example.FromString(record).features.feature
        if self._manifest.layout == "block":
            yield from self._block_rows({key: _values(feature) for key, feature in features.items()})
            return
        [length] = _values(features[self._length_key])
        context = {column.key: _values(features[column.key]) for column in self._context}
        steps = {}
        for step in self._steps:
            count = length if step.length == LENGTH else context[step.length][0]
            steps[step.key] = _values(features[step.key])[: count * step.width]
        yield length, steps, context

    def _block_rows(self, buffers: Mapping[str, list[Any]]) -> Iterator[_Row]:
        dtypes = self._manifest.block_dtypes
        lengths = np.frombuffer(buffers[self._length_key][0], dtypes[self._length_key])
        counts = {column.key: len(lengths) * column.num_elements for column in self._context if column.key in dtypes}
        arrays = {key: unpack_buffer(buffers[key][0], dtypes[key], count) for key, count in counts.items()}
        bounds = {step.length: offsets_of(arrays.get(step.length, lengths)) for step in self._steps}
        for step in self._steps:
            count = int(bounds[step.length][-1]) * step.width
            if not step.is_bytes:
                arrays[step.key] = unpack_buffer(buffers[step.key][0], dtypes[step.key], count)
            elif len(buffers[step.key]) != count:
                raise ValueError(f"expected {count} strings of {step.key!r}, found {len(buffers[step.key])}")
        for row, length in enumerate(lengths.tolist()):
            steps = {}
            for step in self._steps:
                first, last = bounds[step.length][row : row + 2] * step.width
                if step.is_bytes:
                    steps[step.key] = buffers[step.key][first:last]
                else:
                    steps[step.key] = step.numbers(arrays[step.key][first:last]).tolist()
            context = {}
            for column in self._context:
                first, last = row * column.num_elements, (row + 1) * column.num_elements
                if column.key in arrays:
                    context[column.key] = arrays[column.key][first:last].tolist()
                else:
                    context[column.key] = buffers[column.key][first:last]
            yield length, steps, context

    def _shown(
        self,
        number: int,
        path: str,
        where: Mapping[str, Any],
        length: int,
        steps: Mapping[str, list[Any]],
        context: Mapping[str, Sequence[Any]],
    ) -> FeatureView:
        by_step: dict[str, Sequence[Any]] = {}
        ids: dict[str, Sequence[Any]] = {}
        for step in self._steps:
            values = steps[step.key]
            if step.key in self._vocabularies:
                ids[step.key] = _by_step(values, step.width)
            if step.num_buckets is not None:
                values = self._shown_ids(step.key, values)
            by_step[step.key] = _by_step(values, step.width)
        shown_ids = {key: self._shown_ids(key, context[key]) for key in self._context_ids}
        return FeatureView(number, path, length, by_step, {**context, **shown_ids}, ids, where)

    def _shown_ids(self, key: str, values: Sequence[int]) -> list[Any]:
        """The vocabulary entries of ids, if there is a vocabulary; `(missing)` for the missing id."""
        entries = self._vocabularies.get(key)
        shown: list[Any] = []
        for value in values:
            if value == MISSING:
                shown.append(MISSING_ENTRY)
            elif entries is None:
                shown.append(value)
            else:
                shown.append(entries[value] if value < len(entries) else f"(oov {value - len(entries)})")
        return shown


def _values(feature: Any) -> list[Any]:
    kind = feature.WhichOneof("kind")
    return [] if kind is None else list(getattr(feature, kind).value)


def _single(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _by_step(values: list[Any], width: int) -> list[Any]:
    return values if width == 1 else [values[start : start + width] for start in range(0, len(values), width)]
