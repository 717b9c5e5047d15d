"""Steps of a sequence -> the column that reads them, and the reason.

int64 steps     points in time, amounts by their name, values below 0    numeric
                up to ten million                                        identity
                larger                                                   hash
bytes steps     up to 1,000 distinct strings, often repeated             vocabulary, others share one more id
                more                                                     hash
                pictures, sound and other data that is not text          bytes
                such bytes, of one size                                  numeric, with `decode`
float steps     the same number of values in each, or none               numeric, with `missing` if there are gaps
"""

from typing import Any

import numpy as np

from lengthwise.draft.binary_features import VECTORS, describe_blobs, guess_numbers
from lengthwise.draft.drafted_column import DraftedColumn
from lengthwise.draft.exceptional_records import allowed_exceptions, mode
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


def draft_steps(facts: FeatureFacts, width: int, *, complete: bool) -> DraftedColumn:
    """The column of one sequence feature.

    Args:
        facts: of the feature.
        width: the number of values per step, in a tf.Example, whose lists are flat.
        complete: whether these are all records of the input.
    """
    match facts.kind:
        case "float_list":
            column = DraftedColumn({"kind": "numeric", "key": facts.key}, [f"numbers{range_text(facts)}"])
        case "int64_list":
            column = draft_integers(facts, complete=complete)
        case _ if _has_one_each(facts, width) and (blobs := describe_blobs(facts.strings)):
            column = _draft_blobs(facts, blobs)
        case _:
            column = draft_strings(facts)
    column.reject(facts.other_kind, f"it holds no {facts.kind}")
    if column.fields["kind"] == "bytes" or "decode" in column.fields:  # a string of a flat list is a step
        column.reject(facts.records_with(facts.widths != 1), "it has steps of other than one string")
    else:
        _set_width(column, facts, width)
    _accept_gaps(column, facts)
    if "decode" in column.fields:  # an absent feature has no bytes to store
        column.reject(~facts.present, "it is absent, and a column with `decode` cannot be optional")
    elif not facts.present.all():
        column.fields["required"] = False
        column.comments.append(absence_text(facts))
    return column


def _draft_blobs(facts: FeatureFacts, blobs: str) -> DraftedColumn:
    """Numbers if all values have one size and no known format, else bytes that are kept as they are."""
    numbers = guess_numbers(facts.strings) if blobs.startswith(VECTORS) and facts.present.all() else None
    if numbers is None:
        comment = f"{blobs}: kept as they are, for your program to decode"
        return DraftedColumn({"kind": "bytes", "key": facts.key}, [comment])
    dtype, count = numbers
    why = [f"{blobs}, of one size in all records, so they are drafted as numbers"]
    if dtype == "uint8":
        why.append("bytes by guess; if they are quantised, write `scale` and `offset`, too; if not, another dtype")
    else:
        why.append(f"as {dtype} nearly all are of a usual magnitude")
    why.append("or kind: bytes keeps them as they are")
    return DraftedColumn({"kind": "numeric", "key": facts.key, "shape": [count], "decode": {"dtype": dtype}}, why)


def _has_one_each(facts: FeatureFacts, width: int) -> bool:
    """Whether most steps have one value."""
    return width == 1 and (not len(facts.widths) or mode(facts.widths) == 1)


def _accept_gaps(column: DraftedColumn, facts: FeatureFacts) -> None:
    """Lets a numeric column fill NaN and steps without a number, and accept infinite numbers."""
    if column.fields["kind"] != "numeric":
        return
    floats = facts.numbers if facts.numbers.dtype.kind == "f" else facts.numbers[:0]
    nan, empty = int(np.isnan(floats).sum()), int((facts.widths == 0).sum())
    if "decode" not in column.fields and nan + empty:
        column.fields["missing"] = "fill"
        column.comments.append(
            f"{nan} NaN and {empty} steps without a number: filled with default_value, and `observed: true` would mark "
            "them; missing: previous takes the number before"
        )
    if np.isinf(floats).any():
        column.fields["finite"] = False
        column.comments.append("infinite ones among them")


def widths_are_even(facts: FeatureFacts) -> bool:
    """Whether steps have equally many values, or none, in all but a few records."""
    filled = facts.widths > 0
    if not filled.any():
        return True
    exceptional = facts.records_with(filled & (facts.widths != mode(facts.widths[filled])))
    return int(exceptional.sum()) <= allowed_exceptions(int(facts.present.sum()))


