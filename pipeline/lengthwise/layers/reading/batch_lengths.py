"""The lengths of a batch's rows, and T: given by a feature or masks, or read from ragged and sparse input."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

import keras
from keras import ops

from lengthwise.columns import RESERVED_KEY, packed_keys
from lengthwise.errors import ConfigError, ConfigTypeError
from lengthwise.layers.keras_types import BackendTensor, FeatureTensors, Size
from lengthwise.layers.reading.batch_checks import FIRST_FAILURE, Checks
from lengthwise.layers.reading.number_dtypes import length_dtype
from lengthwise.layers.reading.row_lengths import RowLengths, longest_row, rank_of
from lengthwise.layers.reading.shared_sizes import require_equal_sizes
from lengthwise.padding_side import Padding

Masks: TypeAlias = BackendTensor | Mapping[str, BackendTensor | None] | None
"""No mask, bool `[B,T]`, or a dict of masks by key."""


@dataclass(frozen=True)
class GivenLengths:
    """Lengths that are passed with the features.

    Attributes:
        name: the feature or mask that contains them, for messages.
        lengths: integers `[B]`.
        count: the T of a mask or of packed rows; None otherwise.
    """

    name: str
    lengths: BackendTensor
    count: Size | None = None


def given_lengths(
    features: FeatureTensors,
    mask: Masks,
    keys: Iterable[str],
    padding: Padding,
    checks: Checks,
    length_key: str,
) -> list[GivenLengths]:
    """The lengths given by a feature or by masks; empty without both.

    Args:
        features: may contain `segment_ids` of the group, `[B,T]`, of packed rows, or `sequence_length`, `[B]` or
            `[B,1]`; they take precedence over the masks.
        mask: the Keras mask, or masks by key.
        keys: the features that are read; masks of other features are ignored.
        padding: the side on which masks are false.
        checks: receives the condition that masks have no holes.
        length_key: the feature that has the lengths of the columns' group.

    Raises:
        ConfigError: the feature or a mask has another shape, or rows are packed and have padding on the left.
    """
    segment_key, _ = packed_keys(length_key)
    if segment_key in features:
        return [_lengths_of_segments(segment_key, features[segment_key], padding)]
    if length_key in features:
        return [GivenLengths(repr(length_key), flat_lengths(features[length_key], checks, length_key))]
    masks: dict[str, BackendTensor | None] = {}
    if isinstance(mask, Mapping):
        masks = {f"the mask of {key!r}": mask.get(key) for key in keys}
    elif mask is not None:
        masks = {"the mask": mask}
    return [_lengths_of_mask(name, value, padding, checks) for name, value in masks.items() if value is not None]


def common_lengths(
    rows: Sequence[RowLengths], given: Sequence[GivenLengths], checks: Checks, length_key: str
) -> tuple[BackendTensor, Size]:
    """The lengths of the rows, and T: that of dense input, else the longest sequence.

    Args:
        rows: the lengths of each feature's rows, from its layout.
        given: the lengths that are passed with the features; they take precedence.
        checks: receives the conditions that all lengths are equal.
        length_key: the feature that has the lengths of the columns' group.

    Raises:
        ConfigError: there is only dense input and no lengths are given, or batch sizes or dense inputs' T differ.
    """
    dense = [row for row in rows if row.lengths is None]
    # Sparse input may lack trailing empty steps, so exact lengths come first.
    measured = sorted((row for row in rows if row.lengths is not None), key=lambda row: not row.is_exact)
    _require_sizes(rows, dense, given, checks)
    if given:
        lengths = given[0].lengths
    elif measured:
        lengths = _known(measured[0])
    else:
        _raise_without_lengths(dense, length_key)
    if measured or len(given) > 1:  # they are compared, which requires equal sizes
        (lengths,) = checks.attach(lengths)
    for other in given[1:]:
        names = f"{given[0].name} and {other.name}"
        checks.require(
            ops.equal(lengths, other.lengths), f"{names} end at different steps; first in row", FIRST_FAILURE
        )
    if given:
        for row in measured:
            _require_given(row, lengths, given[0].name, checks)
    else:
        for row in measured[1:]:
            _require_same(row, measured[0], lengths, checks)
    if dense:
        return lengths, _dense_count(dense[0], lengths, given[0].name if given else repr(length_key), checks)
    counts = [row.count for row in measured]
    if given:
        counts.append(longest_row(lengths))
    return lengths, counts[0] if len(counts) == 1 else ops.max(ops.stack(counts))


def flat_lengths(lengths: BackendTensor, checks: Checks, key: str = RESERVED_KEY) -> BackendTensor:
    """Given lengths, `[B]` or `[B,1]`, as integers `[B]`; -1 for a fraction if compiled code cannot raise.

    Floats may be whole numbers: Keras passes floats if an Input has no dtype.

    Raises:
        ConfigError: they have another shape.
        ConfigTypeError: they are not numbers.
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
    return _whole_lengths(lengths if dtype == "float64" else ops.cast(lengths, "float32"), checks, key)


