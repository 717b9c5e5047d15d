"""One length a row for all columns: told by `sequence_length` or a mask, or found in sparse and ragged input."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from lengthwise.columns import RESERVED_KEY
from lengthwise.errors import ConfigError
from lengthwise.layers.checks import PLACE, Checks
from lengthwise.layers.dtypes import length_dtype
from lengthwise.layers.extents import Extent, longest


def told_lengths(features: Mapping[str, Any], mask: Any) -> Any:
    """The lengths `[B]` that a feature or a mask tells; None where neither does.

    Args:
        features: may hold `sequence_length`, `[B]` or `[B,1]`, which comes before the mask.
        mask: None, bool `[B,T]`, or a dict of such.
    """
    if RESERVED_KEY in features:
        lengths = ops.cast(features[RESERVED_KEY], length_dtype())
        return ops.reshape(lengths, (-1,)) if len(lengths.shape) == 2 else lengths
    masks = list(mask.values()) if isinstance(mask, Mapping) else [mask]
    known = [one for one in masks if one is not None]
    return _ends(known[0]) if known else None


def common_lengths(extents: Sequence[Extent], told: Any, checks: Checks) -> tuple[Any, Any]:
    """The lengths of the rows, and T: that of dense input, else the longest sequence.

    Raises:
        ConfigError: there is only dense input and no lengths are told, or dense inputs differ in T.
    """
    own = [extent for extent in extents if extent.lengths is not None]
    dense = [extent for extent in extents if extent.lengths is None]
    if told is None:
        lengths = _agreed(own, dense, checks)
    else:
        lengths = told
        for extent in own:
            _require_told(extent, told, checks)
    if dense:
        return lengths, _dense_count(dense, lengths, checks)
    counts = [extent.count for extent in own] + ([] if told is None else [longest(told)])
    return lengths, counts[0] if len(counts) == 1 else ops.max(ops.stack(counts))


def _ends(mask: Any) -> Any:
    """The last valid step + 1 of each row."""
    ends = ops.arange(1, ops.shape(mask)[1] + 1, dtype=length_dtype())
    return ops.max(ops.where(mask, ends, 0), axis=1, initial=0)


def _require_told(extent: Extent, told: Any, checks: Checks) -> None:
    holds = ops.equal(extent.lengths, told) if extent.is_exact else extent.lengths <= told
    message = f"feature {extent.source.key!r}: its steps do not fit {RESERVED_KEY!r} or the mask; first in row"
    checks.require(holds, message, PLACE, "which has", extent.lengths, "steps where", told, "are told")


def _agreed(own: list[Extent], dense: list[Extent], checks: Checks) -> Any:
    if not own:
        keys = sorted(extent.source.key for extent in dense)
        raise ConfigError(
            f"features: expected the lengths of the dense features {keys}, received none; add the feature "
            f"{RESERVED_KEY!r} (int64 [batch]), pass mask=, or give ragged or sparse tensors"
        )
    # Sparse input may lack trailing empty steps, so exact lengths come first.
    first, *others = sorted(own, key=lambda extent: not extent.is_exact)
    for other in others:
        names = f"{first.source.name!r} and {other.source.name!r}"
        checks.require(
            ops.equal(first.lengths, other.lengths),
            f"columns of one layer must have the same lengths: {names} differ, first in row",
            *(PLACE, "which has", first.lengths, "and", other.lengths, "steps"),
        )
    return first.lengths


def _dense_count(dense: list[Extent], lengths: Any, checks: Checks) -> Any:
    first, *others = dense
    for other in others:
        if isinstance(first.count, int) and isinstance(other.count, int) and first.count != other.count:
            raise ConfigError(
                f"features: expected dense features of one T, received {first.count} steps in {first.source.key!r} "
                f"and {other.count} in {other.source.key!r}"
            )
    message = f"feature {RESERVED_KEY!r}: a length is greater than the T of {first.source.key!r}; first in row"
    checks.require(lengths <= ops.cast(first.count, lengths.dtype), message, PLACE, "with length", lengths)
    return first.count
