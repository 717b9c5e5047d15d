"""The draft as YAML with comments."""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from lengthwise.draft.choose import Draft
from lengthwise.draft.scan import Seen


def render(seen: Seen, draft: Draft) -> str:
    """A complete configuration: what is not said is commented with its default."""
    return "\n".join([*_head(seen), *_columns(draft), *_sequences(seen, draft), *_rest(draft)]) + "\n"


def _head(seen: Seen) -> Iterator[str]:
    share = "all" if seen.complete else "the first"
    yield f"# Drafted by `lengthwise init` from {share} {seen.records} records of {seen.files} file(s). Check it by"
    yield "# `lengthwise check THIS_FILE`; `lengthwise schema` describes every field."
    if seen.damaged or seen.unusable:
        yield f"# {seen.damaged + seen.unusable} records were damaged or of another format; they will be rejected."
    yield "inputs:"
    yield "  files:"
    yield from (f"    - {_scalar(pattern)}" for pattern in seen.patterns)
    yield f"  format: {seen.format}"
    yield ""


def _columns(draft: Draft) -> Iterator[str]:
    yield "columns:"
    for column, why in draft.columns:
        yield f"  # {why}"
        for name, value in column.items():
            yield f"  {'-' if name == 'kind' else ' '} {name}: {_value(value)}"
    for key, reason in sorted(draft.left_out.items()):
        yield f"  # left out: {json.dumps(key)}: {reason}"
    yield ""


def _sequences(seen: Seen, draft: Draft) -> Iterator[str]:
    empty = draft.lengths.count(0)
    yield "sequences:"
    yield f"  empty: {'keep' if empty else 'reject'}  # or {'reject' if empty else 'keep'}; " + (
        f"{empty} of {seen.records} records have no step" if empty else "no record without a step was seen"
    )
    if draft.uneven:
        yield f"  mismatch: truncate  # or reject; {draft.uneven} of {seen.records} records have uneven sequences"
    yield "  over_long: reject  # or truncate_left, truncate_right, window: beyond the last boundary"
    yield ""


def _rest(draft: Draft) -> Iterator[str]:
    ordered = sorted(draft.lengths)
    median, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    yield f"# Lengths: {ordered[0]} to {ordered[-1]} steps, median {median}, 99% up to {p99}."
    yield "buckets: {}  # planned from the data; or {count: 8}, or {boundaries: [...]}"
    yield ""
    yield "splits:"
    yield "  fractions: {train: 1.0}  # such as {train: 0.9, eval: 0.1}"
    yield ""
    yield "output:"
    yield "  path: prepared"


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_scalar, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    """One value as it must stand inside a YAML list or mapping: quoted where it needs to be."""
    style = None if str(value).isprintable() else '"'
    text = yaml.safe_dump([value], default_flow_style=True, width=10**9, allow_unicode=True, default_style=style)
    return text.strip()[1:-1]
