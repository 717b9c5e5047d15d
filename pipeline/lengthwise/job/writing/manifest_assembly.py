"""Assembles the manifest of a finished job, after the balance of its records is checked."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from lengthwise.columns import AnyColumn, EmbeddingSpec, VocabularyColumn, groups
from lengthwise.columns.column_base import Spec
from lengthwise.columns.column_parts import with_changed_parts
from lengthwise.errors import EnvironmentFailure
from lengthwise.job.planning.counted_vocabularies import counted_columns, read_counted_vocabulary
from lengthwise.job.planning.length_measurement import lengths_to_plan, unpack_lengths
from lengthwise.job.planning.pair_counts import pairs_of_manifest
from lengthwise.job.task_values import Job, Piece, SpilledPiece, WrittenShard
from lengthwise.job.workspace.data_set_files import vocabulary_name
from lengthwise.job.workspace.job_fingerprint import describe_config
from lengthwise.job.workspace.quantile_boundaries import found_boundaries
from lengthwise.job.workspace.vocabulary_files import as_given, with_vocabulary_files
from lengthwise.job.writing.shard_writing import final_paths, longest_of_buckets, statistics_path
from lengthwise.manifest import Counts, Group, InputFile, Manifest
from lengthwise.records.encoding.example_encoder import block_dtypes
from lengthwise.records.rows.block_rows import Tally
from lengthwise.records.statistics.column_statistics import column_statistics
from lengthwise.records.statistics.number_ranges import merge_ranges
from lengthwise.records.statistics.partial_statistics import PartialStatistics, decode_statistics, sum_statistics
from lengthwise.storage import files


def make_manifest(
    job: Job, pieces: Sequence[Piece], spilled: Sequence[SpilledPiece], written: Sequence[WrittenShard]
) -> Manifest:
    """The manifest of a finished job.

    Raises:
        EnvironmentFailure: the numbers do not add up, so records were lost on the way.
    """
    written = sorted(written, key=lambda result: result.shard.path)
    tally = Tally()
    for piece in spilled:
        tally.add(piece.tally)
    _check_balance(pieces, tally, spilled, written)
    config = job.config
    leading, *others = groups(config.columns)
    longest = longest_of_buckets(job, spilled) if others else []
    statistics = _merge_statistics(job, written)
    ranges = merge_ranges(piece.ranges for piece in spilled)
    paths = final_paths(job, written)
    shards = [result.shard for result in written if result.shard.path in paths]
    return Manifest(
        fingerprint=job.fingerprint,
        config=describe_config(with_vocabulary_files(as_given(job), _name_of_copy)),
        layout=config.output.layout,
        block_dtypes=block_dtypes(config.columns) if config.output.layout == "block" else {},
        compression=config.output.shards_as,
        columns=tuple(_as_kept(found_boundaries(column, statistics)) for column in config.columns),
        boundaries=tuple(bounds[0] for bounds in job.boundaries),
        counts=_counts(tally),
        lengths=_lengths(job, spilled, leading),
        pairs=pairs_of_manifest(lengths_to_plan(spilled, config)),
        groups={
            group: Group(boundaries=boundaries, lengths=_lengths(job, spilled, group))
            for group, boundaries in zip(others, zip(*longest, strict=True), strict=True)
        },
        statistics={key: column_statistics(statistics[key], ranges.get(key)) for key in sorted(statistics)},
        vocabularies={column.key: read_counted_vocabulary(job, owner) for column, owner in counted_columns(job)},
        inputs=_input_files(job, pieces, spilled),
        shards=tuple(shard.model_copy(update={"path": paths[shard.path]}) for shard in shards),
    )


def _check_balance(
    pieces: Sequence[Piece], tally: Tally, spilled: Sequence[SpilledPiece], written: Sequence[WrittenShard]
) -> None:
    rejected = tally.rejected.total()
    sequences = sum(result.shard.sequences for result in written)
    faults = []
    if {result.piece for result in spilled} != {piece.name for piece in pieces}:
        faults.append(f"{len(pieces)} pieces of the input, but {len(spilled)} were read")
    if tally.read != tally.written + rejected:
        faults.append(f"read {tally.read}, but written {tally.written} + rejected {rejected}")
    if tally.sequences != sequences:
        faults.append(f"{tally.sequences} sequences were written, but the shards contain {sequences}")
    if faults:
        raise EnvironmentFailure(f"records were lost on the way: {'; '.join(faults)}. Nothing was published; run again")


def _merge_statistics(job: Job, written: Sequence[WrittenShard]) -> dict[str, PartialStatistics]:
    def read(path: str) -> dict[str, PartialStatistics]:
        return decode_statistics(files.read_bytes(path))

    return sum_statistics(files.map_files(read, [statistics_path(job, result.shard.path) for result in written]))


def _counts(tally: Tally) -> Counts:
    return Counts(
        read=tally.read,
        written=tally.written,
        rejected=dict(sorted(tally.rejected.items())),
        sequences=tally.sequences,
        truncated=tally.truncated,
        windowed=tally.windowed,
        repaired={key: count for key, count in sorted(tally.repaired.items()) if count},
    )


def _lengths(job: Job, spilled: Sequence[SpilledPiece], group: str) -> dict[str, dict[int, int]]:
    lengths: dict[str, Counter[int]] = {name: Counter() for name in job.config.split_names}
    for piece in spilled:
        for split, counts in piece.lengths[group].items():
            lengths[job.config.split_names[split]].update(unpack_lengths(counts))
    return {name: dict(sorted(counts.items())) for name, counts in lengths.items()}


def _input_files(job: Job, pieces: Sequence[Piece], spilled: Sequence[SpilledPiece]) -> tuple[InputFile, ...]:
    records_of_pieces = {result.piece: result.records for result in spilled}
    records = Counter[int]()
    for piece in pieces:
        records[piece.source.rank] += records_of_pieces[piece.name]
    return tuple(InputFile(path=source.path, bytes=source.size, records=records[source.rank]) for source in job.inputs)


def _as_kept(column: AnyColumn) -> AnyColumn:
    """A column as the manifest keeps it: of files it names only the data set's own vocabularies, with their sizes."""

    def change(part: Spec) -> dict[str, Any]:
        if isinstance(part, VocabularyColumn) and part.vocabulary_file is not None:
            return {"vocabulary_file": vocabulary_name(part.key), "vocabulary_size": part.size, "from_data": None}
        if isinstance(part, EmbeddingSpec):
            return {"ckpt_to_load_from": None, "tensor_name_in_ckpt": None}
        return {}

    return with_changed_parts(column, change)


def _name_of_copy(column: VocabularyColumn) -> str | None:
    """The path of the data set's copy of a vocabulary file; None if the job counts the vocabulary."""
    return vocabulary_name(column.key) if column.vocabulary_file else None
