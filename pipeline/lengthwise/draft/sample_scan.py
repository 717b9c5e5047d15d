"""A sample of the records, and the facts of each of their features."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lengthwise.config import RecordFormat
from lengthwise.draft.feature_facts import FeatureFacts, summarize_feature
from lengthwise.draft.feature_values import FeatureValues, read_feature_lists, read_features
from lengthwise.draft.record_sample import MAX_RECORD_BYTES, RecordSample, take_sample
from lengthwise.errors import DatasetError
from lengthwise.records.decoding.example_protos import RawRecord


@dataclass(slots=True)
class SampledFeatures:
    """The features in the sampled records.

    Attributes:
        sample: the records' files, and the number of unreadable records.
        format: the container of most records.
        records: the number of records that could be parsed.
        unusable: the number of records that are not protocol buffers, or of the other container.
        context: the features of the whole record, by key (tf.Example: every feature).
        sequences: the feature lists of tf.SequenceExample, by key.
    """

    sample: RecordSample
    format: RecordFormat = "sequence_example"
    records: int = 0
    unusable: int = 0
    context: dict[str, FeatureFacts] = field(default_factory=dict)
    sequences: dict[str, FeatureFacts] = field(default_factory=dict)


def scan_sample(patterns: list[str], sample: int, max_record_bytes: int = MAX_RECORD_BYTES) -> SampledFeatures:
    """Reads `sample` records, the first ones of each file: equally many of each file if they have them.

    Raises:
        ConfigError: a path, pattern or folder names no file.
        DatasetError: no record can be read.
    """
    record_sample = take_sample(patterns, sample, max_record_bytes)
    records = record_sample.records
    sampled = SampledFeatures(record_sample)
    messages = [message for message in map(_parse, records) if message is not None]
    sampled.unusable = len(records) - len(messages)
    records.clear()
    usable = _of_one_container(messages, sampled)
    unreadable = _summarize_features(usable, sampled)
    if unreadable:  # only known now: summarize again without them
        usable = [message for row, message in enumerate(usable) if row not in unreadable]
        sampled.unusable += len(unreadable)
        _summarize_features(usable, sampled)
    if not usable:
        raise DatasetError(
            f"{', '.join(patterns)}: expected TFRecord files of tf.SequenceExample or tf.Example, found no record that "
            f"can be read as one ({_unreadable_text(sampled)} in {record_sample.files} files)"
        )
    return sampled


def _unreadable_text(sampled: SampledFeatures) -> str:
    text = f"{sampled.sample.damaged + sampled.unusable} unreadable"
    return f"{text}, {sampled.sample.too_large_text}" if sampled.sample.too_large else text


def _parse(record: bytes) -> Any:
    """The record as a SequenceExample; a tf.Example parses as one, with its features in the context."""
    try:
        message = RawRecord.FromString(record)
    except Exception:  # noqa: BLE001 (protobuf raises DecodeError, UnicodeDecodeError and others)
        return None
    return message if message.context.feature or message.feature_lists.feature_list else None


def _of_one_container(messages: list[Any], sampled: SampledFeatures) -> list[Any]:
    """The records of the most frequent container."""
    kinds = Counter(bool(message.feature_lists.feature_list) for message in messages)
    has_lists = kinds[True] >= kinds[False]
    sampled.format = "sequence_example" if has_lists else "example"
    listed = {key for message in messages for key in message.feature_lists.feature_list} if has_lists else set()

    def is_other(message: Any) -> bool:
        if message.feature_lists.feature_list:
            return not has_lists
        return not listed.isdisjoint(message.context.feature)

    usable = [message for message in messages if not is_other(message)]
    sampled.unusable += len(messages) - len(usable)
    return usable


def _summarize_features(messages: list[Any], sampled: SampledFeatures) -> set[int]:
    """Summarizes every feature; returns the records of which a feature cannot be read."""
    sampled.records = len(messages)
    flat = _by_key(messages, lambda message: message.context.feature)
    lists = _by_key(messages, lambda message: message.feature_lists.feature_list)
    unreadable: set[int] = set()
    sampled.context = _summarize(flat, sampled.records, read_features, unreadable)
    sampled.sequences = _summarize(lists, sampled.records, read_feature_lists, unreadable)
    return unreadable


_Parts = dict[str, tuple[list[int], list[bytes]]]


def _by_key(messages: list[Any], features: Callable[[Any], Any]) -> _Parts:
    """The records that have each feature, and its bytes in each."""
    parts_by_key: _Parts = defaultdict(lambda: ([], []))
    for row, message in enumerate(messages):
        for key, part in features(message).items():
            rows, parts = parts_by_key[key]
            rows.append(row)
            parts.append(part)
    return parts_by_key


def _summarize(
    parts_by_key: _Parts, records: int, read: Callable[[list[bytes]], FeatureValues], unreadable: set[int]
) -> dict[str, FeatureFacts]:
    facts = {}
    for key in sorted(parts_by_key):
        rows, parts = parts_by_key.pop(key)  # freed as soon as it is summarized: it has the bytes of all records
        values = read(parts)
        unreadable.update(rows[index] for index in values.unreadable)
        facts[key] = summarize_feature(key, values, np.array(rows), records, is_list=read is read_feature_lists)
    return facts
