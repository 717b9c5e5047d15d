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
from lengthwise.draft.split_key_choice import EVAL_SHARE
from lengthwise.draft.yaml_quoting import quote

_DEFAULT_LIMIT = Limits().rejected_fraction
_FEWEST_TO_SPLIT = 40
_WRAPPER = textwrap.TextWrapper(100, "  # ", "  #   ", break_long_words=False, break_on_hyphens=False)


def render_draft(sampled: SampledFeatures, draft: Draft) -> str:
    """A complete configuration, with comments on defaults."""
    lines = [*_head(sampled), *_columns(draft), *_sequences(draft), *_buckets(draft), *_splits(sampled, draft)]
    return "\n".join([*lines, *_limits(sampled, draft), "output:", "  path: prepared"]) + "\n"


def _head(sampled: SampledFeatures) -> Iterator[str]:
    sample = sampled.sample
    records = f"{'all' if sample.complete else 'the first'} {sampled.records} records"
    yield f"# Drafted by `lengthwise init` from {records} of {sample.files} file(s). Check it by"
    yield "# `lengthwise check THIS_FILE`; `lengthwise schema` describes every field."
    if sample.ignored_files:
        yield f"# {sample.ignored_files}."
    if sample.damaged or sampled.unusable:
        yield f"# {sample.damaged + sampled.unusable} records were damaged or of another format; they will be rejected."
    if sample.too_large:
        yield f"# {sample.too_large_text} were skipped: a higher limits.max_record_bytes includes them."
    yield "inputs:"
    yield "  files:"
    yield from (f"    - {quote(pattern)}" for pattern in sample.patterns)
    yield f"  format: {sampled.format}"
    yield ""


def _columns(draft: Draft) -> Iterator[str]:
    yield "columns:"
    for column in draft.columns:
        yield from _WRAPPER.wrap(", ".join(column.comments))
        for name, value in column.fields.items():
            yield f"  {'-' if name == 'kind' else ' '} {name}: {_value(value)}"
    for key, reason in sorted(draft.omitted.items()):
        yield from _WRAPPER.wrap(f"left out: {quote(key)}: {reason}")
    yield ""


def _sequences(draft: Draft) -> Iterator[str]:
    empty, total = int((draft.lengths == 0).sum()), len(draft.lengths)
    yield "sequences:"
    yield f"  empty: {'keep' if empty else 'reject'}  # or {'reject' if empty else 'keep'}; " + (
        f"{empty} of {total} records have no step" if empty else "no record without a step was seen"
    )
    windows = "" if any("group" in column.fields for column in draft.columns) else ", window"
    yield f"  over_long: reject  # or truncate_left, truncate_right{windows}: beyond the last boundary"
    if draft.groups_with_empty:
        yield "  groups:  # of which some records have no step"
        yield from (f"    {quote(name)}: {{empty: keep}}" for name in draft.groups_with_empty)
    yield ""


def _buckets(draft: Draft) -> Iterator[str]:
    ordered = np.sort(draft.lengths) if len(draft.lengths) else np.zeros(1, np.int64)
    median, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    yield f"# Lengths: {ordered[0]} to {ordered[-1]} steps, median {median}, 99% up to {p99}."
    yield "buckets: {}  # planned from the data; or {count: 8}, or {boundaries: [...]}"
    yield ""


def _splits(sampled: SampledFeatures, draft: Draft) -> Iterator[str]:
    key, records = draft.split_key, sampled.records
    yield "splits:"
    if key is None and records < _FEWEST_TO_SPLIT:
        yield f"  fractions: {{train: 1.0}}  # {records} records are too few to hold some back, such as eval: 0.1"
    else:
        what = "of a value of `key`" if key else "of a record's bytes"
        yield f"  # About a tenth is held back to measure a model on, by a hash {what}: always the same records."
        yield f"  fractions: {{train: {1 - EVAL_SHARE:g}, eval: {EVAL_SHARE:g}}}"
    if key:
        share = f"{key.eval_records} of the {records} sampled records are held back"
        yield f"  key: {quote(key.key)}  # all records of one value go to one split; {share}"
        if key.seed:
            yield f"  seed: {key.seed}  # the first that holds back about a tenth, since there are few values"
    yield ""


def _limits(sampled: SampledFeatures, draft: Draft) -> Iterator[str]:
    rejected, max_bytes = int(draft.rejected.sum()), sampled.sample.max_record_bytes
    if rejected:
        yield f"# {rejected} of the {sampled.records} records will be rejected, because they differ from the others:"
        yield from (f"#   {reason}" for reason in draft.reject_reasons)
    share = rejected / sampled.records
    limits = {
        f"rejected_fraction: {math.ceil(100 * share) / 100:g}  # more than the default": share > _DEFAULT_LIMIT,
        f"max_record_bytes: {max_bytes}  # as --max-record-bytes": max_bytes > MAX_RECORD_BYTES,
    }
    if any(limits.values()):
        yield "limits:"
        yield from (f"  {line}" for line, needed in limits.items() if needed)
    if rejected or any(limits.values()):
        yield ""


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_value(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(quote, value)) + "]"
    return quote(value)
