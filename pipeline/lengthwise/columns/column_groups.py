"""Groups: all columns of a group have the same length in each record. Columns without a group are in the unnamed one.

The group of the first column leads: its lengths determine the buckets. The lengths of the other groups are stored as
features of the whole record.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from lengthwise.columns.column_base import POSITIONS, RESERVED_KEY, SEGMENTS


def _in_letters(name: str) -> str:
    if not all(char.isascii() and (char.isalnum() or char in "_-") for char in name):
        raise ValueError("expected letters, digits, '_' and '-'")
    return name


GroupName = Annotated[
    str,
    Field(
        max_length=64,
        description="All columns of a group have the same length in each record. Columns without a group are in the "
        "unnamed one.",
    ),
    AfterValidator(_in_letters),
]
"""The name of a group; empty for the unnamed one."""


def length_key(group: str) -> str:
    """The feature of prepared data and batches that contains the lengths of a group, in steps."""
    return f"{group}_{RESERVED_KEY}" if group else RESERVED_KEY


def group_of(key: str) -> str:
    """The group whose lengths the feature `key` contains."""
    return key.removesuffix(RESERVED_KEY).removesuffix("_")


def packed_keys(key: str) -> tuple[str, str]:
    """The features of packed rows with the numbers of the sequences and the positions of the steps.

    Args:
        key: the feature that contains the lengths of their group.
    """
    prefix = key.removesuffix(RESERVED_KEY)
    return prefix + SEGMENTS, prefix + POSITIONS


def groups_of(features: Iterable[Any]) -> tuple[str, ...]:
    """The groups of sequence features, in the order of their first features; the first group leads."""
    return tuple(dict.fromkeys(feature.group for feature in features))