def _whole_lengths(lengths: BackendTensor, checks: Checks, key: str) -> BackendTensor:
    whole = ops.logical_and(ops.equal(ops.floor(lengths), lengths), ops.abs(lengths) < 2.0**31)
    checks.require(whole, f"feature {key!r}: expected whole numbers, received another; first in row", FIRST_FAILURE)
    return ops.where(whole, ops.cast(ops.where(whole, lengths, 0), length_dtype()), -1)


def _lengths_of_segments(key: str, segment_ids: BackendTensor, padding: Padding) -> GivenLengths:
    """The lengths of packed rows: the sequences follow one another, padding is after them."""
    if padding == "left":
        raise ConfigError(
            f"padding: expected 'right' for packed rows ({key!r} among the features), whose padding is at "
            "the end, received 'left'; make the layer without padding='left', or read the data without pack"
        )
    segments = ops.cast(segment_ids, length_dtype())
    lengths = ops.sum(ops.cast(segments > 0, segments.dtype), axis=1)
    return GivenLengths(repr(key), lengths, ops.shape(segments)[1])


def _lengths_of_mask(name: str, mask: BackendTensor, padding: Padding, checks: Checks) -> GivenLengths:
    if rank_of(mask) != 2:
        raise ConfigError(f"{name}: expected bool [batch, T], received shape {mask.shape}")
    mask, count = ops.cast(mask, "bool"), ops.shape(mask)[1]
    numbers = ops.arange(1, count + 1, dtype=length_dtype())
    numbers = numbers if padding == "right" else ops.flip(numbers)
    lengths = ops.max(ops.where(mask, numbers, 0), axis=1, initial=0)  # up to the valid step farthest from that end
    where = "up to each row's length and false after it" if padding == "right" else "only on each row's last steps"
    other = "left" if padding == "right" else "right"
    checks.require(
        lambda: ops.equal(ops.sum(ops.cast(mask, lengths.dtype), axis=1), lengths),
        f"{name}: expected a mask that is true {where}; if padding is on the {other}, pass padding={other!r} to the "
        f"layer, and if steps within a sequence are masked, pass the feature {RESERVED_KEY!r}; first in row",
        FIRST_FAILURE,
    )
    return GivenLengths(name, lengths, count)


def _require_sizes(
    rows: Sequence[RowLengths], dense: list[RowLengths], given: Sequence[GivenLengths], checks: Checks
) -> None:
    batches = [(repr(row.source.key), row.batch) for row in rows]
    batches += [(lengths.name, ops.shape(lengths.lengths)[0]) for lengths in given]
    require_equal_sizes("batch size", batches, checks)
    steps = [(repr(row.source.key), row.count) for row in dense]
    steps += [(lengths.name, lengths.count) for lengths in given if lengths.count is not None]
    require_equal_sizes("number of steps T", steps, checks)


def _raise_without_lengths(dense: list[RowLengths], length_key: str) -> NoReturn:
    raise ConfigError(
        f"features: expected the lengths of the dense features {sorted(row.source.key for row in dense)}, "
        f"received none; add the feature {length_key!r} (int64 [batch]), pass mask=, or pass ragged or sparse tensors"
    )


def _require_given(row: RowLengths, given: BackendTensor, name: str, checks: Checks) -> None:
    lengths = _known(row)
    checks.require(
        ops.equal(lengths, given) if row.is_exact else lengths <= given,
        f"feature {row.source.key!r}: its number of steps differs from {name}; first in row",
        *(FIRST_FAILURE, "which has", lengths, "steps, expected", given),
    )


def _require_same(row: RowLengths, first: RowLengths, first_lengths: BackendTensor, checks: Checks) -> None:
    lengths = _known(row)
    names = f"{first.source.name!r} and {row.source.name!r}"
    checks.require(
        ops.equal(first_lengths, lengths),
        f"columns of one layer must have the same lengths: {names} differ, first in row",
        *(FIRST_FAILURE, "which has", first_lengths, "and", lengths, "steps"),
    )


def _dense_count(dense: RowLengths, lengths: BackendTensor, name: str, checks: Checks) -> Size:
    checks.require(
        lambda: ops.logical_and(lengths >= 0, lengths <= ops.cast(dense.count, lengths.dtype)),
        f"{name}: a length is negative, or a length is greater than the T of {dense.source.key!r}; first in row",
        *(FIRST_FAILURE, "with length", lengths),
    )
    return dense.count


def _known(row: RowLengths) -> BackendTensor:
    assert row.lengths is not None
    return row.lengths
