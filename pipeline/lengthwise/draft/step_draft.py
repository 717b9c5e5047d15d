"""Steps of a sequence -> the column that reads them, and the reason.

int64 steps     points in time, amounts by their name, falling below 0   numeric
                up to ten million                                        identity
                beyond                                                   hash
bytes steps     up to 1,000 different ones, often repeated               vocabulary, others sharing one more id
                more                                                     hash
                pictures, sound and other data that is not text          bytes
                such bytes, of one size                                  numeric, with `decode`
float steps     the same number of values in each, or none               numeric, with `missing` where there are gaps
"""

from typing import Any

import numpy as np

from lengthwise.draft.binary_features import VECTORS, describe_blobs, guess_numbers
from lengthwise.draft.exceptional_records import ExceptionalRecords, allowed_exceptions, most_common
from lengthwise.draft.feature_facts import FeatureFacts
from lengthwise.draft.feature_names import is_id, is_measure, is_time
from lengthwise.records.arrays.utf8 import is_utf8

LARGEST_ID = 10_000_000
SMALL_VOCABULARY = 1_000
_FEWEST_IDS = 10  # besides -1, which is then a missing id; -1, 0 and 1 are numbers
_NEARLY_ALL = 0.9
_TIME = 10**8  # seconds since 1973; smaller ordered numbers are as likely ids
_EPOCH = 946_684_800, 4_102_444_800  # the years 2000 to 2100, in seconds
_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}

Fields = dict[str, Any]
"""A column as in YAML."""


def draft_steps(
    key: str, facts: FeatureFacts, width: int, *, complete: bool
) -> tuple[Fields, list[str], list[ExceptionalRecords]]:
    """The column of one sequence feature.

    Args:
        key: its name.
        facts: of the feature.
        width: the number of values per step, in a tf.Example, whose lists are flat.
        complete: whether these are all records of the input.

    Returns:
        The column's fields; the comments on it; and the records that it rejects.
    """
    odd = [ExceptionalRecords(facts.odd, f"it holds no {facts.kind}")] if facts.odd.any() else []
    column: Fields
    match facts.kind:
        case "float_list":
            column, why = {"kind": "numeric", "key": key}, [f"numbers{range_text(facts)}"]
        case "int64_list":
            column, why = draft_integers(key, facts, complete=complete)
        case _ if _has_one_each(facts, width) and (blobs := describe_blobs(facts.texts)):
            column, why = _draft_blobs(key, facts, blobs)
        case _:
            column, why = draft_texts(key, facts)
    if column["kind"] == "bytes" or "decode" in column:
        odd += _one_string_each(facts)
    else:
        odd += _set_width(column, why, facts, width)
    _say_gaps(column, why, facts)
    absent = int((~facts.present).sum())
    if absent and "decode" in column:  # what is stored of an absent one cannot be said
        odd.append(ExceptionalRecords(~facts.present, "it is absent, and a column with `decode` cannot be optional"))
    elif absent:
        column["required"] = False
        why.append(f"absent from {absent} of {len(facts.counts)} records")
    return column, why, odd


def _draft_blobs(key: str, facts: FeatureFacts, blobs: str) -> tuple[Fields, list[str]]:
    """Numbers if all values have one size and no known format, else bytes that are kept as they are."""
    numbers = guess_numbers(facts.texts) if blobs.startswith(VECTORS) and facts.present.all() else None
    if numbers is None:
        return {"kind": "bytes", "key": key}, [f"{blobs}: kept as they are, for your program to decode"]
    dtype, count = numbers
    why = [f"{blobs}, of one size in all records, so they are drafted as numbers"]
    if dtype == "uint8":
        why.append("bytes by guess; if they are quantised, write `scale` and `offset`, too; if not, another dtype")
    else:
        why.append(f"as {dtype} nearly all are of a usual magnitude")
    why.append("or kind: bytes keeps them as they are")
    return {"kind": "numeric", "key": key, "shape": [count], "decode": {"dtype": dtype}}, why


def _has_one_each(facts: FeatureFacts, width: int) -> bool:
    """Whether most steps have one value."""
    return width == 1 and (not len(facts.widths) or most_common(facts.widths) == 1)


def _one_string_each(facts: FeatureFacts) -> list[ExceptionalRecords]:
    """The records in which a step does not have exactly one string; a string of a flat list is a step."""
    rows = np.zeros(len(facts.counts), bool)
    rows[facts.step_rows[facts.widths != 1]] = True
    return [ExceptionalRecords(rows, "it has steps of other than one string")] if rows.any() else []


def _say_gaps(column: Fields, why: list[str], facts: FeatureFacts) -> None:
    """Lets the column fill NaN and steps without a number, and accept infinite numbers."""
    if column["kind"] != "numeric":
        return
    floats = facts.numbers if facts.numbers.dtype.kind == "f" else facts.numbers[:0]
    nan, empty = int(np.isnan(floats).sum()), int((facts.widths == 0).sum())
    if "decode" not in column and nan + empty:
        column["missing"] = "fill"
        why.append(
            f"{nan} NaN and {empty} steps without a number: filled with default_value, and `observed: true` would mark "
            "them; missing: previous takes the number before"
        )
    if np.isinf(floats).any():
        column["finite"] = False
        why.append("infinite ones among them")


