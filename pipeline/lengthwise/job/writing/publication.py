"""Publishes a data set: moves its files from the work folder to the output folder.

All files are complete in the work folder before the first one moves, and the manifest moves last: if a manifest exists,
the data set is complete, and an interrupted job continues here.
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn

from lengthwise.errors import DataLimitError, EnvironmentFailure
from lengthwise.job.task_values import Job, Piece
from lengthwise.job.workspace.data_set_removal import remove_data_set
from lengthwise.job.workspace.output_lock import PUBLISHING, WORK
from lengthwise.job.writing.limit_checks import check_limits, check_quantiles
from lengthwise.job.writing.side_files import gather_rejects, report_content, side_file_names, write_side_files
from lengthwise.manifest import MANIFEST_NAME, Manifest
from lengthwise.records.container.checksums import checksum
from lengthwise.report import REPORT_NAME
from lengthwise.storage import files


def publish(
    job: Job, pieces: Sequence[Piece], manifest: Manifest, paths: Mapping[str, str], damage: Sequence[str]
) -> Manifest:
    """Moves the data set to the output folder, its manifest last.

    Args:
        job: the job, whose work folder contains all files of the data set.
        pieces: of its input, in order.
        manifest: the result of `make_manifest`.
        paths: see `final_paths`.
        damage: a line for each damaged file.

    Returns:
        The manifest with the checksums of the side files.

    Raises:
        DataLimitError: the data exceeds a limit. Rejects and report are published, but not the data set.
        EnvironmentFailure: a vocabulary file changed while the job ran, or an earlier data set cannot be removed.
    """
    folder = job.config.output.path
    rejects = gather_rejects(job, pieces)
    fault = check_limits(job, manifest.counts, damage) or check_quantiles(job, manifest)
    if fault:
        _refuse(job, manifest, rejects, fault)
    write_side_files(job, manifest)
    _remove_earlier_data_set(job, folder)
    written = files.list_tree(job.work_path("output"))
    complete = [name for name in written if not name.endswith(files.TEMPORARY)]  # without files of killed workers
    files.rename_all([(job.work_path("output", name), files.join(folder, paths.get(name, name))) for name in complete])
    published = set(files.list_tree(folder))
    missing = [shard.path for shard in manifest.shards if shard.path not in published]
    if missing:
        raise EnvironmentFailure(f"{folder}: {missing[0]} was written but is gone; prepare again with --overwrite")
    side_files = sorted(published.intersection(side_file_names(job)))
    checksums = {name: checksum(files.join(folder, name)) for name in side_files}
    manifest = manifest.model_copy(update={"side_files": checksums})
    names = [REPORT_NAME, *side_files, *paths.values()]
    files.sync_folders({files.join(folder, name).rpartition("/")[0] for name in names})
    _write_and_move(job, MANIFEST_NAME, manifest.to_json().encode(), folder)
    files.sync_folders([folder])
    return manifest


def _write_and_move(job: Job, name: str, content: bytes, folder: str) -> None:
    """Writes a file in the work folder, and moves it: a killed process leaves no incomplete file in `folder`."""
    files.write_bytes(job.work_path(name), content)
    files.rename(job.work_path(name), files.join(folder, name))


def _refuse(job: Job, manifest: Manifest, rejects: str, fault: str) -> NoReturn:
    """Publishes report and rejects, and raises. An existing data set keeps its own rejects and report."""
    folder = job.config.output.path
    if files.exists(files.join(folder, MANIFEST_NAME)):
        folder = files.join(folder, WORK, "refused")
    _write_and_move(job, REPORT_NAME, report_content(job, manifest, fault), folder)
    if rejects and files.exists(job.work_path("output", rejects)):
        files.rename(job.work_path("output", rejects), files.join(folder, rejects))
    report = files.join(folder, REPORT_NAME)
    fault += "" if fault.endswith("?") else "."
    if not rejects:
        raise DataLimitError(f"{fault} See {report}")
    raise DataLimitError(
        f"{fault} The rejects are in {files.join(folder, 'rejects')}: see `lengthwise rejects`; "
        f"{report} shows them with all else"
    )


def _remove_earlier_data_set(job: Job, folder: str) -> None:
    """Removes the data set that exists in the folder, once; later runs find only files of the new one."""
    if files.exists(job.work_path(PUBLISHING)):
        return
    remove_data_set(folder)
    files.write_bytes(job.work_path(PUBLISHING), b"1")
