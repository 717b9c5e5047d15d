"""The last step: the balance is checked, the manifest made, and what was written moves to where it belongs.

Everything stands in the work folder before the first file moves, and the manifest moves last: whoever sees a manifest
sees a complete data set, and whoever was interrupted continues from here.
"""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from lengthwise.columns import AnyColumn, EmbeddingSpec, VocabularyColumn, groups
from lengthwise.columns.column_base import Spec
from lengthwise.columns.column_parts import with_changed_parts
from lengthwise.errors import ConfigError, DataLimitError, EnvironmentFailure
from lengthwise.job.planning.counted_vocabularies import counted_columns, read_counted_vocabulary
from lengthwise.job.planning.hopeless_input import describe_keys
from lengthwise.job.planning.length_measurement import lengths_to_plan, unpack_lengths
from lengthwise.job.planning.pair_counts import pairs_of_manifest
from lengthwise.job.reading.input_files import NO_RECORD
from lengthwise.job.spilling.piece_spilling import rejects_path
from lengthwise.job.task_values import Job, Piece, SpilledPiece, WrittenShard
from lengthwise.job.workspace.data_set_files import SCHEMA_NAME, counts_name, rejects_name, vocabulary_name
from lengthwise.job.workspace.data_set_removal import remove_data_set
from lengthwise.job.workspace.job_fingerprint import describe_config, fingerprint
from lengthwise.job.workspace.output_lock import PUBLISHING, WORK
from lengthwise.job.workspace.quantile_boundaries import found_boundaries, without_numbers
from lengthwise.job.workspace.vocabulary_files import as_given, to_count, vocabulary_columns, with_vocabulary_files
from lengthwise.job.workspace.work_folder import UNSTEADY
from lengthwise.job.writing.shard_writing import final_paths, longest_of_buckets, statistics_path
from lengthwise.job.writing.tfmd_schema import describe_schema
from lengthwise.manifest import MANIFEST_NAME, Counts, Group, InputFile, Manifest
from lengthwise.records.container.checksums import checksum
from lengthwise.records.container.compression import compressing_stream
from lengthwise.records.encoding.example_encoder import block_dtypes
from lengthwise.records.rows.block_rows import Tally
from lengthwise.records.statistics.column_statistics import Partial, finish, from_bytes, merge, merge_ranges
from lengthwise.report import REPORT_NAME, name_of, read_examples, render_report
from lengthwise.storage import files

_NAMED = 3  # damaged files in a message


def make_manifest(
    job: Job, pieces: Sequence[Piece], spilled: Sequence[SpilledPiece], written: Sequence[WrittenShard]
) -> Manifest:
    """The manifest of a finished job.

    Raises:
        EnvironmentFailure: the numbers do not add up, so records were lost on the way.
    """
    written = sorted(written, key=lambda one: one.shard.path)
    tally = Tally()
    for one in spilled:
        tally.add(one.tally)
    _check_balance(pieces, tally, spilled, written)
    config = job.config
    leading, *others = groups(config.columns)

    def read(path: str) -> dict[str, Partial]:
        return from_bytes(files.read_bytes(path))

    statistics = merge(files.iterate_files(read, [statistics_path(job, one.shard.path) for one in written]))
    found = {one.piece: one.records for one in spilled}
    records = Counter[int]()
    for piece in pieces:
        records[piece.source.rank] += found[piece.name]
    ranges = merge_ranges(one.ranges for one in spilled)
    paths = final_paths(job, written)
    shards = [one.shard for one in written if one.shard.path in paths]
    return Manifest(
        fingerprint=job.fingerprint,
        config=describe_config(with_vocabulary_files(as_given(job), _name_of_copy)),
        layout=config.output.layout,
        block_dtypes=block_dtypes(config.columns) if config.output.layout == "block" else {},
        compression=config.output.shards_as,
        columns=tuple(_as_kept(found_boundaries(column, statistics)) for column in config.columns),
        boundaries=tuple(bounds[0] for bounds in job.boundaries),
        counts=Counts(
            read=tally.read,
            written=tally.written,
            rejected=dict(sorted(tally.rejected.items())),
            sequences=tally.sequences,
            truncated=tally.truncated,
            windowed=tally.windowed,
            repaired={key: count for key, count in sorted(tally.repaired.items()) if count},
        ),
        lengths=_lengths(job, spilled, leading),
        pairs=pairs_of_manifest(lengths_to_plan(spilled, config)),
        groups={group: _group(job, spilled, group, place) for place, group in enumerate(others)},
        statistics=finish(statistics, ranges),
        vocabularies={column.key: read_counted_vocabulary(job, owner) for column, owner in counted_columns(job)},
        inputs=tuple(
            InputFile(path=source.path, bytes=source.size, records=records[source.rank]) for source in job.inputs
        ),
        shards=tuple(shard.model_copy(update={"path": paths[shard.path]}) for shard in shards),
    )


