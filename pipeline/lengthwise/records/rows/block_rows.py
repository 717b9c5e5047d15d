"""A block of raw records -> rows ready to be bucketed, and the rejects: decode, look up, validate, cut, composed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lengthwise.columns import (
    AnyColumn,
    ContextColumn,
    context_features,
    groups,
    id_features,
    raw_context,
    raw_values,
)
from lengthwise.config import GroupRules, JobConfig, Sequences
from lengthwise.records.arrays.arrow_steps import gather, offsets_of
from lengthwise.records.container.record_blocks import Block
from lengthwise.records.decoding.record_decoder import Decoder, Format, RecordFault
from lengthwise.records.rows.feature_reader import FeatureReader
from lengthwise.records.rows.id_lookup import make_arrow_lookup
from lengthwise.records.rows.over_long import Cuts, OverLong, cut
from lengthwise.records.rows.row_faults import faults_of
from lengthwise.records.rows.row_features import (
    INDEX,
    LENGTH,
    SPLIT_KEY,
    WINDOW,
    absence_column,
    absence_keys,
    length_columns,
    step_features,
)
from lengthwise.records.rows.stored_bytes import strings_at
from lengthwise.reject_reasons import Reject, RejectReason
from lengthwise.rules.looked_up import MISSING
from lengthwise.rules.numpy_arrays import NUMPY
from lengthwise.rules.raw_steps import RawSteps
from lengthwise.rules.record_rules import VALID
from lengthwise.rules.validation import Checked, Validator, context_values


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
            do not lead among them; the `absence_column` of optional features; and the `SPLIT_KEY`.
        rejects: the records refused, in the order of the file.
        tally: the block's counts.
        distinct: by key of a column whose vocabulary is still to be counted, the values of the codes in its rows.
    """

    rows: pa.RecordBatch
    rejects: list[Reject]
    tally: Tally
    distinct: Mapping[str, Distinct] = field(default_factory=dict)


