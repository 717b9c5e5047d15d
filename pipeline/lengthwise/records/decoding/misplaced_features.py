"""Finds features that a record has in another place: in the other container, or in the context instead of the lists.

The two containers parse as each other: the features of a tf.Example are the context of a tf.SequenceExample. Writers
also confuse the two: Spark's put arrays of one dimension into the context, and only nested ones into feature lists.
"""

from collections.abc import Container, Iterable

from lengthwise.config import RecordFormat
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
    container: RecordFormat,
    sequences: Iterable[str],
    context: Container[str],
) -> tuple[RejectReason, str] | None:
    """Why a record lacks the required feature `key`, and what to do; None if it has it nowhere.

    Args:
        record: its bytes.
        key: the feature's name.
        container: the format that was expected.
        sequences: the names of all sequence features that are read.
        context: the names of all context features that are read.
    """
    try:
        message = SequenceExample.FromString(record)
    except Exception:  # noqa: BLE001 (protobuf raises several types; such a record explains nothing)
        return None
    lists, flat = message.feature_lists.feature_list, message.context.feature
    if message.HasField("feature_lists"):
        if container == "example":
            return _of_other_container("sequence_example", _names_text("feature lists", lists))
        detail = ""
        if key in flat:
            detail = _LIST_EXPECTED
        elif key in context and key in lists:
            detail = _CONTEXT_EXPECTED
        names = f"({_names_text('feature lists', lists)}; {_names_text('context', flat)})"
        return (RejectReason.MISSING_FEATURE, f"{detail} {names}") if detail else None
    if container == "sequence_example" and any(name in flat for name in sequences):
        return _of_other_container("example", _names_text("features", flat))
    return None


def _of_other_container(received: str, names: str) -> tuple[RejectReason, str]:
    expected, message = {
        "example": ("sequence_example", "tf.Example"),
        "sequence_example": ("example", "tf.SequenceExample"),
    }[received]
    detail = f"expected inputs.format {expected}, the record is a {message} ({names}); write `format: {received}`"
    return RejectReason.WRONG_FORMAT, detail


def _names_text(place: str, features: Iterable[str]) -> str:
    """`context: 'label', 'user'`: the names of a record's features, for messages."""
    names = sorted(features)
    listed = [repr(name) for name in names[:_LISTED]] + [f"{len(names) - _LISTED} more"] * (len(names) > _LISTED)
    return f"{place}: {', '.join(listed) or 'none'}"