def check_limits(job: Job, tally: Counts, damage: Sequence[str]) -> str:
    """What limit the data breaks, in words; empty where it keeps them all. `damage` has a line for each bad file."""
    limits = job.config.limits
    if len(damage) > limits.damaged_files:
        more = f"; and {len(damage) - _NAMED} more" if len(damage) > _NAMED else ""
        return (
            f"{len(damage)} of {len(job.inputs)} input files are damaged or unreadable, limits.damaged_files allows "
            f"{limits.damaged_files} ({'; '.join(sorted(damage)[:_NAMED])}{more})"
        )
    if tally.read == 0:
        return NO_RECORD
    rejected = sum(tally.rejected.values())
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in Counter(tally.rejected).most_common())
    if rejected > limits.rejected_fraction * tally.read:
        return (
            f"{rejected:,} of {tally.read:,} records were rejected ({reasons}), limits.rejected_fraction allows "
            f"{limits.rejected_fraction:.3%}{_keys(job, tally)}"
        )
    if tally.written == 0 and not job.config.buckets.given:
        return f"all {tally.read:,} records were rejected ({reasons}), so there is nothing to plan buckets from"
    if tally.written == 0 and to_count(job):
        return f"all {tally.read:,} records were rejected ({reasons}), so there is nothing to count vocabularies in"
    return ""


def _keys(job: Job, tally: Counts) -> str:
    """Where no record is valid, and all for one reason, a key may be wrong: which ones there are."""
    keys = "" if tally.written or len(tally.rejected) > 1 else describe_keys(job)
    return keys and f". {keys.removesuffix('.')}"


def _check_quantiles(job: Job, manifest: Manifest) -> str:
    keys = without_numbers(manifest)
    if not keys:
        return ""
    where = f"in the split {job.config.training_split!r}"
    if job.config.training_split is None:
        where = f"in a split 'train', which there is not among {', '.join(job.config.split_names)}"
    return f"{keys[0]}: expected numbers {where} to take quantiles of, received none; write its boundaries as numbers"


def publish(
    job: Job, pieces: Sequence[Piece], manifest: Manifest, paths: Mapping[str, str], damage: Sequence[str]
) -> Manifest:
    """Moves the data set into place, its manifest last; returns the manifest, completed by what is there.

    Args:
        job: the job, whose work folder holds all that is to move.
        pieces: of its input, in order.
        manifest: what `make_manifest` made.
        paths: see `final_paths`.
        damage: a line for each damaged file.

    Raises:
        DataLimitError: the data breaks a limit. Rejects and report are published all the same, the data set is not.
        EnvironmentFailure: a vocabulary file changed while the job ran, or what stood in the folder cannot be removed.
    """
    folder = job.config.output.path
    rejects = _gather_rejects(job, pieces)
    fault = check_limits(job, manifest.counts, damage) or _check_quantiles(job, manifest)
    if fault:
        _refuse(job, manifest, rejects, fault)
    _write_side_files(job, manifest)
    _clear(job, folder)
    made = files.list_tree(job.place("output"))
    kept = [name for name in made if not name.endswith(files.TEMPORARY)]  # those a killed worker was about to write
    files.rename_all([(job.place("output", name), files.join(folder, paths.get(name, name))) for name in kept])
    there = set(files.list_tree(folder))
    missing = [shard.path for shard in manifest.shards if shard.path not in there]
    if missing:
        raise EnvironmentFailure(f"{folder}: {missing[0]} was written but is gone; prepare again with --overwrite")
    rejects = rejects_name(job.config.output.rejects_as)
    side = sorted({SCHEMA_NAME, rejects, *_vocabulary_names(job), *_counts_names(job)} & there)
    manifest = manifest.model_copy(update={"side_files": {name: checksum(files.join(folder, name)) for name in side}})
    files.sync_folders({files.join(folder, name).rpartition("/")[0] for name in [REPORT_NAME, *side, *paths.values()]})
    _place(job, MANIFEST_NAME, manifest.to_json().encode(), folder)
    files.sync_folders([folder])
    return manifest


def _place(job: Job, name: str, content: bytes, folder: str) -> None:
    """Writes a file by way of the work folder: whoever is killed meanwhile leaves nothing half done beside the data."""
    files.write_bytes(job.place(name), content)
    files.rename(job.place(name), files.join(folder, name))


def _refuse(job: Job, manifest: Manifest, rejects: str, fault: str) -> NoReturn:
    """Shows what broke the limit; a data set that stands in the folder keeps its own rejects and report."""
    folder = job.config.output.path
    if files.exists(files.join(folder, MANIFEST_NAME)):
        folder = files.join(folder, WORK, "refused")
    _place(job, REPORT_NAME, _report(job, manifest, fault), folder)
    if rejects and files.exists(job.place("output", rejects)):
        files.rename(job.place("output", rejects), files.join(folder, rejects))
    report = files.join(folder, REPORT_NAME)
    fault += "" if fault.endswith("?") else "."
    if not rejects:
        raise DataLimitError(f"{fault} See {report}")
    raise DataLimitError(
        f"{fault} The rejects are in {files.join(folder, 'rejects')}: see `lengthwise rejects`; "
        f"{report} shows them with all else"
    )


