"""A sample of the records, and what each of their features holds."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal

from lengthwise.draft.facts import Facts
from lengthwise.errors import ConfigError, DatasetError
from lengthwise.files import advice, match, open_binary
from lengthwise.records.framing import Damage
from lengthwise.records.items import read_items
from lengthwise.records.protos import SequenceExample

MAX_RECORD_BYTES = 64 * 2**20


@dataclass(slots=True)
class Seen:
    """What was found in the files.

    Attributes:
        patterns: the files as they were named.
        files: how many there are.
        format: the container of most records.
        records: how many records were looked at and could be parsed.
        complete: whether these are all there are.
        damaged: how many could not be read from their files.
        unusable: how many were no protocol buffer, or of the other container.
        context: the features of the whole record, by key (tf.Example: every feature).
        sequences: the feature lists of tf.SequenceExample, by key.
    """

    patterns: list[str]
    files: int
    format: Literal["sequence_example", "example"] = "sequence_example"
    records: int = 0
    complete: bool = True
    damaged: int = 0
    unusable: int = 0
    context: dict[str, Facts] = field(default_factory=lambda: defaultdict(Facts))
    sequences: dict[str, Facts] = field(default_factory=lambda: defaultdict(Facts))


def scan(patterns: list[str], sample: int) -> Seen:
    """Looks at `sample` records, the first ones of each file: of all files as many, as far as they have them.

    Raises:
        ConfigError: a pattern matches no file.
        DatasetError: no record can be read.
    """
    unfinished = [_File(path) for path in _paths(patterns)]
    seen = Seen(list(patterns), len(unfinished))
    parsed: list[Any] = []
    left = sample
    while unfinished and left > 0:
        quota = -(-left // len(unfinished))
        for file in unfinished:
            records = file.take(quota, seen)
            left -= len(records)
            parsed += [message for record in records if (message := _parse(record, seen))]
        unfinished = [file for file in unfinished if not file.ended]
    seen.complete = not unfinished
    if not parsed:
        raise DatasetError(
            f"{', '.join(patterns)}: expected TFRecord files of tf.SequenceExample or tf.Example, found no record that "
            f"can be read as one ({seen.damaged + seen.unusable} unreadable in {seen.files} files)"
        )
    _gather(parsed, seen)
    return seen


def _paths(patterns: list[str]) -> list[str]:
    paths: list[str] = []
    for pattern in patterns:
        found = [one[0] for one in match(pattern)]
        if not found:
            raise ConfigError(
                f"{pattern}: expected a file or a pattern, received one that matches no file; {advice(pattern)}"
            )
        paths += found
    return sorted(set(paths))


@dataclass(slots=True)
class _File:
    """A file, and how many of its records were looked at; `ended` once these are all."""

    path: str
    position: int = 0
    ended: bool = False

    def take(self, quota: int, seen: Seen) -> list[bytes]:
        """The next `quota` records, fewer at the end; what is damaged among them is counted."""
        taken: list[bytes] = []
        with open_binary(self.path) as stream:
            for index, item in read_items(stream, self.position, max_record_bytes=MAX_RECORD_BYTES):
                if len(taken) == quota:
                    return taken
                self.position = index + 1
                if isinstance(item, Damage):
                    seen.damaged += 1
                else:
                    taken.append(item)
        self.ended = True
        return taken


def _parse(record: bytes, seen: Seen) -> Any:
    """The record as a SequenceExample, as which a tf.Example parses too, its features in the context."""
    try:
        message = SequenceExample.FromString(record)
    except Exception:  # noqa: BLE001 (protobuf raises DecodeError, UnicodeDecodeError and others)
        message = None
    if message is None or not (message.context.feature or message.feature_lists.feature_list):
        seen.unusable += 1
        return None
    return message


def _gather(messages: list[Any], seen: Seen) -> None:
    kinds = Counter(bool(message.feature_lists.feature_list) for message in messages)
    has_lists = kinds[True] >= kinds[False]
    seen.format = "sequence_example" if has_lists else "example"
    steps_of = {key for message in messages for key in message.feature_lists.feature_list} if has_lists else set()
    for message in messages:
        lists = message.feature_lists.feature_list
        if (lists and not has_lists) or (not lists and not steps_of.isdisjoint(message.context.feature)):
            seen.unusable += 1  # a record of the other container
            continue
        for key, feature in message.context.feature.items():
            seen.context[key].add_flat(seen.records, feature)
        for key, steps in message.feature_lists.feature_list.items():
            seen.sequences[key].add_steps(seen.records, steps)
        seen.records += 1