def widths_are_even(facts: FeatureFacts) -> bool:
    """Whether steps have equally many values, or none, in all but a few records."""
    some = facts.widths > 0
    if not some.any():
        return True
    wrong = np.unique(facts.step_rows[some & (facts.widths != most_common(facts.widths[some]))])
    return len(wrong) <= allowed_exceptions(int(facts.present.sum()))


def _set_width(column: Fields, why: list[str], facts: FeatureFacts, width: int) -> list[ExceptionalRecords]:
    """Sets the number of values per step: exact for numbers, the maximum for ids."""
    numeric, odd = column["kind"] == "numeric", []
    if len(facts.widths):
        some = facts.widths[facts.widths > 0] if (facts.widths > 0).any() else facts.widths
        width = most_common(some) if numeric else int(facts.widths.max())
        wrong = facts.step_rows[(facts.widths != width) & (facts.widths > 0)]
        if numeric and len(wrong):
            rows = np.zeros(len(facts.counts), bool)
            rows[wrong] = True
            odd = [ExceptionalRecords(rows, f"it has steps of other than {width} numbers")]
    else:
        whole = int(np.gcd.reduce(facts.counts[facts.counts > 0]))
        if numeric and whole > width and facts.counts.max() > whole:
            why.append(f"{whole} or a multiple of that in each record; if a step has {whole}, write shape: [{whole}]")
        rows = facts.present & (facts.counts % width > 0)
        odd = [ExceptionalRecords(rows, f"it has values left over after its steps of {width}")] if rows.any() else []
    if width > 1:
        column |= {"shape": [width]} if numeric else {"values_per_step": width}
        why.append(f"{'' if numeric else 'up to '}{width} a step")
    return odd


def draft_integers(key: str, facts: FeatureFacts, *, complete: bool) -> tuple[Fields, list[str]]:
    """The column of integers, and the comments on it: ids if they can be ids."""
    low, high = map(int, facts.limits or (0, 0))
    why = [f"integers{range_text(facts)}"]
    reason = _why_numeric(key, facts, low, high) if widths_are_even(facts) else ""
    if reason:
        return {"kind": "numeric", "key": key, "dtype": "int64"}, [*why, reason]
    if low >= -1 and high < LARGEST_ID:
        room = high + 1 if complete else 1 << (2 * high + 1).bit_length()
        why += ["-1 is taken for a missing id"] * (low < 0)
        why.append(f"{room} ids, so that each has one" + ("" if complete else ", also in records not looked at"))
        return {"kind": "identity", "key": key, "num_buckets": room, "oov": "zero"}, why
    buckets, reason = _buckets(facts)
    return {"kind": "hash", "key": key, "hash_bucket_size": buckets, "dtype": "int64"}, [*why, reason]


def _why_numeric(key: str, facts: FeatureFacts, low: int, high: int) -> str:
    """Why these are numbers, not ids; empty if they can be ids."""
    if is_measure(key):
        return "amounts by their name; ids were an identity column"
    if low < -1 or (low == -1 and not _FEWEST_IDS <= high < LARGEST_ID):
        return "no ids, since some are below 0"
    return _why_time(key, facts, low, high)


def _why_time(key: str, facts: FeatureFacts, low: int, high: int) -> str:
    if is_id(key):
        return ""
    for unit, scale in _UNITS.items():
        if _EPOCH[0] * scale <= low and high < _EPOCH[1] * scale and (facts.is_ordered or is_time(key)):
            return f"times in {unit} since 1970"
    if facts.is_ordered and high >= _TIME:
        return "in order in every record, as times are"
    return "times by its name" if is_time(key) else ""


def draft_texts(key: str, facts: FeatureFacts) -> tuple[Fields, list[str]]:
    """The column of strings, and the comments on it: a vocabulary if few strings are distinct."""
    count = facts.distinct
    why = [f"{count} distinct strings"]
    is_text = all(map(is_utf8, facts.texts))
    if not is_text:
        why.append("not all of them UTF-8")
    if is_text and count <= SMALL_VOCABULARY and facts.values >= 2 * count:
        entries = sorted(zip(-facts.occurrences, facts.texts, strict=True))
        words = [text.decode() for _, text in entries]
        return {"kind": "vocabulary", "key": key, "vocabulary_list": words, "num_oov_buckets": 1}, why
    if facts.values >= _FEWEST_IDS * 10 and count > _NEARLY_ALL * facts.values:
        why.append("nearly all different, and ids that do not come again teach a model little")
    buckets, reason = _buckets(facts)
    return {"kind": "hash", "key": key, "hash_bucket_size": buckets}, [*why, reason]


def range_text(facts: FeatureFacts) -> str:
    """` from 0 to 49`; empty without a number."""
    if facts.limits is None:
        return ""
    form = "g" if facts.kind == "float_list" else "d"
    low, high = facts.limits
    return f" from {low:{form}} to {high:{form}}"


def _buckets(facts: FeatureFacts) -> tuple[int, str]:
    """A power of two with room for four times the values seen, so that few share an id."""
    size = max(1024, 1 << (4 * facts.distinct - 1).bit_length())
    return size, f"hashed to {size} ids, at least 4 times the {facts.distinct} values seen, so that few share one"
