"""A block of raw records -> rows, and rejects: decode, look up, validate, cut."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

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
from lengthwise.config import GroupRules, JobConfig, RecordFormat, Sequences
from lengthwise.records.arrays.arrow_lists import strings_at
from lengthwise.records.arrays.arrow_steps import gather, offsets_of
from lengthwise.records.container.record_blocks import Block
from lengthwise.records.decoding.record_decoder import Decoder, RecordFault
from lengthwise.records.rows.feature_reader import FeatureReader
from lengthwise.records.rows.id_lookup import make_arrow_lookup
from lengthwise.records.rows.over_long import Cuts, cut_sequences
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
        sequences: what happens to sequences that are empty, too short, too long, or of different lengths.
        longest: the last boundary, of the group that leads; None where no length is too long.
        split_key: the context feature by which records are split, if any.
    """

    columns: tuple[AnyColumn, ...]
    container: RecordFormat
    sequences: Sequences = field(default_factory=Sequences)
    longest: int | None = None
    split_key: str | None = None

    @classmethod
    def of(cls, config: JobConfig, longest: Sequence[int | None]) -> Self:
        """The rules of a job whose last bucket holds `longest` steps of the leading group, or of the first two."""
        sequences = config.sequences_within(longest)
        return cls(config.columns, config.inputs.format, sequences, longest[0], config.splits.key)

    def of_group(self, group: str) -> GroupRules:
        """The rules of a group; `max_length` is its longest sequence."""
        rules = self.sequences.of(group)
        leads = length_columns(self.columns)[group] == LENGTH
        return rules.model_copy(update={"max_length": self.longest}) if leads else rules


@dataclass(slots=True)
class Tally:
    """The counts of records, sequences and values in some blocks; tallies add up."""

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
    """The result for a block.

    Attributes:
        rows: one row per sequence: `INDEX`, `WINDOW`, `LENGTH`; each sequence feature as a `large_list` of its values,
            `width` per step, weights likewise; each context feature as a list of its values, among them the lengths of
            groups that do not lead; the `absence_column` of optional features; and the `SPLIT_KEY`.
        rejects: the rejected records, in the order of the file.
        tally: the block's counts.
        distinct: by key of a column whose vocabulary is still to be counted, the values of the codes in its rows.
    """

    rows: pa.RecordBatch
    rejects: list[Reject]
    tally: Tally
    distinct: Mapping[str, Distinct]


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
        features = {feature.key: feature for feature in raw_context(columns)}
        self._split_key = None if rules.split_key is None else raw_values(features[rules.split_key])

    def refine(self, block: Block, file: str) -> Refined:
        """Refines a block of the file of that name."""
        decoded = self._decoder.decode(block.records)
        raw = self._reader.read(decoded.batch)
        checked = self._validator.check(raw)
        faults = [self._explain(fault, decoded.rows, block) for fault in faults_of(checked.verdicts)]
        valid = np.flatnonzero(checked.verdicts.codes == VALID)
        cuts = {
            column: self._cut(group, valid, checked.lengths[group].shortest[valid])
            for group, column in self._lengths.items()
        }
        rows = self._make_rows(block, raw, checked, decoded.rows, cuts)
        rejects = _rejects(block, [*decoded.faults, *faults], file)
        tally = self._count(block, checked, valid, rows.num_rows, rejects)
        return Refined(rows, rejects, tally, {key: _distinct(checked, key, valid) for key in checked.distinct})

    def _cut(self, group: str, valid: np.ndarray, lengths: np.ndarray) -> Cuts:
        """The parts of the valid records that are written of a group; with several groups, one part of each record."""
        rules = self._groups[group]
        cuts = cut_sequences(lengths, rules.max_length, rules.over_long, self._rules.sequences.window_overlap)
        return Cuts(valid[cuts.rows], cuts.first, cuts.counts, cuts.windows)

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
        leading = cuts[LENGTH]
        arrays: dict[str, pa.Array] = {
            INDEX: pa.array(np.asarray(block.indices, np.int64)[positions[leading.rows]]),
            WINDOW: pa.array(leading.windows),
            LENGTH: pa.array(leading.counts.astype(np.int32)),
        }
        for step in self._steps:
            steps, cut = checked.sequences[step.key], cuts[step.length]
            values = gather(steps, cut.rows, cut.first, cut.counts, step.absent)
            offsets = pa.array(offsets_of(cut.counts * step.width))
            if step.is_bytes:
                content = strings_at(raw[step.key].values, values)
            else:
                content = pa.array(values.astype(step.row_dtype, copy=False))
            arrays[step.key] = pa.LargeListArray.from_arrays(offsets, content)
        for column in self._context:
            if column.key in cuts:
                arrays[column.key] = _one_each(cuts[column.key].counts)
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
        self, block: Block, checked: Checked[np.ndarray], valid: np.ndarray, sequences: int, rejects: list[Reject]
    ) -> Tally:
        uneven, over_long = np.zeros(len(valid), bool), np.zeros(len(valid), bool)
        for group, rules in self._groups.items():
            lengths, longest = (length[valid] for length in checked.lengths[group])
            uneven |= lengths != longest
            if rules.max_length is not None:
                over_long |= lengths > rules.max_length
        windows = self._rules.sequences.over_long == "window"
        repaired: Counter[str] = Counter()
        for key, counts in checked.repairs:
            repaired[key] += int(counts()[valid].sum())
        return Tally(
            read=block.read,
            written=len(valid),
            sequences=sequences,
            truncated=int((uneven if windows else uneven | over_long).sum()),
            windowed=int(over_long.sum()) if windows else 0,
            rejected=Counter(reject.reason.value for reject in rejects),
            repaired=+repaired,
        )


def _distinct(checked: Checked[np.ndarray], key: str, valid: np.ndarray) -> Distinct:
    steps = checked.sequences.get(key)
    if steps is None:
        values = checked.context[key]
        codes = values.reshape(len(checked.verdicts.codes), -1)[valid].reshape(-1)
    else:
        codes = gather(steps, valid, np.zeros(len(valid), np.int64), steps.counts[valid], MISSING)
    distinct = checked.distinct[key]
    return Distinct(distinct, count_codes(codes, len(distinct)))


def count_codes(codes: np.ndarray, size: int) -> np.ndarray:
    """int64 `[size]`: how often each code occurs; the missing id does not count."""
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