def _check_balance(
    pieces: Sequence[Piece], tally: Tally, spilled: Sequence[SpilledPiece], written: Sequence[WrittenShard]
) -> None:
    rejected = sum(tally.rejected.values())
    sequences = sum(one.shard.sequences for one in written)
    faults = []
    if {one.piece for one in spilled} != {piece.name for piece in pieces}:
        faults.append(f"{len(pieces)} pieces of the input, but {len(spilled)} were read")
    if tally.read != tally.written + rejected:
        faults.append(f"read {tally.read}, but written {tally.written} + rejected {rejected}")
    if tally.sequences != sequences:
        faults.append(f"{tally.sequences} sequences were made, but {sequences} stand in the shards")
    if faults:
        raise EnvironmentFailure(f"records were lost on the way: {'; '.join(faults)}. Nothing was published; run again")


def _group(job: Job, spilled: Sequence[SpilledPiece], group: str, place: int) -> Group:
    boundaries = longest_of_buckets(job, spilled)
    return Group(boundaries=tuple(one[place] for one in boundaries), lengths=_lengths(job, spilled, group))


def _lengths(job: Job, spilled: Sequence[SpilledPiece], group: str) -> dict[str, dict[int, int]]:
    lengths: dict[str, Counter[int]] = {name: Counter() for name in job.config.split_names}
    for one in spilled:
        for split, counts in one.lengths[group].items():
            lengths[job.config.split_names[split]].update(unpack_lengths(counts))
    return {name: dict(sorted(counts.items())) for name, counts in lengths.items()}


def _gather_rejects(job: Job, pieces: Sequence[Piece]) -> str:
    """All rejects in one file, in the order of the input; its path, or an empty one where there are none."""
    name = rejects_name(job.config.output.rejects_as)
    if files.exists(job.place(PUBLISHING)):
        return name
    there = set(files.list_tree(job.place("rejects")))
    parts = [path for path in (rejects_path(job, piece) for piece in pieces) if path.rpartition("/")[2] in there]
    empty = True
    with (
        files.create(job.place("output", name)) as stream,
        compressing_stream(stream, job.config.output.rejects_as) as target,
    ):
        for part in parts:
            with files.open_binary(part) as content:
                head = content.read(1)
                empty = empty and not head
                target.write(head)
                shutil.copyfileobj(content, target)
    if empty:
        files.remove(job.place("output", name))
    return "" if empty else name


def _write_side_files(job: Job, manifest: Manifest) -> None:
    if files.exists(job.place(PUBLISHING)):
        return
    schema = describe_schema(job.config.columns, manifest.layout)
    files.write_bytes(job.place("output", SCHEMA_NAME), schema.encode())
    _copy_vocabularies(job)
    files.write_bytes(job.place("output", REPORT_NAME), _report(job, manifest))


def _vocabulary_names(job: Job) -> dict[str, str]:
    """The vocabulary files by the names of their copies."""
    columns = vocabulary_columns(job.config.columns).values()
    return {vocabulary_name(column.key): column.vocabulary_file for column in columns if column.vocabulary_file}


def _counts_names(job: Job) -> dict[str, str]:
    """The counts of vocabularies that the job counted, by the names of their copies."""
    return {counts_name(column.key): job.place(counts_name(owner)) for column, owner in counted_columns(job)}


def _copy_vocabularies(job: Job) -> None:
    """Copies what is to be published, and reads the copies: their entries must be those that the job was begun with."""
    sources = _vocabulary_names(job)
    for name, path in {**sources, **_counts_names(job)}.items():
        files.write_bytes(job.place("output", name), files.read_bytes(path))
    given = as_given(job)
    copies = {
        key: column.model_copy(update={"vocabulary_file": job.place("output", vocabulary_name(key))})
        for key, column in vocabulary_columns(given.columns).items()
        if column.vocabulary_file
    }
    try:
        same = fingerprint(given, job.inputs, copies) == job.fingerprint
    except ConfigError:  # it is no vocabulary any more
        same = False
    if not same:
        files.write_bytes(job.place(UNSTEADY), b"vocabulary")  # who knows which ids were looked up in what
        raise EnvironmentFailure(
            f"a vocabulary file changed while the job ran ({', '.join(sources.values())}), so nothing was published; "
            "run again"
        )


def _report(job: Job, manifest: Manifest, fault: str = "") -> bytes:
    # The vocabularies' copies are not in place yet: the configuration's own columns know where to read.
    readable = manifest.model_copy(update={"columns": job.config.columns})
    name = name_of(job.config.output.path)
    return render_report(readable, read_examples(job.place("output"), manifest), fault=fault, name=name).encode()


def _clear(job: Job, folder: str) -> None:
    """Removes the data set that exists, once; from then on only the new one is in the folder."""
    if files.exists(job.place(PUBLISHING)):
        return
    remove_data_set(folder)
    files.write_bytes(job.place(PUBLISHING), b"1")


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
    """Where the data set keeps its copy of a vocabulary file; None where the job counts the vocabulary."""
    return vocabulary_name(column.key) if column.vocabulary_file else None
