"""One length a row for all columns: told by `sequence_length` or a mask, or found in sparse and ragged input."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from lengthwise.columns import RESERVED_KEY, SequenceFeature
from lengthwise.errors import ConfigError
from lengthwise.layers.checks import ROW, Checks
from lengthwise.layers.dtypes import length_dtype
from lengthwise.layers.steps import Steps


def lengths_of_mask(mask: Any) -> Any:
    """The last valid step + 1 of each row of a bool `[B,T]` mask."""
    ends = ops.arange(1, ops.shape(mask)[1] + 1, dtype=length_dtype())
    return ops.max(ops.where(mask, ends, 0), axis=1, initial=0)


def common_lengths(
    sources: Sequence[SequenceFeature], steps: Sequence[Steps], told: Any, checks: Checks
) -> tuple[Any, Any]:
    """The lengths of the rows, and T: that of dense input, else the longest sequence.

    Raises:
        ConfigError: there is only dense input and no lengths are told, or dense inputs differ in T.
    """
    own = [(source, one) for source, one in zip(sources, steps, strict=True) if not one.is_dense]
    dense = [(source, one) for source, one in zip(sources, steps, strict=True) if one.is_dense]
    if told is not None:
        lengths = ops.cast(told, length_dtype())
        for source, one in own:
            _require_told(source, one, lengths, checks)
    else:
        lengths = _agreed(own, dense, checks)
    if dense:
        return lengths, _dense_count(dense, lengths, checks)
    counts = [one.count for one in steps] + ([] if told is None else [_longest(lengths)])
    return lengths, ops.max(ops.stack([ops.cast(count, "int32") for count in counts]))


def _longest(lengths: Any) -> Any:
    return ops.max(lengths, initial=0)


def _require_told(source: SequenceFeature, steps: Steps, lengths: Any, checks: Checks) -> None:
    holds = ops.equal(steps.lengths, lengths) if steps.exact else steps.lengths <= lengths
    checks.require(
        holds,
        f"feature {source.key!r}: its steps do not fit {RESERVED_KEY!r} or the mask; first in row",
        ROW,
        "which has",
        steps.lengths,
        "steps where",
        lengths,
        "are told",
    )


def _agreed(own: list[tuple[Any, Steps]], dense: list[tuple[Any, Steps]], checks: Checks) -> Any:
    if not own:
        keys = sorted(source.key for source, _ in dense)
        raise ConfigError(
            f"features: expected the lengths of the dense features {keys}, received none; add the feature "
            f"{RESERVED_KEY!r} (int64 [batch]), pass mask=, or give ragged or sparse tensors"
        )
    # Sparse input may lack trailing empty steps, so exact lengths come first.
    own = sorted(own, key=lambda pair: not pair[1].exact)
    (first, steps), others = own[0], own[1:]
    for source, one in others:
        checks.require(
            ops.equal(steps.lengths, one.lengths),
            f"columns of one layer must have the same lengths: {first.name!r} and {source.name!r} differ, first in row",
            ROW,
            "which has",
            steps.lengths,
            "and",
            one.lengths,
            "steps",
        )
    return steps.lengths


def _dense_count(dense: list[tuple[Any, Steps]], lengths: Any, checks: Checks) -> Any:
    (first, steps), others = dense[0], dense[1:]
    for source, one in others:
        if isinstance(steps.count, int) and isinstance(one.count, int) and steps.count != one.count:
            raise ConfigError(
                f"features: expected dense features of one T, received {steps.count} steps in {first.key!r} and "
                f"{one.count} in {source.key!r}"
            )
    checks.require(
        lengths <= ops.cast(steps.count, lengths.dtype),
        f"feature {RESERVED_KEY!r}: a length is greater than the T of {first.key!r}; first in row",
        ROW,
        "with length",
        lengths,
    )
    return steps.count
