"""`lengthwise rejects`: lists rejected records, and extracts their raw bytes."""

import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from lengthwise.errors import ConfigError
from lengthwise_cli import shared_options

if TYPE_CHECKING:
    from lengthwise.records.rejected.kept_rejects import KeptRejects
    from lengthwise.reject_reasons import Reject

EPILOG = """\b
Example:
  lengthwise rejects prepared
  lengthwise rejects prepared --reason not_finite --extract again.tfrecord
  lengthwise prepare fixed.yaml again.tfrecord --output prepared-too"""

BATCH = 1000


@click.command("rejects", epilog=EPILOG)
@shared_options.data_set
@click.option(
    "--reason", "reasons", metavar="REASON", multiple=True, help="Only rejects with this reason. May be repeated."
)
@click.option("--column", "columns", metavar="KEY", multiple=True, help="Only rejects of this column. May be repeated.")
@click.option("--examples", type=click.IntRange(min=0), default=3, show_default=True, help="Per reason and column.")
@click.option("--extract", metavar="FILE", type=shared_options.path, help="Write the raw records to FILE as TFRecords.")
@click.option("--overwrite", is_flag=True, help="Replace the file that --extract names.")
@shared_options.as_json
def command(
    folder: str,
    reasons: tuple[str, ...],
    columns: tuple[str, ...],
    examples: int,
    extract: str | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """List rejected records by reason and column, or extract them.

    DIR is a prepared data set, or the output folder of a job that failed because too many records were rejected.
    Extracted records can be prepared again. Rejects that are not complete records (unreadable ends of files, data that
    does not match its checksum, records over the size limit) are skipped and counted. Exit code 1: the rejects are
    damaged; readable ones are still listed or extracted.
    """
    from lengthwise.errors import DatasetError
    from lengthwise.records.rejected.kept_rejects import describe_faults
    from lengthwise_cli.standard_streams import result_is_elsewhere

    _check_reasons(reasons)
    shared_options.require_data_set(folder)
    chosen = _Chosen(_kept(folder), reasons, columns)
    _check_chosen(chosen)
    if extract is None:
        _list(chosen, examples, as_json=as_json)
    else:
        shared_options.refuse_existing("--extract", extract, overwrite=overwrite)
        result_is_elsewhere()
        _say_extracted(*_extract(chosen, extract), extract)
    if chosen.kept.faults:
        raise DatasetError(*describe_faults(folder, chosen.kept.faults))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The rejects of a folder with these reasons and columns; empty for all."""

    kept: "KeptRejects"
    reasons: tuple[str, ...]
    columns: tuple[str, ...]

    def read(self) -> "Iterator[Reject]":
        for reject in self.kept.read():
            if self.reasons and reject.reason not in self.reasons:
                continue
            if not self.columns or reject.column in self.columns:
                yield reject


def _check_reasons(reasons: tuple[str, ...]) -> None:
    from lengthwise.reject_reasons import RejectReason

    known = [reason.value for reason in RejectReason]
    for reason in reasons:
        if reason not in known:
            near = difflib.get_close_matches(reason, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known names: {', '.join(known)}"
            raise click.BadParameter(f"no such reason {reason!r}; {hint}", param_hint="--reason")


def _check_chosen(chosen: _Chosen) -> None:
    """Raises ConfigError if there are rejects, but none with these reasons and columns."""
    if not (chosen.reasons or chosen.columns) or any(True for _ in chosen.read()) or chosen.kept.faults:
        return
    groups = sorted({(reject.reason.value, reject.column) for reject in chosen.kept.read()})
    if groups:
        names = ", ".join(map(repr, [*chosen.reasons, *chosen.columns]))
        known = ", ".join(f"{reason} of column {column!r}" if column else reason for reason, column in groups)
        raise ConfigError(f"--reason, --column: no record was rejected for {names}; the rejects have: {known}")


def _kept(folder: str) -> "KeptRejects":
    """Returns the rejects of a data set, or of a job that failed.

    Raises:
        DatasetError: the folder has neither, or the rejects of the data set are in another folder.
    """
    from lengthwise.errors import DatasetError
    from lengthwise.manifest import load_manifest
    from lengthwise.records.rejected.kept_rejects import KeptRejects, listed_counts
    from lengthwise.storage.files import exists, join

    manifest = load_manifest(folder) if exists(join(folder, "manifest.json")) else None
    kept = KeptRejects(folder, manifest)
    if manifest is None and not kept.paths:
        raise DatasetError(f"{folder}: expected a prepared data set, or a folder with rejects/, found neither")
    if manifest is not None and any(manifest.counts.rejected.values()) and not kept.paths:
        raise DatasetError(
            f"{folder}: the rejects ({listed_counts(manifest.counts.rejected)}) are in another folder; for a data set "
            "that TFX made, give the folder of the artifact `preparation`"
        )
    return kept


def _list(chosen: _Chosen, most_examples: int, *, as_json: bool) -> None:
    from lengthwise_cli.data_set_summary import say_examples
    from lengthwise_cli.terminal import say, say_json, say_table

    counts: Counter[tuple[str, str]] = Counter()
    examples: list[Reject] = []
    for reject in chosen.read():
        group = (reject.reason.value, reject.column)
        counts[group] += 1
        if counts[group] <= most_examples:
            examples.append(reject)
    examples.sort(key=lambda reject: (reject.reason.value, reject.column))
    if as_json:
        say_json(
            {
                "rejects": [{"reason": r, "column": c, "records": count} for (r, c), count in counts.most_common()],
                "examples": [_example(reject) for reject in examples],
                "faults": [asdict(fault) for fault in chosen.kept.faults],
            }
        )
        return
    if not counts:
        say("no rejects" if not chosen.kept.faults else "no reject can be read")
        return
    say_table("Rejects", ["reason", "column", ">records"], [(*group, count) for group, count in counts.most_common()])
    say_examples(examples)


def _say_extracted(written: int, skipped: Counter[str], target: str) -> None:
    from lengthwise_cli.terminal import say

    say(f"{written:,} records written to {target}")
    if skipped:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in skipped.most_common())
        say(f"skipped, because the records are incomplete: {reasons}")


def _example(reject: "Reject") -> dict[str, object]:
    names = ("reason", "column", "detail", "file", "index", "offset")
    return {name: getattr(reject, name) for name in names} | {"raw_bytes": len(reject.raw)}


def _extract(chosen: _Chosen, target: str) -> tuple[int, Counter[str]]:
    """Writes the raw records; returns their number, and the number of skipped ones by reason."""
    from lengthwise.records.container.compression import compressing_stream, compression_of_name
    from lengthwise.records.container.frame_writing import frame
    from lengthwise.reject_reasons import RejectReason
    from lengthwise.storage.files import create

    fragments = {RejectReason.DAMAGED_FILE, RejectReason.DAMAGED_RECORD, RejectReason.TOO_LARGE}
    written, skipped = 0, Counter[str]()
    batch: list[bytes] = []
    with create(target) as file, compressing_stream(file, compression_of_name(target)) as stream:
        for reject in chosen.read():
            if reject.reason in fragments:
                skipped[reject.reason.value] += 1
                continue
            batch.append(reject.raw)
            written += 1
            if len(batch) >= BATCH:
                stream.write(frame(batch))
                batch = []
        stream.write(frame(batch))
    return written, skipped
