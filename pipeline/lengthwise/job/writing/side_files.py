"""Writes the files that accompany the shards: rejects, schema, vocabularies with their counts, and the report."""

import shutil
from collections.abc import Sequence

from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.job.planning.counted_vocabularies import counted_columns
from lengthwise.job.spilling.piece_spilling import rejects_path
from lengthwise.job.task_values import Job, Piece
from lengthwise.job.workspace.data_set_files import SCHEMA_NAME, counts_name, rejects_name, vocabulary_name
from lengthwise.job.workspace.job_fingerprint import fingerprint_job
from lengthwise.job.workspace.output_lock import PUBLISHING
from lengthwise.job.workspace.vocabulary_files import as_given, vocabulary_columns
from lengthwise.job.workspace.work_folder import UNSTEADY
from lengthwise.job.writing.tfmd_schema import describe_schema
from lengthwise.manifest import Manifest
from lengthwise.records.container.compression import compressing_stream
from lengthwise.report import REPORT_NAME, name_of, read_examples, render_report
from lengthwise.storage import files


def side_file_names(job: Job) -> list[str]:
    """The paths of all side files that a data set may have, except the report."""
    return [SCHEMA_NAME, rejects_name(job.config.output.rejects_as), *_vocabulary_paths(job), *_counts_paths(job)]


def write_side_files(job: Job, manifest: Manifest) -> None:
    """Writes the schema, the vocabularies and the report into the work folder, unless publication has begun.

    Raises:
        EnvironmentFailure: a vocabulary file changed while the job ran.
    """
    if files.exists(job.work_path(PUBLISHING)):
        return
    schema = describe_schema(job.config.columns, manifest.layout)
    files.write_bytes(job.work_path("output", SCHEMA_NAME), schema.encode())
    _copy_vocabularies(job)
    files.write_bytes(job.work_path("output", REPORT_NAME), report_content(job, manifest))


def gather_rejects(job: Job, pieces: Sequence[Piece]) -> str:
    """Writes all rejects into one file, in the order of the input. Returns its path, or "" without rejects."""
    name = rejects_name(job.config.output.rejects_as)
    if files.exists(job.work_path(PUBLISHING)):
        return name
    existing = set(files.list_tree(job.work_path("rejects")))
    parts = [path for path in (rejects_path(job, piece) for piece in pieces) if path.rpartition("/")[2] in existing]
    is_empty = True
    with (
        files.create(job.work_path("output", name)) as stream,
        compressing_stream(stream, job.config.output.rejects_as) as target,
    ):
        for part in parts:
            with files.open_binary(part) as content:
                head = content.read(1)
                is_empty = is_empty and not head
                target.write(head)
                shutil.copyfileobj(content, target)
    if is_empty:
        files.remove(job.work_path("output", name))
    return "" if is_empty else name


def report_content(job: Job, manifest: Manifest, fault: str = "") -> bytes:
    """The report of a data set in the work folder, with a message if it exceeds a limit."""
    # The copies of vocabularies are not at their final paths yet: read those that the configuration names.
    readable = manifest.model_copy(update={"columns": job.config.columns})
    name = name_of(job.config.output.path)
    return render_report(readable, read_examples(job.work_path("output"), manifest), fault=fault, name=name).encode()


def _vocabulary_paths(job: Job) -> dict[str, str]:
    """The vocabulary files, by the names of their copies."""
    columns = vocabulary_columns(job.config.columns).values()
    return {vocabulary_name(column.key): column.vocabulary_file for column in columns if column.vocabulary_file}


def _counts_paths(job: Job) -> dict[str, str]:
    """The counts of vocabularies that the job counted, by the names of their copies."""
    return {counts_name(column.key): job.work_path(counts_name(owner)) for column, owner in counted_columns(job)}


def _copy_vocabularies(job: Job) -> None:
    """Copies vocabularies and counts, and reads the copies: their entries must be those of the start of the job."""
    sources = _vocabulary_paths(job)
    for name, path in {**sources, **_counts_paths(job)}.items():
        files.write_bytes(job.work_path("output", name), files.read_bytes(path))
    given = as_given(job)
    copies = {
        key: column.model_copy(update={"vocabulary_file": job.work_path("output", vocabulary_name(key))})
        for key, column in vocabulary_columns(given.columns).items()
        if column.vocabulary_file
    }
    try:
        is_same = fingerprint_job(given, job.inputs, copies) == job.fingerprint
    except ConfigError:  # the file is no longer a valid vocabulary
        is_same = False
    if not is_same:
        files.write_bytes(job.work_path(UNSTEADY), b"vocabulary")  # it is unknown which ids come from which version
        raise EnvironmentFailure(
            f"a vocabulary file changed while the job ran ({', '.join(sources.values())}), so nothing was published; "
            "run again"
        )
