"""`count_raw`: counts the invalid records of raw files by reason, with the code of the offline job."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from lengthwise.errors import ConfigError
from lengthwise.feed.layouts.empty_input import no_records_message
from lengthwise.feed.options.raw_job import Raw, RawJob
from lengthwise.storage import files as file_system


def count_raw(source: Raw, split: str = "train", *, columns: Iterable[Any] | None = None) -> dict[str, int]:
    """How many records `read_raw` yields with `on_invalid="skip"` and `on_damage="skip"`, and how many it skips.

    (From a damaged gzip file `read_raw` may yield fewer: see `on_damage`.)

    This is a separate pass over the files: counters inside a dataset would count records again that a restored
    iterator, a second epoch or another worker reads again.

    Args:
        source: as for `read_raw`: a job's configuration, or raw files with `columns`.
        split: one of the job's splits.
        columns: the definition of a sequence.

    Returns:
        `valid`; the number of rejected records by `RejectReason`, where the unreadable rest of a file counts as one;
        and, where the files contain records of several splits, `other_splits`: the records of other splits. Together
        these are all records of the files. Where `splits.key` divides them, invalid records belong to every split.

    Raises:
        ConfigError: the configuration is wrong, no file is found, or the files contain no record.
    """
    from lengthwise.records.container.frame_reading import read_blocks
    from lengthwise.records.rows.block_rows import Refiner
    from lengthwise.records.rows.splits import splits_of_records, splits_of_rows

    job = RawJob.of(source, columns, split)
    config, number = job.config, job.config.split_names.index(split)
    refiner = Refiner(job.rules)
    is_divided = not config.inputs.by_split and len(config.splits.fractions) > 1
    counts: Counter[str] = Counter(valid=0)
    paths = job.find_files()
    for path in paths:
        with file_system.open_binary(path) as stream:
            for block in read_blocks(
                stream, compression=config.inputs.compression, max_record_bytes=config.limits.max_record_bytes
            ):
                chosen = block
                if is_divided and config.splits.key is None:
                    chosen = block.only(splits_of_records(block.records, config.splits) == number)
                refined = refiner.refine(chosen, path)
                valid = refined.tally.written
                if is_divided and config.splits.key is not None:
                    valid = int((splits_of_rows(refined.rows, block, config.splits) == number).sum())
                counts["valid"] += valid
                counts["other_splits"] += block.read - chosen.read + refined.tally.written - valid
                counts.update(refined.tally.rejected)
    if not any(counts.values()):
        raise ConfigError(no_records_message(f"the {len(paths)} files", ", ".join(map(repr, paths[:3]))))
    return {name: count for name, count in counts.items() if count or name == "valid"}
