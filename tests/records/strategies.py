"""Random specs, and random records, most of which match them."""

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lengthwise import columns as lw
from lengthwise.columns import (
    AnyColumn,
    BytesColumn,
    ContextColumn,
    NumericColumn,
    feature_of,
    groups_of,
    raw_context,
    sequence_features,
)
from lengthwise.config import GroupRules
from records.messages import UNSET, Empty, example, sequence_example
from records.oracle import Rules

WORDS = ("a", "b", "ü", "", "10")
NUMBERS = (5, -7, 10, 2**40)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


@st.composite
def _numeric(draw: Any, key: str) -> AnyColumn:
    dtype = draw(st.sampled_from(["float32", "float64", "int32", "int64"]))
    limits, defaults = [(None, None), (None, 3.0), (-2.0, None), (-2.0, 2.5)], [0.0, 1.0, -3.0]
    if dtype.startswith("int"):
        limits, defaults = [(None, None), (None, 3), (-2, None), (-2, 2)], [0, 1, -3]
    if dtype == "int64":  # floats cannot represent their neighbours
        limits, defaults = [*limits, (-(2**60), 2**60), (0, 2**53)], [*defaults, 2**53 + 1]
    low, high = draw(st.sampled_from(limits))
    if draw(st.integers(0, 3)) == 0:
        return draw(_stored(key))
    return lw.sequence_numeric_column(
        key,
        shape=draw(st.sampled_from([(1,), (2,), (2, 2)])),
        dtype=dtype,
        default_value=draw(st.sampled_from(defaults)),
        required=draw(st.booleans()),
        finite=draw(st.booleans()),
        missing=draw(st.sampled_from(["error", "error", "fill", "previous"])),
        observed=draw(st.booleans()),
        min_value=low,
        max_value=high,
    )


@st.composite
def _stored(draw: Any, key: str) -> AnyColumn:
    """Numbers in bytes, of some dtypes, with or without a scale."""
    dtype = draw(st.sampled_from(["uint8", "int16", "float16", "float32"]))
    scaled = draw(st.booleans())
    whole = not scaled and "int" in dtype and draw(st.booleans())
    return lw.sequence_numeric_column(
        key,
        shape=draw(st.sampled_from([(1,), (3,)])),
        dtype="int64" if whole else "float32",
        decode={"dtype": dtype, **({"scale": 0.5, "offset": -2.25} if scaled else {})},
        max_value=draw(_maybe(st.just(100))),
    )


@st.composite
def _bytes(draw: Any, key: str) -> AnyColumn:
    return lw.sequence_bytes_column(key, required=draw(st.booleans()), max_bytes=draw(st.sampled_from([None, 1, 2])))


@st.composite
def _categorical(draw: Any, key: str, per: str = "step") -> AnyColumn:
    rules: dict[str, Any] = {
        "per": per,
        "values_per_step": draw(st.sampled_from([1, 1, 2, 3])),
        "required": draw(st.booleans()),
        "weight_key": draw(st.sampled_from([None, None, f"{key}_w"])),
    }
    kind = draw(st.sampled_from(["identity", "hash", "words", "numbers"]))
    if kind == "identity":
        oov = draw(st.sampled_from(["error", "zero", "default"]))
        default = 1 if oov == "default" else None
        return lw.sequence_categorical_column_with_identity(key, 4, default, oov=oov, **rules)
    if kind == "hash":
        dtype = draw(st.sampled_from(["string", "int64"]))
        return lw.sequence_categorical_column_with_hash_bucket(key, 7, dtype=dtype, **rules)
    oov = draw(st.sampled_from(["error", "zero", "default", "buckets"]))
    more = {"default": {"default_value": 2}, "buckets": {"num_oov_buckets": 3}}.get(oov, {})
    entries: Any = WORDS if kind == "words" else NUMBERS
    return lw.sequence_categorical_column_with_vocabulary_list(key, entries, oov=oov, **more, **rules)


@st.composite
def _context(draw: Any, key: str) -> ContextColumn:
    dtype = draw(st.sampled_from(["float32", "int64", "string"]))
    default = draw(_maybe(st.just({"float32": 1.5, "int64": 2**53 + 1, "string": "none"}[dtype])))
    limits = {} if dtype == "string" else {"min_value": draw(_maybe(st.just(-2.0))), "finite": draw(st.booleans())}
    if dtype == "int64":
        limits["max_value"] = draw(_maybe(st.just(2**60)))
    shape = draw(st.sampled_from([(), (), (1,), (2,)]))
    return lw.context_column(key, dtype=dtype, shape=shape, default_value=default, **limits)


@st.composite
def _wrapped(draw: Any, column: AnyColumn) -> AnyColumn:
    if isinstance(column, NumericColumn | BytesColumn):
        return column
    wrap = draw(st.sampled_from(["plain", "embedding", "indicator"]))
    if wrap == "embedding":
        return lw.embedding_column(column, 4)
    return column if wrap == "plain" else lw.indicator_column(column)


