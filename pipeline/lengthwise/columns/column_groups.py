"""Groups: columns of one group have one length in each record. Where no column names a group, there is one, unnamed.

The first column's group leads: by its lengths sequences are bucketed. The lengths of the others travel as features of
the whole record.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from lengthwise.columns.column_base import POSITIONS, RESERVED_KEY, SEGMENTS


def _in_letters(name: str) -> str:
    if not all(char.isascii() and (char.isalnum() or char in "_-") for char in name):
        raise ValueError("expected letters, digits, '_' and '-'")
    return name


GroupName = Annotated[str, Field(max_length=64), AfterValidator(_in_letters)]
"""The name of a group; empty for the unnamed one."""


def length_key(group: str) -> str:
    """The feature in which prepared data and batches keep the lengths of a group, in steps."""
    return f"{group}_{RESERVED_KEY}" if group else RESERVED_KEY


def group_of(key: str) -> str:
    """The group whose lengths the feature `key` has."""
    return key.removesuffix(RESERVED_KEY).removesuffix("_")


def packed_keys(key: str) -> tuple[str, str]:
    """Of packed rows, the features with the sequences' numbers and with the steps' positions.

    Args:
        key: the feature that has the lengths of their group.
    """
    prefix = key.removesuffix(RESERVED_KEY)
    return prefix + SEGMENTS, prefix + POSITIONS


def groups_of(features: Iterable[Any]) -> tuple[str, ...]:
    """The groups of sequence features, in the order of their first one: the first leads."""
    return tuple(dict.fromkeys(feature.group for feature in features))
