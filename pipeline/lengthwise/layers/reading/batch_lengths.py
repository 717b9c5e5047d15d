"""The lengths of a batch's rows, and T: told by a feature or masks, or read from ragged and sparse input."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from lengthwise.columns import RESERVED_KEY, packed_keys
from lengthwise.errors import ConfigError, ConfigTypeError
from lengthwise.layers.reading.batch_checks import PLACE, Checks
from lengthwise.layers.reading.length_dtypes import length_dtype
from lengthwise.layers.reading.row_extents import RowLengths, longest, rank_of
from lengthwise.layers.reading.shared_sizes import require_one
from lengthwise.padding_side import Padding


@dataclass(frozen=True)
class GivenLengths:
    """Lengths that stand beside the features.

    Attributes:
        name: who tells them.
        lengths: integers `[B]`.
        count: the T of a mask; None where there is none.
    """

    name: str
    lengths: Any
    count: Any = None


def told_lengths(
    features: Mapping[str, Any],
    mask: Any,
    keys: Iterable[str],
    padding: Padding,
    checks: Checks,
    length_key: str = RESERVED_KEY,
) -> list[GivenLengths]:
    """What a feature or masks tell; empty where neither does.

    Args:
        features: may hold `segment_ids` of the group, `[B,T]`, of packed rows, or `sequence_length`, `[B]` or `[B,1]`;
            they come before the masks.
        mask: None, bool `[B,T]`, or a dict of such.
        keys: the features that are read; masks of others say nothing.
        padding: the side on which masks are false.
        checks: demands masks without holes.
        length_key: the feature that tells the lengths, of a group with a name.

    Raises:
        ConfigError: the feature or a mask is of another shape, or rows are packed and have padding on the left.
    """
    numbers, _ = packed_keys(length_key)
    if numbers in features:  # packed rows: the sequences follow one another, padding is behind them
        if padding == "left":
            raise ConfigError(
                f"padding: expected 'right' for packed rows ({numbers!r} among the features), whose padding is at "
                "the end, received 'left'; make the layer without padding='left', or read the data without pack"
            )
        segments = ops.cast(features[numbers], length_dtype())
        return [
            GivenLengths(repr(numbers), ops.sum(ops.cast(segments > 0, segments.dtype), axis=1), ops.shape(segments)[1])
        ]
    if length_key in features:
        return [GivenLengths(repr(length_key), flat_lengths(features[length_key], checks, length_key))]
    masks = {"the mask": mask}
    if isinstance(mask, Mapping):
        masks = {f"the mask of {key!r}": mask.get(key) for key in keys}
    return [_of_mask(name, one, padding, checks) for name, one in masks.items() if one is not None]


def common_lengths(
    extents: Sequence[RowLengths], told: Sequence[GivenLengths], checks: Checks, length_key: str = RESERVED_KEY
) -> tuple[Any, Any]:
    """The lengths of the rows, and T: that of dense input, else the longest sequence.

    Raises:
        ConfigError: there is only dense input and no lengths are told, or batch sizes or dense inputs' T differ.
    """
    dense = [extent for extent in extents if extent.lengths is None]
    # Sparse input may lack trailing empty steps, so exact lengths come first.
    own = sorted((extent for extent in extents if extent.lengths is not None), key=lambda extent: not extent.is_exact)
    _require_sizes(extents, dense, told, checks)
    lengths = told[0].lengths if told else own[0].lengths if own else _none_told(dense, length_key)
    if own or len(told) > 1:  # to be compared, which needs equal sizes
        (lengths,) = checks.attach(lengths)
    for other in told[1:]:
        names = f"{told[0].name} and {other.name}"
        checks.require(ops.equal(lengths, other.lengths), f"{names} end at different steps; first in row", PLACE)
    for extent in own if told else own[1:]:
        _require_same(extent, own[0], lengths, told[0].name if told else None, checks)
    if dense:
        return lengths, _dense_count(dense[0], lengths, told[0].name if told else repr(length_key), checks)
    counts = [extent.count for extent in own] + ([longest(lengths)] if told else [])
    return lengths, counts[0] if len(counts) == 1 else ops.max(ops.stack(counts))


def flat_lengths(lengths: Any, checks: Checks, key: str = RESERVED_KEY) -> Any:
    """Told lengths, `[B]` or `[B,1]`, as integers `[B]`; -1 for a fraction, where compiled code cannot raise.

    Floats may be whole numbers: Keras gives floats where an Input has no dtype.

    Raises:
        ConfigError: they are of another shape.
        ConfigTypeError: they are no numbers.
    """
    rank = rank_of(lengths)
    if rank is not None and rank != 1 and (rank != 2 or lengths.shape[1] not in (1, None)):
        raise ConfigError(f"feature {key!r}: expected shape [batch], received {tuple(lengths.shape)}")
    lengths = lengths if rank == 1 else ops.reshape(lengths, (-1,))
    dtype = keras.backend.standardize_dtype(lengths.dtype)
    if "int" in dtype:
        return ops.cast(lengths, length_dtype())
    if "float" not in dtype:
        raise ConfigTypeError(f"feature {key!r}: expected integers, received dtype {dtype}")
    return _whole(lengths if dtype == "float64" else ops.cast(lengths, "float32"), checks, key)


def _whole(lengths: Any, checks: Checks, key: str) -> Any:
    whole = ops.logical_and(ops.equal(ops.floor(lengths), lengths), ops.abs(lengths) < 2.0**31)
    checks.require(whole, f"feature {key!r}: expected whole numbers, received another; first in row", PLACE)
    return ops.where(whole, ops.cast(ops.where(whole, lengths, 0), length_dtype()), -1)


def _of_mask(name: str, mask: Any, padding: Padding, checks: Checks) -> GivenLengths:
    if rank_of(mask) != 2:
        raise ConfigError(f"{name}: expected bool [batch, T], received shape {mask.shape}")
    mask, count = ops.cast(mask, "bool"), ops.shape(mask)[1]
    places = ops.arange(1, count + 1, dtype=length_dtype())
    places = places if padding == "right" else ops.flip(places)
    lengths = ops.max(ops.where(mask, places, 0), axis=1, initial=0)  # up to the valid step farthest from that end
    where = "up to each row's length and false after it" if padding == "right" else "on each row's last steps alone"
    other = "left" if padding == "right" else "right"
    checks.require(
        lambda: ops.equal(ops.sum(ops.cast(mask, lengths.dtype), axis=1), lengths),
        f"{name}: expected a mask that is true {where}; where padding is on the {other}, say padding={other!r} to the "
        f"layer, and where steps within a sequence are masked, give the feature {RESERVED_KEY!r}; first in row",
        PLACE,
    )
    return GivenLengths(name, lengths, count)


def _require_sizes(
    extents: Sequence[RowLengths], dense: list[RowLengths], told: Sequence[GivenLengths], checks: Checks
) -> None:
    rows = [(repr(extent.source.key), extent.batch) for extent in extents]
    require_one("batch size", rows + [(one.name, ops.shape(one.lengths)[0]) for one in told], checks)
    steps = [(repr(extent.source.key), extent.count) for extent in dense]
    require_one("number of steps T", steps + [(one.name, one.count) for one in told if one.count is not None], checks)


def _none_told(dense: list[RowLengths], length_key: str) -> Any:
    raise ConfigError(
        f"features: expected the lengths of the dense features {sorted(extent.source.key for extent in dense)}, "
        f"received none; add the feature {length_key!r} (int64 [batch]), pass mask=, or give ragged or sparse tensors"
    )


def _require_same(extent: RowLengths, first: RowLengths, lengths: Any, told: str | None, checks: Checks) -> None:
    if told is not None:
        holds = ops.equal(extent.lengths, lengths) if extent.is_exact else extent.lengths <= lengths
        message = f"feature {extent.source.key!r}: its steps do not fit {told}; first in row"
        checks.require(holds, message, PLACE, "which has", extent.lengths, "steps where", lengths, "are told")
        return
    names = f"{first.source.name!r} and {extent.source.name!r}"
    checks.require(
        ops.equal(lengths, extent.lengths),
        f"columns of one layer must have the same lengths: {names} differ, first in row",
        *(PLACE, "which has", lengths, "and", extent.lengths, "steps"),
    )


def _dense_count(dense: RowLengths, lengths: Any, told: str, checks: Checks) -> Any:
    checks.require(
        lambda: ops.logical_and(lengths >= 0, lengths <= ops.cast(dense.count, lengths.dtype)),
        f"{told}: a length is negative, or a length is greater than the T of {dense.source.key!r}; first in row",
        *(PLACE, "with length", lengths),
    )
    return dense.count