@st.composite
def rules(draw: Any) -> Rules:
    """A random spec: one to three sequence columns of any kind, up to two context columns, any policy."""
    chosen: list[AnyColumn] = []
    for position in range(draw(st.integers(1, 3))):
        key = f"s{position}"
        column = draw(st.one_of(_numeric(key), _categorical(key), _numeric(key), _categorical(key), _bytes(key)))
        chosen.append(draw(_wrapped(column)))
    over_long = draw(st.sampled_from(["reject", "truncate_left", "truncate_right", "window"]))
    groups: dict[str, GroupRules] = {}
    if over_long != "window" and draw(st.booleans()):
        chosen = [changed(column, {"group": draw(st.sampled_from(["", "g", "h"]))}) for column in chosen]
        leading, *_ = named = groups_of(map(feature_of, chosen))
        groups = {name: draw(_group_rules()) for name in named if name and draw(st.booleans())}
        if leading in groups:
            groups[leading] = groups[leading].model_copy(update={"max_length": None})
    container = draw(st.sampled_from(["sequence_example", "example"]))
    if container == "sequence_example":
        places = st.sampled_from(["feature_lists", "feature_lists", "context"])
        chosen = [changed(column, {"from_": draw(places)}) for column in chosen]
    keys = [f"c{position}" for position in range(draw(st.integers(0, 2)))]
    chosen += [draw(st.one_of(_context(key), _categorical(key, per="record"))) for key in keys]
    longest = draw(st.sampled_from([2, 3, 4]))
    return Rules(
        columns=tuple(chosen),
        container=container,
        mismatch=draw(st.sampled_from(["reject", "truncate"])),
        empty=draw(st.sampled_from(["keep", "reject"])),
        min_steps=draw(st.sampled_from([0, 0, 1, 2, 3])),
        over_long=over_long,
        longest=longest,
        overlap=draw(st.integers(0, longest - 1)) if over_long == "window" else 0,
        groups=groups,
    )


@st.composite
def _group_rules(draw: Any) -> GroupRules:
    return GroupRules(
        empty=draw(st.sampled_from([None, "keep", "reject"])),
        min_steps=draw(st.sampled_from([None, 0, 2])),
        over_long=draw(st.sampled_from([None, "reject", "truncate_left", "truncate_right"])),
        mismatch=draw(st.sampled_from([None, "reject", "truncate"])),
        max_length=draw(st.sampled_from([None, 2, 5])),
    )


def changed(column: Any, fields: dict[str, Any]) -> Any:
    """The column, or the one that it wraps, with these fields."""
    inner = getattr(column, "categorical_column", None)
    if inner is None:
        return column.model_copy(update=fields)
    return column.model_copy(update={"categorical_column": changed(inner, fields)})


_GOOD = {
    "float": st.floats(-2, 2.5, width=32),
    "int64": st.integers(0, 2),
    "bytes": st.sampled_from([word.encode() for word in WORDS]),
}
_LARGE = [2**31 - 1, 2**31, -(2**31) - 1, 2**40, 2**53, 2**53 + 1, 2**60, 2**60 + 1, -(2**60) - 1, -(2**63), 2**63 - 1]
_BAD = {
    "float": st.one_of(st.floats(width=32), st.sampled_from([math.nan, math.inf, -2.5, 3.0])),
    "int64": st.one_of(st.integers(-3, 12), st.sampled_from(_LARGE)),
    "bytes": st.one_of(st.binary(max_size=3), st.just(b"\xff\x00")),
}


def _kind(column: AnyColumn) -> str:
    if isinstance(column, NumericColumn) and column.decode is not None:
        return "bytes"
    if isinstance(column, NumericColumn):
        return "int64" if column.is_integer else "float"
    return {"string": "bytes", "int64": "int64", "float32": "float"}[column.dtype]


@st.composite
def _step(draw: Any, kind: str, width: int, fixed: bool, bad: float) -> Any:
    if draw(st.floats(0, 1)) < bad:
        kind = draw(st.sampled_from([*[kind] * 12, "float", "int64", "bytes"]))
        return draw(st.lists(_BAD[kind], max_size=width + 1))
    size = width if fixed else draw(st.integers(0, width))
    values = draw(st.lists(_GOOD[kind], min_size=size, max_size=size))
    return values or draw(st.sampled_from([UNSET, Empty(kind)]))


@st.composite
def _bytes_of_step(draw: Any, column: NumericColumn, bad: float) -> list[bytes]:
    assert column.decode is not None
    size = np.dtype(column.decode.stored).itemsize * column.num_elements
    if draw(st.floats(0, 1)) < bad / 8:
        return draw(st.lists(st.binary(max_size=size + 1), max_size=2))
    low = 16 if "float" not in column.decode.dtype or bad else 1  # mostly small numbers, no NaN without `bad`
    return [bytes(draw(st.integers(0, low)) for _ in range(size))]


