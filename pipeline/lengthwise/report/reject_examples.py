"""The rejected records by reason, with examples."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from lengthwise.manifest import Counts
from lengthwise.reject_reasons import EXAMPLES, Reject, RejectReason, first_of_each
from lengthwise.report.chart_axes import percent_of
from lengthwise.report.number_text import percent_text

_SHOWN_BYTES = 48  # of a record


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """A reason with its count; `width` is a percentage of the most frequent reason."""

    reason: str
    meaning: str
    count: int
    share: str
    width: float
    examples: tuple[Reject, ...]


def first_examples(rejects: Iterable[Reject], counts: Mapping[str, int], each: int = EXAMPLES) -> list[Reject]:
    """The first rejects of each reason; reading stops when all are found.

    Args:
        rejects: the rejects, in the order of their file.
        counts: the number of rejects of each reason.
        each: the maximum number of examples per reason.
    """
    counted = (reject for reject in rejects if counts.get(reject.reason))
    wanted = sum(min(each, count) for count in counts.values())
    return list(islice(first_of_each(counted, lambda reject: reject.reason, each), wanted))


def reason_rows(counts: Counts, examples: Iterable[Reject]) -> list[ReasonRow]:
    """Every reason that occurred, the most frequent first."""
    examples = list(examples)
    meanings = {str(reason): reason.meaning for reason in RejectReason}
    reasons = sorted(
        ((reason, count) for reason, count in counts.rejected.items() if count), key=lambda r: (-r[1], r[0])
    )
    return [
        ReasonRow(
            reason=reason,
            meaning=meanings.get(reason, ""),
            count=count,
            share=percent_text(count / counts.read if counts.read else 0.0),
            width=percent_of(count, reasons[0][1]),
            examples=tuple(reject for reject in examples if reject.reason == reason),
        )
        for reason, count in reasons
    ]


def raw_text(raw: bytes) -> str:
    """The first bytes of a record; all except printable ASCII are escaped."""
    text = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in raw[:_SHOWN_BYTES])
    return text + ("…" if len(raw) > _SHOWN_BYTES else "")
