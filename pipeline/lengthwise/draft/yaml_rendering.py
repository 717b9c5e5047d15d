"""The draft as YAML with comments."""

import math
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np

from lengthwise.config import Limits
from lengthwise.draft.column_choice import Draft
from lengthwise.draft.record_sample import MAX_RECORD_BYTES
from lengthwise.draft.sample_scan import SampledFeatures
from lengthwise.draft.split_key_choice import HELD_BACK
from lengthwise.draft.yaml_quoting import quote

_DEFAULT_LIMIT = Limits().rejected_fraction
_FEWEST_TO_DIVIDE = 40
_WRAPPER = textwrap.TextWrapper(100, "  # ", "  #   ", break_long_words=False, break_on_hyphens=False)


def render_draft(seen: SampledFeatures, draft: Draft) -> str:
    """A complete configuration, with comments on defaults."""
    lines = [*_head(seen), *_columns(draft), *_sequences(draft), *_buckets(draft), *_splits(seen, draft)]
    return "\n".join([*lines, *_limits(seen, draft), "output:", "  path: prepared"]) + "\n"


def _head(seen: SampledFeatures) -> Iterator[str]:
    sample = seen.sample
    share = "all" if seen.complete else "the first"
    yield f"# Drafted by `lengthwise init` from {share} {seen.records} records of {sample.files} file(s). Check it by"
    yield "# `lengthwise check THIS_FILE`; `lengthwise schema` describes every field."
    if sample.left_out:
        yield f"# {sample.left_out}."
    if sample.damaged or seen.unusable:
        yield f"# {sample.damaged + seen.unusable} records were damaged or of another format; they will be rejected."
    if sample.too_large:
        yield f"# {sample.too_large_text} were not looked at: limits.max_record_bytes lets them in."
    yield "inputs:"
    yield "  files:"
    yield from (f"    - {quote(pattern)}" for pattern in sample.patterns)
    yield f"  format: {seen.format}"
    yield ""


def _columns(draft: Draft) -> Iterator[str]:
    yield "columns:"
    for column, why in draft.columns:
        yield from _comment(why)
        for name, value in column.items():
            yield f"  {'-' if name == 'kind' else ' '} {name}: {_value(value)}"
    for key, reason in sorted(draft.left_out.items()):
        yield from _comment(f"left out: {quote(key)}: {reason}")
    yield ""


def _sequences(draft: Draft) -> Iterator[str]:
    empty, total = int((draft.lengths == 0).sum()), len(draft.lengths)
    yield "sequences:"
    yield f"  empty: {'keep' if empty else 'reject'}  # or {'reject' if empty else 'keep'}; " + (
        f"{empty} of {total} records have no step" if empty else "no record without a step was seen"
    )
    windows = "" if any("group" in column for column, _ in draft.columns) else ", window"
    yield f"  over_long: reject  # or truncate_left, truncate_right{windows}: beyond the last boundary"
    if draft.kept_empty:
        yield "  groups:  # of which some records have no step"
        yield from (f"    {quote(name)}: {{empty: keep}}" for name in draft.kept_empty)
    yield ""


def _buckets(draft: Draft) -> Iterator[str]:
    ordered = np.sort(draft.lengths) if len(draft.lengths) else np.zeros(1, np.int64)
    median, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    yield f"# Lengths: {ordered[0]} to {ordered[-1]} steps, median {median}, 99% up to {p99}."
    yield "buckets: {}  # planned from the data; or {count: 8}, or {boundaries: [...]}"
    yield ""


def _splits(seen: SampledFeatures, draft: Draft) -> Iterator[str]:
    division = draft.division
    yield "splits:"
    if division is None and seen.records < _FEWEST_TO_DIVIDE:
        yield f"  fractions: {{train: 1.0}}  # {seen.records} records are too few to hold some back, such as eval: 0.1"
    else:
        what = "of a value of `key`" if division else "of a record's bytes"
        yield f"  # About a tenth is held back to measure a model on, by a hash {what}: always the same records."
        yield f"  fractions: {{train: {1 - HELD_BACK:g}, eval: {HELD_BACK:g}}}"
    if division:
        share = f"of the {seen.records} looked at {division.held_back} are held back"
        yield f"  key: {quote(division.key)}  # all records of one value go to one split; {share}"
        if division.seed:
            yield f"  seed: {division.seed}  # the first by which about a tenth is: these are few values"
    yield ""


def _limits(seen: SampledFeatures, draft: Draft) -> Iterator[str]:
    rejected, most = int(draft.rejected.sum()), seen.sample.max_record_bytes
    if rejected:
        yield f"# {rejected} of the {seen.records} records will be rejected, for they differ from the others:"
        yield from (f"#   {line}" for line in draft.odd)
    share = rejected / seen.records
    limits = {
        f"rejected_fraction: {math.ceil(100 * share) / 100:g}  # more than the default": share > _DEFAULT_LIMIT,
        f"max_record_bytes: {most}  # as --max-record-bytes": most > MAX_RECORD_BYTES,
    }
    if any(limits.values()):
        yield "limits:"
        yield from (f"  {line}" for line, needed in limits.items() if needed)
    if rejected or any(limits.values()):
        yield ""


def _comment(text: str) -> list[str]:
    """The lines of a column's comment; words are not divided."""
    return _WRAPPER.wrap(text)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_value(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(quote, value)) + "]"
    return quote(value)