def _flatten(steps: list[Any]) -> list[Any]:
    return [value for step in steps if not isinstance(step, Empty) for value in step]


def _alike(values: Any) -> Any:
    """The values of the kind of the first: a list of a tf.train.Feature has one kind."""
    if isinstance(values, Empty):
        return values
    return [value for value in values if type(value) is type(values[0])]


@st.composite
def _sequences(draw: Any, spec: Rules, bad: float, tidy: bool) -> dict[str, Any]:
    flat = spec.container == "example"
    length = draw(st.integers(0, 6) if bad else st.integers(1, 4))
    sequences: dict[str, Any] = {}
    for column in sequence_features(spec.columns):
        if draw(st.floats(0, 1)) < bad / 4 or (not column.required and draw(st.integers(0, 4)) == 0):
            if getattr(column, "weight_key", None) is not None and draw(st.booleans()):  # weights without ids
                sequences[column.weight_key] = [draw(_step("float", column.values_per_step, True, 0.2))] * length
            continue
        steps = length if draw(st.floats(0, 1)) >= bad / 2 else draw(st.integers(0, 6))
        numeric = isinstance(column, NumericColumn)
        width = column.num_elements if numeric else getattr(column, "values_per_step", 1)
        whole = numeric or isinstance(column, BytesColumn) or flat or tidy or column.from_ == "context"
        gap = numeric and not flat and not tidy and column.from_ != "context" and column.missing != "error"
        whole = whole and not (gap and draw(st.booleans()))
        drawn = [draw(_step(_kind(column), width, whole, bad / 8)) for _ in range(steps)]
        if numeric and column.decode is not None:
            drawn = [draw(_bytes_of_step(column, bad)) for _ in range(steps)]
        sequences[column.key] = drawn
        if getattr(column, "weight_key", None) is not None and draw(st.floats(0, 1)) >= bad / 4:
            sizes = [0 if isinstance(step, Empty) else len(step) for step in drawn]
            weights: list[Any] = [[draw(_GOOD["float"]) for _ in range(size)] for size in sizes]
            if weights and draw(st.floats(0, 1)) < bad / 4:
                weights[-1] = draw(_step("float", width, True, 0.5))
            sequences[column.weight_key] = weights
    return sequences


@st.composite
def _contexts(draw: Any, spec: Rules, bad: float) -> dict[str, Any]:
    context: dict[str, Any] = {}
    for column in raw_context(spec.columns):
        missing = not column.required and draw(st.integers(0, 3)) == 0
        if missing or draw(st.floats(0, 1)) < bad / 8:
            continue
        fixed = isinstance(column, ContextColumn)
        width = column.num_elements if fixed else column.values_per_step
        drawn = draw(_step(_kind(column), width, fixed, bad / 8))
        context[column.key] = UNSET if draw(st.floats(0, 1)) < bad / 8 else drawn
        if not fixed and column.weight_key is not None and draw(st.floats(0, 1)) >= bad / 4:
            size = 0 if isinstance(drawn, Empty) else len(drawn)
            context[column.weight_key] = [draw(_GOOD["float"]) for _ in range(size)] or Empty("float")
    return context


@st.composite
def records(draw: Any, spec: Rules, tidy: bool = False) -> bytes:
    """A record: often valid, often invalid, sometimes random bytes.

    A `tidy` one is valid and has the form that writers usually produce: no step is empty.
    """
    chaos = 19 if tidy else draw(st.integers(0, 19))
    if chaos == 0:
        return draw(st.binary(max_size=40))
    bad = 0.0 if tidy else draw(st.sampled_from([0.0, 0.0, 0.1, 0.5]))
    flat = spec.container == "example"
    sequences = draw(_sequences(spec, bad, tidy))
    context = draw(_contexts(spec, bad))
    for column in sequence_features(spec.columns):  # features of the context are flat
        for key in (column.key, getattr(column, "weight_key", None)):
            if not flat and column.from_ == "context" and key in sequences:
                context[key] = _alike(_flatten(sequences.pop(key))) or Empty("float")
    record = _encode(sequences, context, flat if chaos > 1 else not flat)
    if chaos == 2 and record:  # truncated, or with one bit flipped
        place = draw(st.integers(0, len(record) - 1))
        flipped = record[:place] + bytes([record[place] ^ (1 << draw(st.integers(0, 7)))]) + record[place + 1 :]
        return draw(st.sampled_from([record[:place], flipped]))
    return record


def _encode(sequences: dict[str, Any], context: dict[str, Any], flat: bool) -> bytes:
    if flat:
        lists = {key: _alike(_flatten(steps)) or Empty("float") for key, steps in sequences.items()}
        return example({**lists, **{key: _alike(values) for key, values in context.items()}})
    lists = {key: [_alike(step) for step in steps] for key, steps in sequences.items()}
    return sequence_example(lists, {key: _alike(values) for key, values in context.items()})
