"""Looks at the first records of a few files, to estimate all of them.

If all of them are rejected for one reason, as with a wrong key, all records may be. Also measures their lengths.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lengthwise.columns import length_key
from lengthwise.columns.field_errors import did_you_mean
from lengthwise.config import JobConfig
from lengthwise.errors import EnvironmentFailure
from lengthwise.records.container.frame_reading import read_blocks
from lengthwise.records.container.record_blocks import Block
from lengthwise.records.decoding.example_protos import SequenceExample
from lengthwise.records.rows.block_rows import Refined, Refiner, Rules, Tally
from lengthwise.records.rows.row_features import INDEX, length_columns, lengths_of
from lengthwise.reject_reasons import Reject
from lengthwise.storage import files

_IN_TURN = 4  # files: the fault of one file may be its own
_KEPT = 64  # rejects
_MEASURED = 256  # records of each file
_LISTED = 20  # keys in a message
_LONGEST = 80  # characters of a key there


@dataclass(frozen=True, slots=True)
class AllRejected:
    """The first records of some files, every one rejected, all for one reason.

    Attributes:
        tally: what was counted.
        files: how many files were looked into.
        rejects: some of them.
        has_more: whether there are more records.
    """

    tally: Tally
    files: int
    rejects: list[Reject]
    has_more: bool

    def describe(self) -> str:
        """The message: what is wrong and what to do."""
        first = self.rejects[0]
        column = f" of column {first.column!r}" if first.column else ""
        example = f"{first.file}, record {first.index:,}: {first.detail}"
        return (
            f"the first {self.tally.read:,} records, of {self.files} file{'s' * (self.files > 1)}, were all rejected "
            f"for {first.reason.value}{column} ({example}), so no more was read. {self.describe_keys()} "
            "Where this is meant, limits.stop_after_rejected: 0 reads on"
        )

    def describe_keys(self) -> str:
        """A sentence with the features that the records have, and which of them may be meant."""
        lists, context = _keys(reject.raw for reject in self.rejects)
        named = [f"{what} {_listed(keys)}" for what, keys in (("feature lists", lists), ("features", context)) if keys]
        if not named:
            return "The records name no feature."
        column, keys = self.rejects[0].column, lists | context
        hint = did_you_mean(column, keys) if column and column not in keys else ""
        return f"The records have the {' and the '.join(named)}{f'; {hint}' if hint.startswith('did') else '.'}"


@dataclass(frozen=True, slots=True)
class FirstRecords:
    """The first records of a few files, as summarized by `look_ahead`.

    Attributes:
        rejected: if every one is rejected, all for one reason; else None.
        records: the number of measured records.
        record_bytes: their bytes.
        lengths: int64 `[n]`: of the valid sequences among these, in steps, by the feature that has a group's lengths.
    """

    rejected: AllRejected | None
    records: int
    record_bytes: int
    lengths: dict[str, np.ndarray]


def look_ahead(
    paths: Sequence[str], rules: Rules, most: int, config: JobConfig, *, measure: bool = False
) -> FirstRecords:
    """Looks at the first records of the files, a few files in turn.

    As long as all are rejected for one reason, at `most` records; else, to `measure`, at some of the first few local
    files. Files that cannot be opened are skipped; the job reports them when it reads all files.
    """
    refiner, look = Refiner(rules), _Look(length_columns(rules.columns))
    reading = _in_turn(paths, config.inputs.compression, config.limits.max_record_bytes)
    for path, block in reading:
        if not most and not (measure and look.is_of_use(path)):
            break
        look.add(path, block, refiner.refine(block if most else _first_of(block), path))
        if most and look.tally.read >= most and look.all_rejected:
            return look.result(has_more=next(reading, None) is not None)
        most = most if look.all_rejected else 0
    return look.result(has_more=False)


class _Look:
    """The records seen so far."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self.tally = Tally()
        self._columns = {length_key(group): column for group, column in columns.items()}
        self._rejects: list[Reject] = []
        self._files: set[str] = set()
        self._records: list[bytes] = []
        self._lengths: dict[str, list[np.ndarray]] = {key: [np.zeros(0, np.int64)] for key in self._columns}

    @property
    def all_rejected(self) -> bool:
        """Whether every record was rejected, all for one reason."""
        return not self.tally.written and len(self.tally.rejected) == 1

    def is_of_use(self, path: str) -> bool:
        """Whether the file may add to the measured lengths."""
        return path not in self._files and len(self._files) < _IN_TURN and not files.is_remote(path)

    def add(self, path: str, block: Block, refined: Refined) -> None:
        self.tally.add(refined.tally)
        self._rejects += refined.rejects[: _KEPT - len(self._rejects)]
        if path not in self._files and block.records:
            first = _first_of(block)
            self._records += first.records
            measured = refined.rows.column(INDEX).to_numpy() <= first.indices[-1]
            for key, column in self._columns.items():
                self._lengths[key].append(lengths_of(refined.rows, column)[measured])
        self._files.add(path)

    def result(self, *, has_more: bool) -> FirstRecords:
        rejected = AllRejected(self.tally, len(self._files), self._rejects, has_more) if self.all_rejected else None
        lengths = {key: np.concatenate(parts) for key, parts in self._lengths.items()}
        return FirstRecords(rejected, len(self._records), sum(map(len, self._records)), lengths)


def _first_of(block: Block) -> Block:
    """The first few readable records, without the damage among them."""
    return Block(block.records[:_MEASURED], block.indices[:_MEASURED], block.offsets[:_MEASURED])


def _in_turn(paths: Sequence[str], compression: str, max_record_bytes: int) -> Iterator[tuple[str, Block]]:
    """A block of each of a few files, then the next block of each, and so on; where one ends, another file follows."""
    waiting = deque(_spread(paths))
    turns: deque[tuple[str, Iterator[Block]]] = deque()
    while waiting or turns:
        while waiting and len(turns) < _IN_TURN:
            path = waiting.popleft()
            turns.append((path, _blocks(path, compression, max_record_bytes)))
        path, blocks = turns.popleft()
        block = next(blocks, None)
        if block is not None:
            turns.append((path, blocks))
            yield path, block


def _blocks(path: str, compression: str, max_record_bytes: int) -> Iterator[Block]:
    try:
        with files.open_binary(path) as stream:
            yield from read_blocks(stream, compression=compression, max_record_bytes=max_record_bytes)
    except EnvironmentFailure:
        return


def _spread(paths: Sequence[str]) -> list[str]:
    """The paths, first some that are far apart: neighbours were often written in the same way."""
    first = dict.fromkeys(paths[len(paths) * part // _IN_TURN] for part in range(_IN_TURN) if paths)
    return [*first, *(path for path in paths if path not in first)]


def _keys(records: Iterable[bytes]) -> tuple[set[str], set[str]]:
    """The names of the feature lists of some records, and of their other features (in a tf.Example: of all)."""
    lists, context = set[str](), set[str]()
    for record in records:
        try:
            message = SequenceExample.FromString(record)
        except Exception:  # noqa: BLE001 (protobuf raises several types; such a record has no keys)
            continue
        lists.update(message.feature_lists.feature_list)
        context.update(message.context.feature)
    return lists, context


def _listed(keys: set[str]) -> str:
    names = sorted(keys)
    shown = [repr(name if len(name) <= _LONGEST else name[:_LONGEST] + "...") for name in names[:_LISTED]]
    return ", ".join([*shown, *([f"{len(names) - _LISTED:,} more"] * (len(names) > _LISTED))])
