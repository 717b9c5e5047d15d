"""Looking ahead: are the first records all rejected for one reason, as a wrong key makes them? Then all may be."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from lengthwise import files
from lengthwise.columns.wording import did_you_mean
from lengthwise.errors import DataLimitError, EnvironmentFailure
from lengthwise.records.framing import Block, read_blocks
from lengthwise.records.protos import SequenceExample
from lengthwise.records.refine import Refiner, Rules, Tally
from lengthwise.rejects import Reject

_IN_TURN = 4  # files: what is wrong with one of them may be its own fault
_KEPT = 64  # rejects
_LISTED = 20  # keys in a message
_LONGEST = 80  # characters of a key there


@dataclass(frozen=True, slots=True)
class AllRejected:
    """The first records of some files, every one rejected, all for one reason.

    Attributes:
        tally: what was counted.
        files: how many files were looked into.
        rejects: some of them.
        rest: whether there is more that was not looked at.
    """

    tally: Tally
    files: int
    rejects: list[Reject]
    rest: bool

    def describe(self, setting: str) -> str:
        """What is wrong and what to do, in words; `setting` is what the number of records is called."""
        first = self.rejects[0]
        column = f" of column {first.column!r}" if first.column else ""
        example = f"{first.file}, record {first.index:,}: {first.detail}"
        return (
            f"the first {self.tally.read:,} records, of {self.files} file{'s' * (self.files > 1)}, were all rejected "
            f"for {first.reason.value}{column} ({example}), so no more was read. {self.keys()} "
            f"Where this is meant, {setting}: 0 reads on"
        )

    def keys(self) -> str:
        """The features that the records have, and which may be meant, in a sentence."""
        lists, context = _keys(reject.raw for reject in self.rejects)
        found = [f"{what} {_listed(keys)}" for what, keys in (("feature lists", lists), ("features", context)) if keys]
        if not found:
            return "The records name no feature."
        near = did_you_mean(self.rejects[0].column, lists | context) if self.rejects[0].column else ""
        near = f"; {near}" if near.startswith("did") and self.rejects[0].column not in lists | context else "."
        return f"The records have the {' and the '.join(found)}{near}"


def look_ahead(
    paths: Sequence[str], rules: Rules, most: int, *, compression: str = "auto", max_record_bytes: int
) -> AllRejected | None:
    """The first `most` records of the files, a few files in turn; None as soon as one is valid, or a reason differs.

    Files that cannot be opened are left to whoever reads all of them.
    """
    refiner = Refiner(rules)
    tally, rejects = Tally(), list[Reject]()
    reading = _in_turn(paths, compression, max_record_bytes)
    looked_into = set()
    for path, block in reading:
        refined = refiner.refine(block, path)
        tally.add(refined.tally)
        looked_into.add(path)
        if tally.written or len(tally.rejected) != 1:
            return None
        rejects += refined.rejects[: _KEPT - len(rejects)]
        if tally.read >= most:
            return AllRejected(tally, len(looked_into), rejects, rest=any(True for _ in islice(reading, 1)))
    return AllRejected(tally, len(looked_into), rejects, rest=False) if rejects else None


def refuse_all_rejected(
    paths: Sequence[str], rules: Rules, most: int, setting: str, *, compression: str = "auto", max_record_bytes: int
) -> None:
    """Raises DataLimitError where the first `most` records are all rejected for one reason, and there are more."""
    found = look_ahead(paths, rules, most, compression=compression, max_record_bytes=max_record_bytes) if most else None
    if found is not None and found.rest:
        raise DataLimitError(found.describe(setting))


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
    """The paths, first some that are far apart: neighbours were often written alike."""
    first = dict.fromkeys(paths[len(paths) * part // _IN_TURN] for part in range(_IN_TURN) if paths)
    return [*first, *(path for path in paths if path not in first)]


def _keys(records: Iterable[bytes]) -> tuple[set[str], set[str]]:
    """The names of the feature lists of some records, and of their other features (tf.Example: all)."""
    lists, context = set[str](), set[str]()
    for record in records:
        try:
            message = SequenceExample.FromString(record)
        except Exception:  # noqa: BLE001 (whatever protobuf raises, the record has no keys then)
            continue
        lists.update(message.feature_lists.feature_list)
        context.update(message.context.feature)
    return lists, context


def _listed(keys: set[str]) -> str:
    names = sorted(keys)
    shown = [repr(name if len(name) <= _LONGEST else name[:_LONGEST] + "...") for name in names[:_LISTED]]
    return ", ".join([*shown, *([f"{len(names) - _LISTED:,} more"] * (len(names) > _LISTED))])
