"""What the offline job's own code says of raw files: the rules by which it judges what `read_raw` is to read."""

from collections.abc import Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from lengthwise import files
from lengthwise.columns import AnyColumn
from lengthwise.config.model import Sequences
from lengthwise.errors import ConfigError
from lengthwise.feed.parse import Container

if TYPE_CHECKING:
    from lengthwise.records.refine import Rules


def offline_rules(
    columns: Sequence[AnyColumn], container: Container, sequences: Sequences, boundaries: Sequence[int] | None
) -> "Rules":
    """The rules of the job for the arguments of `read_raw`."""
    from lengthwise.records.refine import Rules

    return Rules(
        columns=tuple(columns),
        container=container,
        mismatch=sequences.mismatch,
        empty=sequences.empty,
        over_long=sequences.over_long,
        longest=None if boundaries is None else boundaries[-1],
        overlap=0,
    )


def refuse_hopeless_files(paths: Sequence[str], rules: "Rules", most: int, max_record_bytes: int) -> None:
    """Raises DataLimitError where the first `most` records are all rejected for one reason, as by a wrong key."""
    from lengthwise.records.ahead import refuse_all_rejected

    if most < 0:
        raise ConfigError(f"stop_after_rejected: expected a number of records, or 0, received {most}")
    refuse_all_rejected(paths, rules, most, "stop_after_rejected", max_record_bytes=max_record_bytes)


def first_records(path: str, count: int) -> list[bytes]:
    """The first records of a file that can be read."""
    from lengthwise.records.framing import read_blocks

    with files.open_binary(path) as stream:
        return list(islice(chain.from_iterable(block.records for block in read_blocks(stream)), count))
