"""From what features hold to the columns that read them, each with the reason for people.

int64 steps     falling below 0, or rising to large numbers (times)    numeric
                up to ten million                                       identity
                beyond                                                  hash
bytes steps     up to 1,000 different ones, often repeated              vocabulary, others sharing one more id
                more                                                    hash
float steps     the same number of values in each                       numeric
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lengthwise.columns import RESERVED_KEY
from lengthwise.draft.align import Alignment, align
from lengthwise.draft.facts import Facts
from lengthwise.draft.scan import Seen
from lengthwise.errors import DatasetError

LARGEST_ID = 10_000_000
SMALL_VOCABULARY = 1_000
_TIME = 10**8  # seconds since 1973; smaller rising numbers are as likely ids


@dataclass(slots=True)
class Draft:
    """What the YAML will say.

    Attributes:
        columns: each column's fields, with a comment.
        left_out: features without a column, and why.
        lengths: the number of steps of each record.
        uneven: how many records have sequences of different lengths.
    """

    columns: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)
    uneven: int = 0


def choose(seen: Seen) -> Draft:
    """Columns for all features that can be sequences or values of the whole record.

    Raises:
        DatasetError: no feature can be read as a sequence.
    """
    draft = Draft()
    sequences, context = _divide(seen)
    readable = {key: facts for key, facts in sequences.items() if not _leave_out(key, facts, draft)}
    alignment = align(readable, seen)
    draft.lengths, draft.uneven = alignment.lengths, alignment.uneven
    for key, facts in readable.items():
        if key in alignment.widths:
            draft.columns.append(_sequence(key, facts, seen, alignment))
        else:
            draft.left_out[key] = "its number of steps differs from that of the other sequences"
    if not draft.columns:
        raise DatasetError(
            f"{', '.join(seen.patterns)}: expected a feature with one entry a step, found none among "
            f"{', '.join(sorted({*seen.sequences, *seen.context})) or 'no features'}"
        )
    for key, facts in context.items():
        _context(key, facts, seen, draft)
    return draft


def _divide(seen: Seen) -> tuple[Mapping[str, Facts], Mapping[str, Facts]]:
    """Sequences and context; in a tf.Example, sequences are the features whose number of values varies."""
    if seen.format == "sequence_example":
        return dict(sorted(seen.sequences.items())), dict(sorted(seen.context.items()))
    fixed = {key: facts for key, facts in seen.context.items() if len(set(facts.counts.values())) == 1}
    varying = {key: facts for key, facts in seen.context.items() if key not in fixed}
    if not varying:  # all sequences are equally long: those with several values then
        varying = {key: facts for key, facts in fixed.items() if max(facts.counts.values()) > 1}
        fixed = {key: facts for key, facts in fixed.items() if key not in varying}
    return dict(sorted(varying.items())), dict(sorted(fixed.items()))


def _leave_out(key: str, facts: Facts, draft: Draft) -> bool:
    reason = ""
    if not key:
        reason = "it has no name"
    elif key == RESERVED_KEY:
        reason = "the name is reserved for the lengths that prepared data hold"
    elif key.startswith("##"):
        reason = "names that start with ## are reserved"
    elif not facts.kind:
        held = ", ".join(sorted(facts.kinds))
        reason = f"it holds lists of several kinds: {held}" if held else "no record looked at has a value of it"
    elif facts.kind == "float_list" and len(facts.widths) > 1:
        reason = f"its steps have between {min(facts.widths)} and {max(facts.widths)} numbers"
    if reason:
        draft.left_out[key] = reason
    return bool(reason)


def _sequence(key: str, facts: Facts, seen: Seen, alignment: Alignment) -> tuple[dict[str, Any], str]:
    width = alignment.widths[key]
    column: dict[str, Any]
    match facts.kind:
        case "float_list":
            column, why = {"kind": "numeric", "key": key}, f"numbers{_range(facts)}"
        case "int64_list":
            column, why = _integers(key, facts, seen)
        case _:
            column, why = _texts(key, facts)
    if width > 1:
        numeric = column["kind"] == "numeric"
        column |= {"shape": [width]} if numeric else {"values_per_step": width}
        why += f", {'' if numeric else 'up to '}{width} a step"
    if not facts.finite:
        column["finite"] = False
        why += ", NaN or infinite ones among them"
    if len(facts.counts) < seen.records:
        column["required"] = False
        why += f", absent from {seen.records - len(facts.counts)} of {seen.records} records"
    return column, why


def _integers(key: str, facts: Facts, seen: Seen) -> tuple[dict[str, Any], str]:
    low, high = int(facts.low or 0), int(facts.high or 0)
    why = f"integers{_range(facts)}"
    if (low < 0 or (facts.rising and high >= _TIME)) and len(facts.widths) <= 1:
        return {"kind": "numeric", "key": key, "dtype": "int64"}, why
    if low >= 0 and high < LARGEST_ID:
        room = high + 1 if seen.complete else 1 << (2 * high + 1).bit_length()  # records not looked at may hold more
        return {"kind": "identity", "key": key, "num_buckets": room, "oov": "zero"}, why
    return {"kind": "hash", "key": key, "hash_bucket_size": _buckets(facts), "dtype": "int64"}, why


def _texts(key: str, facts: Facts) -> tuple[dict[str, Any], str]:
    count = len(facts.distinct)
    why = f"{count if facts.is_distinct_known else f'more than {count}'} different texts"
    if not facts.is_text:
        why += ", not all of them UTF-8"
    if facts.is_text and count <= SMALL_VOCABULARY and facts.values >= 2 * count:
        entries = sorted(facts.distinct, key=lambda entry: (-facts.distinct[entry], entry))
        return {"kind": "vocabulary", "key": key, "vocabulary_list": entries, "num_oov_buckets": 1}, why
    return {"kind": "hash", "key": key, "hash_bucket_size": _buckets(facts)}, why


def _range(facts: Facts) -> str:
    if facts.low is None or facts.high is None:
        return ""
    form = "g" if facts.kind == "float_list" else "d"
    return f" from {facts.low:{form}} to {facts.high:{form}}"


def _buckets(facts: Facts) -> int:
    """A power of two with room for four times the values seen, so that few share an id."""
    return max(1024, 1 << (4 * len(facts.distinct) - 1).bit_length())


def _context(key: str, facts: Facts, seen: Seen, draft: Draft) -> None:
    counts = set(facts.counts.values())
    if _leave_out(key, facts, draft):
        return
    if any(column["key"] == key for column, _ in draft.columns):
        draft.left_out[key] = "of the whole record: a sequence has the same name"
        return
    if len(counts) > 1 or not counts - {0}:
        draft.left_out[key] = f"records have between {min(counts)} and {max(counts)} values of it"
        return
    dtype, zero = {"float_list": ("float32", 0.0), "int64_list": ("int64", 0), "bytes_list": ("string", "")}[facts.kind]
    column: dict[str, Any] = {"kind": "context", "key": key, "dtype": dtype}
    [count] = counts
    why = "of the whole record"
    why += _range(facts).replace(" from", ", from")
    if count > 1:
        column["shape"] = [count]
    if not facts.finite:
        column["finite"] = False
    if len(facts.counts) < seen.records:
        column["default_value"] = zero
        why += f"; absent from {seen.records - len(facts.counts)} of {seen.records} records"
    draft.columns.append((column, why))
