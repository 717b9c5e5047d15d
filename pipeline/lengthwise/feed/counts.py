"""`count_raw`: what is wrong with raw files, by reason, found by the offline job's own code."""

from collections.abc import Iterable, Sequence

from lengthwise import files as file_system
from lengthwise.columns import AnyColumn
from lengthwise.config.model import Sequences
from lengthwise.errors import ConfigError
from lengthwise.feed.no_record import no_record
from lengthwise.feed.offline import offline_rules
from lengthwise.feed.options import check_choice, checked_boundaries
from lengthwise.feed.parse import Container
from lengthwise.feed.raw import Paths, find_files


def count_raw(
    files: Paths,
    columns: Iterable[AnyColumn],
    *,
    format: Container = "sequence_example",  # noqa: A002 (the configuration's name for it)
    boundaries: Sequence[int] | None = None,
    sequences: Sequences | None = None,
    max_record_bytes: int = 64 * 2**20,
) -> dict[str, int]:
    """How many records `read_raw` gives with `on_invalid="skip"` and `on_damage="skip"`, and how many it leaves out.

    (Of a damaged gzip file `read_raw` may give fewer: see `on_damage`.)

    A pass of its own over the files: counters inside a dataset would count again whatever an iterator that was
    restored, a second epoch or another worker reads again.

    Args:
        files: as for `read_raw`; so are the other arguments.
        columns: what a sequence is.
        format: `sequence_example` or `example`.
        boundaries: the values that T may have.
        sequences: what happens to empty, over-long and uneven sequences.
        max_record_bytes: larger records are invalid.

    Returns:
        `valid`, and the number of rejected records by `RejectReason`; the unreadable rest of a file counts as one.

    Raises:
        ConfigError: no file is found, the files hold no record, or the boundaries are none or do not strictly
            increase.
    """
    from lengthwise.records.framing import read_blocks
    from lengthwise.records.refine import Refiner

    check_choice("format", format, Container)
    limits = checked_boundaries(boundaries)
    refiner = Refiner(offline_rules(tuple(columns), format, sequences or Sequences(), limits))
    counts = {"valid": 0}
    paths = find_files(files)
    for path in paths:
        with file_system.open_binary(path) as stream:
            for block in read_blocks(stream, max_record_bytes=max_record_bytes):
                tally = refiner.refine(block, path).tally
                counts["valid"] += tally.written
                for reason, number in tally.rejected.items():
                    counts[reason] = counts.get(reason, 0) + number
    if not any(counts.values()):
        raise ConfigError(no_record(f"the {len(paths)} files", ", ".join(map(repr, paths[:3]))))
    return counts
