"""A block of raw records -> rows ready to be bucketed, and the rejects: decode, look up, validate, cut, composed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.columns import AnyColumn, ContextColumn, context_features, groups, raw_context, raw_values
from lengthwise.config import GroupRules, JobConfig, Sequences
from lengthwise.records.arrays.arrow_steps import gather, offsets_of
from lengthwise.records.container.framing import Block
from lengthwise.records.decoding.record_decoder import Decoded, Decoder, Format, RecordFault
from lengthwise.records.rows.block_validation import Checked, Validator, fill_context
from lengthwise.records.rows.id_lookup import MISSING
from lengthwise.records.rows.over_long import Cuts, OverLong, cut
from lengthwise.records.rows.row_faults import Faults
from lengthwise.records.rows.row_features import (
    INDEX,
    LENGTH,
    SPLIT_KEY,
    WINDOW,
    absence,
    length_columns,
    marked_keys,
    step_features,
)
from lengthwise.records.rows.stored_bytes import strings_at
from lengthwise.reject_reasons import Reject, RejectReason


@dataclass(frozen=True, slots=True)
class Rules:
    """How records become rows.

    Attributes:
        columns: what is read, and what is valid.
        container: the records' format.
        mismatch: what happens when the columns of a record differ in length.
        empty: what happens to sequences without a step.
        min_steps: sequences of fewer steps, but not of none, are refused.
        over_long: what happens to sequences longer than `longest`.
        longest: the last boundary, of the group that leads; None where no length is too long.
        overlap: the steps that a window shares with the one before.
        split_key: the context feature by which records are split, if any.
        groups: what differs in some groups, by name.
    """

    columns: tuple[AnyColumn, ...]
    container: Format
    mismatch: Literal["reject", "truncate"] = "reject"
    empty: Literal["keep", "reject"] = "reject"
    over_long: OverLong = "reject"
    longest: int | None = None
    overlap: int = 0
    split_key: str | None = None
    groups: Mapping[str, GroupRules] = field(default_factory=dict)
    min_steps: int = 0

    @classmethod
    def of(cls, config: JobConfig, longest: Sequence[int | None]) -> Self:
        """The rules of a job whose last bucket holds `longest` steps of the leading group, or of the first two."""
        return cls(
            columns=config.columns,
            container=config.inputs.format,
            mismatch=config.sequences.mismatch,
            empty=config.sequences.empty,
            over_long=config.sequences.over_long,
            longest=longest[0],
            overlap=config.sequences.window_overlap,
            split_key=config.splits.key,
            groups=config.sequences_within(longest).groups,
            min_steps=config.sequences.min_steps,
        )

    def of_group(self, group: str) -> GroupRules:
        """The rules of a group; `max_length` is its longest sequence."""
        rules = Sequences.model_construct(
            empty=self.empty,
            min_steps=self.min_steps,
            over_long=self.over_long,
            mismatch=self.mismatch,
            groups=dict(self.groups),
        ).of(group)
        leads = group == (groups(self.columns) or ("",))[0]
        return rules.model_copy(update={"max_length": self.longest}) if leads else rules


@dataclass(slots=True)
class Tally:
    """What was counted on the way; tallies add up."""

    read: int = 0
    written: int = 0
    sequences: int = 0
    truncated: int = 0
    windowed: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Adds another tally to this one."""
        for name in ("read", "written", "sequences", "truncated", "windowed"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.rejected.update(other.rejected)
        self.repaired.update(other.repaired)


@dataclass(frozen=True, slots=True)
class Distinct:
    """The distinct values of a column in a block.

    Attributes:
        values: `large_binary [n]`: a code is a place in it.
        counts: int64 `[n]`: how often each occurs in the block's valid records, before these are cut.
    """

    values: pa.Array
    counts: np.ndarray


@dataclass(frozen=True, slots=True)
class Refined:
    """What became of a block.

    Attributes:
        rows: a row a sequence: `INDEX`, `WINDOW`, `LENGTH`; each sequence feature as a `large_list` of its values,
            `width` a step, weights likewise; each context feature as a list of its values, the lengths of groups that
            do not lead among them; the `absence` of optional features; and the `SPLIT_KEY`.
        rejects: the records refused, in the order of the file.
        tally: the block's counts.
        distinct: by key of a column whose vocabulary is still to be counted, what the codes in its rows stand for.
    """

    rows: pa.RecordBatch
    rejects: list[Reject]
    tally: Tally
    distinct: Mapping[str, Distinct] = field(default_factory=dict)


class Refiner:
    """Turns blocks into rows, by one set of rules. Not for use by several threads."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._groups = {group: rules.of_group(group) for group in groups(rules.columns)}
        self._decoder = Decoder(rules.columns, rules.container)
        uneven = [group for group, own in self._groups.items() if own.mismatch == "truncate"]
        self._validator = Validator(rules.columns, rules.container, uneven)
        self._lengths = length_columns(rules.columns)
        self._steps = step_features(rules.columns)
        self._context = context_features(rules.columns)
        self._marked = marked_keys(rules.columns)
        keys = {one.key: one for one in raw_context(rules.columns)}
        self._split_key = None if rules.split_key is None else raw_values(keys[rules.split_key])

    def refine(self, block: Block, file: str) -> Refined:
        """Refines a block of the file of that name."""
        decoded = self._decoder.decode(block.records)
        checked = self._validator.check(decoded)
        self._check_lengths(checked)
        faults = [self._explain(fault, block.records[row]) for fault, row in _placed(checked, decoded.rows)]
        good = np.flatnonzero(~checked.faults.bad)
        cuts = {group: self._cut(group, good, checked.lengths[group][good]) for group in self._groups}
        rows = self._make_rows(block, checked, decoded, cuts)
        rejects = _rejects(block, [*decoded.faults, *faults], file)
        tally = self._count(block, checked, good, rows.num_rows, rejects)
        return Refined(rows, rejects, tally, {key: _distinct(checked, key, good) for key in checked.distinct})

    def _cut(self, group: str, good: np.ndarray, lengths: np.ndarray) -> Cuts:
        """What is written of a group in the good records, of which several groups make one row each."""
        rules = self._groups[group]
        cuts = cut(lengths, rules.max_length, rules.over_long or "reject", self._rules.overlap)
        return Cuts(good[cuts.rows], cuts.first, cuts.counts, cuts.windows)

    def _check_lengths(self, checked: Checked) -> None:
        for group, rules in self._groups.items():
            _check_lengths(checked.faults, group, checked.lengths[group], rules)

    def _explain(self, fault: RecordFault, record: bytes) -> RecordFault:
        if fault.reason is not RejectReason.MISSING_FEATURE:
            return fault
        return self._decoder.explain_absence(fault.row, fault.column, record) or fault

    def _make_rows(self, block: Block, checked: Checked, decoded: Decoded, cuts: Mapping[str, Cuts]) -> pa.RecordBatch:
        of_length = {self._lengths[group]: found for group, found in cuts.items()}
        leading = of_length[LENGTH]
        places = decoded.rows[leading.rows]
        arrays: dict[str, pa.Array] = {
            INDEX: pa.array(np.asarray(block.indices, np.int64)[places]),
            WINDOW: pa.array(leading.windows),
            LENGTH: pa.array(leading.counts.astype(np.int32)),
        }
        for step in self._steps:
            taken = of_length[step.length]
            values = gather(checked.sequences[step.key], taken.rows, taken.first, taken.counts, step.absent)
            offsets = pa.array(offsets_of(taken.counts * step.width))
            if step.is_bytes:
                content = strings_at(checked.strings[step.key], values)
            else:
                content = pa.array(values.astype(step.row_dtype, copy=False))
            arrays[step.key] = pa.LargeListArray.from_arrays(offsets, content)
        for column in self._context:
            if column.key in of_length:
                arrays[column.key] = _one_each(of_length[column.key].counts)
            else:
                arrays[column.key] = _context_lists(column, checked.context[column.key], leading.rows)
        rows = pa.array(leading.rows)
        for key in self._marked:
            steps = checked.sequences.get(key)
            present = decoded.batch.column(key).is_valid() if steps is None else pa.array(steps.present)
            arrays[absence(key)] = pc.invert(present.take(rows))
        if self._split_key is not None:
            values = fill_context(self._split_key, decoded.batch.column(self._split_key.key))
            arrays[SPLIT_KEY] = pa.array(values).take(rows)
        return pa.RecordBatch.from_pydict(arrays)

    def _count(self, block: Block, checked: Checked, good: np.ndarray, sequences: int, rejects: list[Reject]) -> Tally:
        uneven = checked.uneven[good]
        over_long = np.zeros(len(good), bool)
        for group, rules in self._groups.items():
            if rules.max_length is not None:
                over_long |= checked.lengths[group][good] > rules.max_length
        windows = self._rules.over_long == "window"
        return Tally(
            read=block.read,
            written=len(good),
            sequences=sequences,
            truncated=int((uneven if windows else uneven | over_long).sum()),
            windowed=int(over_long.sum()) if windows else 0,
            rejected=Counter(reject.reason.value for reject in rejects),
            repaired=Counter({key: int(values[good].sum()) for key, values in checked.repaired_values.items()}),
        )


def _distinct(checked: Checked, key: str, good: np.ndarray) -> Distinct:
    steps = checked.sequences.get(key)
    if steps is None:
        rows = len(checked.lengths[next(iter(checked.lengths))])
        values = checked.context[key]
        codes = values.reshape(rows, len(values) // max(rows, 1))[good].reshape(-1)
    else:
        codes = gather(steps, good, np.zeros(len(good), np.int64), steps.counts[good], MISSING)
    distinct = checked.distinct[key]
    return Distinct(distinct, count_codes(codes, len(distinct)))


def count_codes(codes: np.ndarray, size: int) -> np.ndarray:
    """int64 `[size]`: how often each code occurs; the missing id is none."""
    return np.bincount(codes + 1, minlength=size + 1)[1:]


def _check_lengths(faults: Faults, group: str, lengths: np.ndarray, rules: GroupRules) -> None:
    longest = rules.max_length
    if rules.empty == "reject":
        faults.add(
            RejectReason.EMPTY_SEQUENCE, group, lengths == 0, lambda _: "expected at least one step (sequences.empty)"
        )
    least = rules.min_steps or 0
    if least > 1:
        faults.add(
            RejectReason.TOO_SHORT,
            group,
            (lengths > 0) & (lengths < least),
            lambda row: f"expected at least {least} steps, received {lengths[row]} (sequences.min_steps)",
        )
    if rules.over_long == "reject" and longest is not None:
        faults.add(
            RejectReason.OVER_LONG,
            group,
            lengths > longest,
            lambda row: f"expected at most {longest} steps, received {lengths[row]} (sequences.over_long)",
        )


def _one_each(values: np.ndarray) -> pa.Array:
    return pa.LargeListArray.from_arrays(pa.array(np.arange(len(values) + 1)), pa.array(values))


def _context_lists(column: ContextColumn, values: np.ndarray | pa.Array, rows: np.ndarray) -> pa.Array:
    elements = column.num_elements
    positions = (rows[:, None] * elements + np.arange(elements)).reshape(-1)
    kept = values.take(pa.array(positions)) if isinstance(values, pa.Array) else pa.array(values[positions])
    return pa.LargeListArray.from_arrays(pa.array(np.arange(len(rows) + 1) * elements), kept)


def _placed(checked: Checked, positions: np.ndarray) -> list[tuple[RecordFault, int]]:
    """The faults of decoded rows, with their records' positions in the block."""
    placed = []
    for fault in checked.faults.resolve():
        place = int(positions[fault.row])
        placed.append((RecordFault(place, fault.reason, fault.column, fault.detail), place))
    return placed


def _rejects(block: Block, faults: list[RecordFault], file: str) -> list[Reject]:
    rejects = [
        Reject(damage.reason, "", damage.detail, file, damage.index, damage.offset, damage.raw)
        for damage in block.damage
    ]
    for fault in faults:
        index, offset, raw = block.indices[fault.row], block.offsets[fault.row], block.records[fault.row]
        rejects.append(Reject(fault.reason, fault.column, fault.detail, file, index, offset, raw))
    return sorted(rejects, key=lambda reject: reject.index)
