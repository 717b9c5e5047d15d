"""Shows raw TFRecord files as tables, without a configuration."""

import glob
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from lengthwise.errors import ConfigError, DatasetError
from lengthwise.storage.files import exists
from lengthwise.storage.input_sources import find_sources
from lengthwise_cli.sequence_display import as_dict, say_sequence
from lengthwise_cli.terminal import abbreviated, say, say_json, say_table

if TYPE_CHECKING:
    from lengthwise.draft.feature_facts import FeatureFacts
    from lengthwise.draft.sample_scan import SampledFeatures
    from lengthwise.records.samples.record_display import FeatureView, UnreadableRecord

SAMPLE = 1000
_MOST_CHARACTERS = 40  # of the most frequent strings


def inspect_raw(target: str, first: int, most: int, max_record_bytes: int, *, whole: bool, as_json: bool) -> None:
    """Prints features, lengths and damage, and some records; with `whole`, only one record.

    Records larger than `max_record_bytes` are only counted. The records of a folder are numbered across its files.

    Raises:
        ConfigError: there is no such file, or no such record.
        DatasetError: the files contain no readable record.
    """
    if not exists(target) and not glob.has_magic(target):
        raise ConfigError(
            f"{target}: expected a prepared data set or a TFRecord file, received a path that does not exist"
        )
    sources = find_sources([target], "DIR|FILE")
    paths = [file.path for file in sources.files]
    records = list(islice(_records(paths, first, max_record_bytes), most))
    if whole and not records:
        raise ConfigError(f"--record: {target} has no record {first:,}")
    if whole:
        _say_whole(*records[0], as_json=as_json)
        return
    from lengthwise.draft.sample_scan import scan_sample
    from lengthwise.records.samples.record_display import FeatureView

    sampled = scan_sample([target], SAMPLE, max_record_bytes)
    count, damage = _count(paths, max_record_bytes)
    if as_json:
        examples = [as_dict(record) for _, record in records if isinstance(record, FeatureView)]
        say_json({**_as_json(sampled), "files": len(paths), "records": count, "damage": damage, "examples": examples})
        return
    if [target] != paths:
        say(f"{target}: {sources.text}")
    _say_file(target, sampled, count, damage, max_record_bytes)
    for path, record in records:
        if len(paths) > 1:
            say(path)
        if isinstance(record, FeatureView):
            say_sequence(record, whole=False)
        else:
            say(f"#{record.number}: {_why_not(record)}")
            say()


def _records(
    paths: list[str], first: int, max_record_bytes: int
) -> "Iterator[tuple[str, FeatureView | UnreadableRecord]]":
    """Yields the records from number `first`, counted over all files, each with its file."""
    from lengthwise.records.samples.record_display import show_raw

    if len(paths) == 1:
        return ((paths[0], record) for record in show_raw(paths[0], first, max_record_bytes))
    return islice(((path, record) for path in paths for record in show_raw(path, 0, max_record_bytes)), first, None)


def _say_whole(path: str, record: "FeatureView | UnreadableRecord", *, as_json: bool) -> None:
    from lengthwise.records.samples.record_display import UnreadableRecord

    if isinstance(record, UnreadableRecord):
        raise DatasetError(f"{path}: record {record.number:,} {_why_not(record)}")
    if as_json:
        say_json(as_dict(record))
    else:
        say_sequence(record, whole=True)


def _why_not(record: "UnreadableRecord") -> str:
    if record.too_large:
        return f"is not read: {record.detail}; see --max-record-bytes"
    return f"cannot be read: {record.detail}"


def _count(paths: list[str], max_record_bytes: int) -> tuple[int, dict[str, int]]:
    """Counts the records of the files, and their damage by reason."""
    from lengthwise.records.container.frame_reading import read_blocks
    from lengthwise.storage.files import open_binary

    records, damage = 0, Counter[str]()
    for path in paths:
        with open_binary(path) as stream:
            for block in read_blocks(stream, max_record_bytes=max_record_bytes):
                records += block.read
                damage.update(fault.reason.value for fault in block.damage)
    return records, dict(damage)


def _say_file(path: str, sampled: "SampledFeatures", count: int, damage: dict[str, int], most: int) -> None:
    say(f"{path}: {count:,} records, inputs.format {sampled.format}")
    for reason, number in damage.items():
        say(f"{number:,} {reason}" + (f" (--max-record-bytes {most})" if reason == "too_large" else ""))
    sample = "all records" if sampled.sample.complete else f"the first {sampled.records + sampled.unusable:,} records"
    if sampled.unusable:
        say(f"{sampled.unusable:,} of {sample} cannot be parsed, or are of another format")
    say()
    headings = ["feature", "where", "kind", ">records", ">values", ">fewest", ">most", ">min", ">max", "such as"]
    rows = [_row(key, "sequence", facts) for key, facts in sorted(sampled.sequences.items())]
    where = "record" if sampled.format == "sequence_example" else "example"
    rows += [_row(key, where, facts) for key, facts in sorted(sampled.context.items())]
    say_table(f"Features of {sample}", headings, rows)


def _row(key: str, where: str, facts: "FeatureFacts") -> tuple[object, ...]:
    numbers = [f"{number:.6g}" for number in facts.limits] if facts.limits else ["", ""]
    strings = " ".join(value.decode(errors="backslashreplace") for value in facts.most_common(3))
    kinds = ", ".join(sorted(facts.kinds)) or "empty"
    present = int(facts.present.sum())
    return key, where, kinds, present, facts.values, *_spread(facts), *numbers, abbreviated(strings, _MOST_CHARACTERS)


def _spread(facts: "FeatureFacts") -> tuple[int, int]:
    """Returns the minimum and maximum number of values of the records that have the feature."""
    counts = facts.counts[facts.present]
    return (int(counts.min()), int(counts.max())) if len(counts) else (0, 0)


def _as_json(sampled: "SampledFeatures") -> dict[str, Any]:
    def facts_of(features: "dict[str, FeatureFacts]") -> dict[str, Any]:
        return {
            key: {
                "kinds": facts.kinds,
                "records": int(facts.present.sum()),
                "values": facts.values,
                **dict(zip(("fewest", "most"), _spread(facts), strict=True)),
                **dict(zip(("min", "max"), facts.limits or (None, None), strict=True)),
            }
            for key, facts in sorted(features.items())
        }

    return {
        "format": sampled.format,
        "sampled": sampled.records,
        "unusable": sampled.unusable,
        "sequences": facts_of(sampled.sequences),
        "context": facts_of(sampled.context),
    }
