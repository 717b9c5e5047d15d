"""A feature that a record has, but not where it is looked for: the other container, or context and lists mixed up.

The two containers parse as each other: the features of a tf.Example are the context of a tf.SequenceExample. Writers
mix them up as well: Spark's put arrays of one dimension into the context, and only nested ones into feature lists.
"""

from collections.abc import Container, Iterable
from typing import Any, Literal

from lengthwise.records.decoding.example_protos import SequenceExample
from lengthwise.reject_reasons import RejectReason

_LISTED = 8  # names in a message
_LIST_EXPECTED = (
    "expected a feature list, the tf.SequenceExample has this feature in its context; "
    "read it by `kind: context`, or as a sequence by `from: context`, or write it as a feature list"
)
_CONTEXT_EXPECTED = (
    "expected a feature of the context, the tf.SequenceExample has a feature list of this name; "
    "read it by a sequence column, without `from: context`"
)


def find_misplaced(
    record: bytes,
    key: str,
    container: Literal["example", "sequence_example"],
    sequences: Iterable[str],
    context: Container[str],
) -> tuple[RejectReason, str] | None:
    """Why a record lacks the required feature `key`, and what to do; None where it has it nowhere.

    Args:
        record: its bytes.
        key: the feature's name.
        container: the format that was expected.
        sequences: the names of all sequence features that are read.
        context: the names of all context features that are read.
    """
    try:
        message = SequenceExample.FromString(record)
    except Exception:  # noqa: BLE001 (whatever protobuf raises, the record says nothing then)
        return None
    lists, flat = message.feature_lists.feature_list, message.context.feature
    if message.HasField("feature_lists"):
        if container == "example":
            return _of_other_container("sequence_example", _found("feature lists", lists))
        detail = _LIST_EXPECTED if key in flat else _CONTEXT_EXPECTED if key in context and key in lists else ""
        found = f"({_found('feature lists', lists)}; {_found('context', flat)})"
        return (RejectReason.MISSING_FEATURE, f"{detail} {found}") if detail else None
    if container == "sequence_example" and any(name in flat for name in sequences):
        return _of_other_container("example", _found("features", flat))
    return None


def _of_other_container(received: str, found: str) -> tuple[RejectReason, str]:
    expected, message = {
        "example": ("sequence_example", "tf.Example"),
        "sequence_example": ("example", "tf.SequenceExample"),
    }[received]
    detail = f"expected inputs.format {expected}, the record is a {message} ({found}); write `format: {received}`"
    return RejectReason.WRONG_FORMAT, detail


def _found(what: str, features: Any) -> str:
    """`context: 'label', 'user'`, so that nobody needs another tool to see the names that records have."""
    names = sorted(features)
    listed = [repr(name) for name in names[:_LISTED]] + [f"{len(names) - _LISTED} more"] * (len(names) > _LISTED)
    return f"{what}: {', '.join(listed) or 'none'}"
