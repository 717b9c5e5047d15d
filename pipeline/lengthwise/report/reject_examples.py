"""Which records were refused, why, and what they look like."""

import ast
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from lengthwise import reject_reasons
from lengthwise.manifest import Counts
from lengthwise.reject_reasons import EXAMPLES, Reject, RejectReason, first_of_each
from lengthwise.report import number_text

_RAW = 48  # bytes of a record that are shown


@dataclass(frozen=True, slots=True)
class Example:
    """A reject as it is shown: texts shortened, bytes as escapes."""

    column: str
    detail: str
    file: str
    index: int
    offset: int
    raw: str
    size: str


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """A reason with its count; `width` is percent of the most frequent reason."""

    reason: str
    meaning: str
    count: int
    share: str
    width: float
    examples: tuple[Example, ...]


def first_examples(found: Iterable[Reject], counts: Mapping[str, int], each: int = EXAMPLES) -> list[Reject]:
    """The first rejects of each reason, reading no further than needed.

    Args:
        found: the rejects, in the order of their file.
        counts: how many there are of each reason.
        each: how many to take of a reason.
    """
    counted = (reject for reject in found if counts.get(reject.reason))
    wanted = sum(min(each, count) for count in counts.values())
    return list(islice(first_of_each(counted, lambda reject: reject.reason, each), wanted))


def reason_rows(counts: Counts, examples: Iterable[Reject]) -> list[ReasonRow]:
    """Every reason that occurred, the most frequent first."""
    examples, most = list(examples), max(counts.rejected.values(), default=0) or 1
    return [
        ReasonRow(
            reason=reason,
            meaning=meanings().get(reason, ""),
            count=count,
            share=number_text.share(count / counts.read if counts.read else 0.0),
            width=round(100 * count / most, 3),
            examples=tuple(_shown(reject) for reject in examples if reject.reason == reason),
        )
        for reason, count in sorted(counts.rejected.items(), key=lambda item: (-item[1], item[0]))
        if count
    ]


@lru_cache(maxsize=1)
def meanings() -> Mapping[str, str]:
    """What each reason means: the docstrings under the members of `RejectReason`, its one definition."""
    try:
        [body] = [node for node in ast.parse(inspect.getsource(reject_reasons)).body if isinstance(node, ast.ClassDef)][
            :1
        ]
    except (OSError, TypeError, ValueError):  # installed without sources
        return {}
    found, name = {}, ""
    for node in body.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[str(RejectReason[name])] = " ".join(str(node.value.value).split())
    return found


def _shown(reject: Reject) -> Example:
    raw = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in reject.raw[:_RAW])
    return Example(
        column=number_text.shorten(reject.column, 80),
        detail=number_text.shorten(reject.detail, 300),
        file=number_text.shorten(reject.file, 200),
        index=reject.index,
        offset=reject.offset,
        raw=raw + ("…" if len(reject.raw) > _RAW else ""),
        size=number_text.size(len(reject.raw)),
    )