def _set_width(column: DraftedColumn, facts: FeatureFacts, width: int) -> None:
    """Sets the number of values per step: exact for numbers, the maximum for ids."""
    is_numeric = column.fields["kind"] == "numeric"
    if len(facts.widths):
        filled = facts.widths > 0
        width = mode(facts.widths[filled] if filled.any() else facts.widths) if is_numeric else int(facts.widths.max())
        if is_numeric:
            exceptional = facts.records_with(filled & (facts.widths != width))
            column.reject(exceptional, f"it has steps of other than {width} numbers")
    else:
        whole = int(np.gcd.reduce(facts.counts[facts.counts > 0]))
        if is_numeric and whole > width and facts.counts.max() > whole:
            column.comments.append(
                f"{whole} or a multiple of that in each record; if a step has {whole}, write shape: [{whole}]"
            )
        remainders = facts.present & (facts.counts % width > 0)
        column.reject(remainders, f"it has values left over after its steps of {width}")
    if width > 1:
        column.fields |= {"shape": [width]} if is_numeric else {"values_per_step": width}
        column.comments.append(f"{'' if is_numeric else 'up to '}{width} per step")


def draft_integers(facts: FeatureFacts, *, complete: bool) -> DraftedColumn:
    """The column of integers: ids if they can be ids."""
    low, high = map(int, facts.limits or (0, 0))
    why = [f"integers{range_text(facts)}"]
    reason = _why_numeric(facts, low, high) if widths_are_even(facts) else ""
    if reason:
        return DraftedColumn({"kind": "numeric", "key": facts.key, "dtype": "int64"}, [*why, reason])
    if low >= -1 and high < LARGEST_ID:
        ids = high + 1 if complete else 1 << (2 * high + 1).bit_length()
        why += ["-1 is taken for a missing id"] * (low < 0)
        why.append(f"{ids} ids, so that each has one" + ("" if complete else ", also in records outside the sample"))
        return DraftedColumn({"kind": "identity", "key": facts.key, "num_buckets": ids, "oov": "zero"}, why)
    return _draft_hash(facts, why, dtype="int64")


def _why_numeric(facts: FeatureFacts, low: int, high: int) -> str:
    """Why these are numbers, not ids; empty if they can be ids."""
    if is_measure(facts.key):
        return "amounts by their name; ids would be an identity column"
    if low < -1 or (low == -1 and not _FEWEST_IDS <= high < LARGEST_ID):
        return "no ids, since some are below 0"
    return _why_time(facts, low, high)


def _why_time(facts: FeatureFacts, low: int, high: int) -> str:
    if is_id(facts.key):
        return ""
    for unit, scale in _UNITS.items():
        if _EPOCH[0] * scale <= low and high < _EPOCH[1] * scale and (facts.is_ordered or is_time(facts.key)):
            return f"times in {unit} since 1970"
    if facts.is_ordered and high >= _TIME:
        return "in order in every record, as times are"
    return "times by its name" if is_time(facts.key) else ""


def draft_strings(facts: FeatureFacts) -> DraftedColumn:
    """The column of strings: a vocabulary if few of them are distinct."""
    count = facts.distinct
    why = [f"{count} distinct strings"]
    is_text = all(map(is_utf8, facts.strings))
    if not is_text:
        why.append("not all of them UTF-8")
    if is_text and count <= SMALL_VOCABULARY and facts.values >= 2 * count:
        by_frequency = sorted(zip(-facts.occurrences, facts.strings, strict=True))
        entries = [string.decode() for _, string in by_frequency]
        fields = {"kind": "vocabulary", "key": facts.key, "vocabulary_list": entries, "num_oov_buckets": 1}
        return DraftedColumn(fields, why)
    if facts.values >= _FEWEST_IDS * 10 and count > _NEARLY_ALL * facts.values:
        why.append("nearly all are distinct, and ids that occur once teach a model little")
    return _draft_hash(facts, why)


def _draft_hash(facts: FeatureFacts, why: list[str], **fields: Any) -> DraftedColumn:
    """A hash column whose size is a power of two, at least four times the distinct values, so that few share an id."""
    size = max(1024, 1 << (4 * facts.distinct - 1).bit_length())
    reason = f"hashed to {size} ids, at least 4 times the {facts.distinct} values seen, so that few share one"
    return DraftedColumn({"kind": "hash", "key": facts.key, "hash_bucket_size": size, **fields}, [*why, reason])


def range_text(facts: FeatureFacts) -> str:
    """` from 0 to 49`; empty without a number."""
    if facts.limits is None:
        return ""
    form = "g" if facts.kind == "float_list" else "d"
    low, high = facts.limits
    return f" from {low:{form}} to {high:{form}}"


def absence_text(facts: FeatureFacts) -> str:
    """In how many records the feature is absent."""
    return f"absent from {int((~facts.present).sum())} of {len(facts.counts)} records"