class Refiner:
    """Turns blocks into rows, by one set of rules. Not for use by several threads."""

    def __init__(self, rules: Rules) -> None:
        columns = rules.columns
        self._rules = rules
        self._groups = {group: rules.of_group(group) for group in groups(columns)}
        self._decoder = Decoder(columns, rules.container)
        self._reader = FeatureReader(columns, rules.container)
        lookups = {column.key: make_arrow_lookup(column) for column in id_features(columns)}
        self._validator = Validator(NUMPY, columns, self._groups, lookups, decodes=False)
        self._lengths = length_columns(columns)
        self._steps = step_features(columns)
        self._context = context_features(columns)
        self._marked = absence_keys(columns)
        keys = {one.key: one for one in raw_context(columns)}
        self._split_key = None if rules.split_key is None else raw_values(keys[rules.split_key])

    def refine(self, block: Block, file: str) -> Refined:
        """Refines a block of the file of that name."""
        decoded = self._decoder.decode(block.records)
        raw = self._reader.read(decoded.batch)
        checked = self._validator.check(raw)
        faults = [self._explain(fault, decoded.rows, block) for fault in faults_of(checked.verdicts)]
        good = np.flatnonzero(checked.verdicts.codes == VALID)
        cuts = {group: self._cut(group, good, checked.lengths[group].shortest[good]) for group in self._groups}
        rows = self._make_rows(block, raw, checked, decoded.rows, cuts)
        rejects = _rejects(block, [*decoded.faults, *faults], file)
        tally = self._count(block, checked, good, rows.num_rows, rejects)
        return Refined(rows, rejects, tally, {key: _distinct(checked, key, good) for key in checked.distinct})

    def _cut(self, group: str, good: np.ndarray, lengths: np.ndarray) -> Cuts:
        """What is written of a group in the good records, of which several groups make one row each."""
        rules = self._groups[group]
        cuts = cut(lengths, rules.max_length, rules.over_long or "reject", self._rules.overlap)
        return Cuts(good[cuts.rows], cuts.first, cuts.counts, cuts.windows)

    def _explain(self, fault: RecordFault, positions: np.ndarray, block: Block) -> RecordFault:
        """The fault of a decoded row, with its record's position in the block."""
        position = int(positions[fault.row])
        if fault.reason is RejectReason.MISSING_FEATURE:
            explained = self._decoder.explain_absence(position, fault.column, block.records[position])
            if explained is not None:
                return explained
        return replace(fault, row=position)

    def _make_rows(
        self,
        block: Block,
        raw: Mapping[str, RawSteps[np.ndarray]],
        checked: Checked[np.ndarray],
        positions: np.ndarray,
        cuts: Mapping[str, Cuts],
    ) -> pa.RecordBatch:
        of_length = {self._lengths[group]: found for group, found in cuts.items()}
        leading = of_length[LENGTH]
        arrays: dict[str, pa.Array] = {
            INDEX: pa.array(np.asarray(block.indices, np.int64)[positions[leading.rows]]),
            WINDOW: pa.array(leading.windows),
            LENGTH: pa.array(leading.counts.astype(np.int32)),
        }
        for step in self._steps:
            taken = of_length[step.length]
            steps = checked.sequences[step.key]
            values = gather(steps, taken.rows, taken.first, taken.counts, step.absent)
            offsets = pa.array(offsets_of(taken.counts * step.width))
            if step.is_bytes:
                content = strings_at(raw[step.key].values, values)
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
            arrays[absence_column(key)] = pc.invert(pa.array(raw[key].present).take(rows))
        if self._split_key is not None:
            values = context_values(NUMPY, self._split_key, raw[self._split_key.key])
            arrays[SPLIT_KEY] = pa.array(values).take(rows)
        return pa.RecordBatch.from_pydict(arrays)

    def _count(
        self, block: Block, checked: Checked[np.ndarray], good: np.ndarray, sequences: int, rejects: list[Reject]
    ) -> Tally:
        uneven, over_long = np.zeros(len(good), bool), np.zeros(len(good), bool)
        for group, rules in self._groups.items():
            lengths, longest = (length[good] for length in checked.lengths[group])
            uneven |= lengths != longest
            if rules.max_length is not None:
                over_long |= lengths > rules.max_length
        windows = self._rules.over_long == "window"
        repaired: Counter[str] = Counter()
        for key, counts in checked.repairs:
            repaired[key] += int(counts()[good].sum())
        return Tally(
            read=block.read,
            written=len(good),
            sequences=sequences,
            truncated=int((uneven if windows else uneven | over_long).sum()),
            windowed=int(over_long.sum()) if windows else 0,
            rejected=Counter(reject.reason.value for reject in rejects),
            repaired=+repaired,
        )


def _distinct(checked: Checked[np.ndarray], key: str, good: np.ndarray) -> Distinct:
    steps = checked.sequences.get(key)
    if steps is None:
        values = checked.context[key]
        codes = values.reshape(len(checked.verdicts.codes), -1)[good].reshape(-1)
    else:
        codes = gather(steps, good, np.zeros(len(good), np.int64), steps.counts[good], MISSING)
    distinct = checked.distinct[key]
    return Distinct(distinct, count_codes(codes, len(distinct)))


def count_codes(codes: np.ndarray, size: int) -> np.ndarray:
    """int64 `[size]`: how often each code occurs; the missing id is none."""
    return np.bincount(codes + 1, minlength=size + 1)[1:]


def _one_each(values: np.ndarray) -> pa.Array:
    return pa.LargeListArray.from_arrays(pa.array(np.arange(len(values) + 1)), pa.array(values))


def _context_lists(column: ContextColumn, values: np.ndarray | pa.Array, rows: np.ndarray) -> pa.Array:
    elements = column.num_elements
    positions = (rows[:, None] * elements + np.arange(elements)).reshape(-1)
    kept = values.take(pa.array(positions)) if isinstance(values, pa.Array) else pa.array(values[positions])
    return pa.LargeListArray.from_arrays(pa.array(np.arange(len(rows) + 1) * elements), kept)


def _rejects(block: Block, faults: list[RecordFault], file: str) -> list[Reject]:
    rejects = [
        Reject(damage.reason, "", damage.detail, file, damage.index, damage.offset, damage.raw)
        for damage in block.damage
    ]
    for fault in faults:
        index, offset, raw = block.indices[fault.row], block.offsets[fault.row], block.records[fault.row]
        rejects.append(Reject(fault.reason, fault.column, fault.detail, file, index, offset, raw))
    return sorted(rejects, key=lambda reject: reject.index)
