"""Groups: columns of one group have one length in each record. Where no column names a group, there is one, unnamed.

The first column's group leads: by its lengths sequences are bucketed. The lengths of the others travel as features of
the whole record.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from lengthwise.columns.base import RESERVED_KEY


def _in_letters(name: str) -> str:
    if not all(char.isascii() and (char.isalnum() or char in "_-") for char in name):
        raise ValueError("expected letters, digits, '_' and '-'")
    return name


GroupName = Annotated[str, Field(max_length=64), AfterValidator(_in_letters)]
"""The name of a group; empty for the unnamed one."""


def length_key(group: str) -> str:
    """The feature in which prepared data and batches keep the lengths of a group, in steps."""
    return f"{group}_{RESERVED_KEY}" if group else RESERVED_KEY


def groups_of(features: Iterable[Any]) -> tuple[str, ...]:
    """The groups of sequence features, in the order of their first one: the first leads."""
    return tuple(dict.fromkeys(feature.group for feature in features))
