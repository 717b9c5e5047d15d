"""Adds parts to a data set: prepares a part from the input files that no other part has, by the plan of the others."""

from collections.abc import Iterable, Mapping, Sequence
from posixpath import basename, dirname

from lengthwise.config import Inputs, JobConfig
from lengthwise.errors import ConfigError
from lengthwise.job.entry_points import run, use_file_system_options
from lengthwise.job.reading.input_files import list_inputs
from lengthwise.job.running.beam_options import is_dry_run
from lengthwise.job.running.interrupts import interruptible
from lengthwise.job.task_values import Input
from lengthwise.job.workspace.data_set_removal import remove_data_set
from lengthwise.job.workspace.earlier_plan import as_planned_by, changed_files, some_of
from lengthwise.job.workspace.output_lock import locked, remove_work
from lengthwise.job.workspace.work_folder import refuse_own_sources
from lengthwise.manifest import MANIFEST_NAME, InputFile, load_manifest
from lengthwise.part_folders import check_part_name, data_sets_below, mark_folder_of_parts, part_folders
from lengthwise.prepared_folders import PreparedFolder, open_folders
from lengthwise.progress import Event, ProgressSink, ignore
from lengthwise.storage import files

FIELD = "part"
_NAMED = 3  # files in a message


def run_by_plan(
    config: JobConfig,
    *,
    part: str | None = None,
    like: str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    runner_options: Sequence[str] = (),
    progress: ProgressSink = ignore,
) -> PreparedFolder:
    """Prepares a data set or a part of one, optionally by the plan of an existing data set.

    Args:
        config: the job; if it prepares a part, `output.path` is the folder of the parts.
        part: the part's name. It is prepared from the input files that no other part has, by the plan of the others.
            Parts are read in the order of their names.
        like: a prepared data set, whose boundaries and vocabularies are used.
        overwrite: whether the part is prepared again if it is complete.
        workers: see `run`.
        runner_options: see `run`.
        progress: also receives messages about input files of other parts, and about those that no longer exist.

    Returns:
        The folder that was prepared, and its manifest.

    Raises:
        ConfigError: no input file is new; an input file changed since a part was prepared from it; the part is
            complete, and was prepared from other files; the folder is a data set without parts; or the job would turn
            the same record into different sequences.
        DataLimitError, EnvironmentFailure, Interrupted, NothingRan: see `run`.
    """
    if like is not None:
        config = as_planned_by(config, *open_folders(like).parts[-1], progress)
    root, folder = config.output.path, config.output.path
    if part is not None:
        _check_root(root, part)
        folder = files.join(root, part)
        config = config.model_copy(update={"output": config.output.model_copy(update={"path": folder})})

    def run_job(job: JobConfig) -> PreparedFolder:
        manifest = run(job, overwrite=overwrite, workers=workers, runner_options=runner_options, progress=progress)
        return PreparedFolder(folder, manifest)

    if part is None or is_dry_run(runner_options):
        return run_job(config)
    use_file_system_options(config, root, runner_options)
    with interruptible(), locked(root):
        try:
            planned = _plan_part(config, root, overwrite, progress)
            mark_folder_of_parts(root)
            return planned if isinstance(planned, PreparedFolder) else run_job(planned)
        finally:
            remove_work(root)


def drop_parts(root: str, names: Sequence[str] = (), before: str = "") -> list[str]:
    """Removes parts, but no other files in their folders.

    Args:
        root: the folder of the parts.
        names: of parts.
        before: parts whose names sort before this one are also removed; none if empty.

    Returns:
        The folders of the parts that were removed.

    Raises:
        ConfigError: no part has this name.
        EnvironmentFailure: a file cannot be removed.
    """
    parts = {basename(folder): folder for folder in part_folders(root)}
    unknown = sorted(set(names) - parts.keys())
    if unknown:
        known = ", ".join(parts) or "none"
        raise ConfigError(f"{FIELD}: expected a part of {root}, received {unknown[0]!r}; available: {known}")
    chosen = [folder for name, folder in parts.items() if name in names or name < before]
    with interruptible(), locked(root):
        for folder in chosen:
            remove_data_set(folder)
            files.remove_empty_folders(folder)
        remove_work(root)
    return chosen


def _check_root(root: str, name: str) -> None:
    check_part_name(name, FIELD)
    if not root:
        raise ConfigError("output.path: expected a folder for the data set's parts, received none; name one")
    if files.exists(files.join(root, MANIFEST_NAME)):
        raise ConfigError(
            f"output.path: expected a folder of parts, {root} is a data set by itself; name another folder, or move "
            "this one below it as the first part"
        )


def _plan_part(part: JobConfig, root: str, overwrite: bool, progress: ProgressSink) -> PreparedFolder | JobConfig:
    """The part, if it is complete already; otherwise the job that prepares it."""
    folder = part.output.path
    parts = {path: PreparedFolder(path, load_manifest(path)) for path in data_sets_below(root)}
    complete = parts.pop(folder, None)
    if overwrite:
        complete = None
    others = list(parts.values())
    inputs = list_inputs(part, progress)
    refuse_own_sources(part, inputs, root)
    given = {files.real_path(source.path): source for source in inputs}
    read_by_others = _read_by(others)
    read_by_any = {**_read_by([] if complete is None else [complete]), **read_by_others}
    _refuse_changed(given, read_by_any)
    new = _new_files(given, read_by_others, progress)
    if complete is not None:
        _refuse_other_inputs(complete, new)
        as_planned_by(part, folder, complete.manifest)
        progress(Event("log", message=f"{folder} is complete already; --overwrite prepares it again"))
        return complete
    if not new:
        raise ConfigError(f"{FIELD}: expected input files that are in no part, all {len(inputs)} are already in parts")
    if others:
        progress(Event("log", message=f"{len(new)} new input files, {len(inputs) - len(new)} are in other parts"))
        part = as_planned_by(part, *others[-1], progress).model_copy(update={"inputs": _only(part, new)})
    return part


_Read = Mapping[str, tuple[InputFile, PreparedFolder]]
"""By the real path of an input file: its entry in the manifest of a part, and this part."""


def _read_by(parts: Iterable[PreparedFolder]) -> _Read:
    return {files.real_path(source.path): (source, part) for part in parts for source in part.manifest.inputs}


def _refuse_other_inputs(complete: PreparedFolder, inputs: Sequence[Input]) -> None:
    changes = list(changed_files(complete.manifest, inputs))
    if changes:
        raise ConfigError(
            f"{FIELD}: {complete.path} is complete, and has different input files: {some_of(changes, _NAMED)}; "
            "name another part for new files, or prepare this one again with --overwrite"
        )


def _new_files(given: Mapping[str, Input], known: _Read, progress: ProgressSink) -> list[Input]:
    new = [source for path, source in given.items() if path not in known]
    if not known.keys() & given.keys():
        _refuse_moved(new, known)
    folders = {dirname(path) for path in given}
    gone = [path for path in known.keys() - given.keys() if dirname(path) in folders and not files.exists(path)]
    if gone:
        names = some_of(sorted(gone), _NAMED)
        progress(Event("log", message=f"input files that no longer exist, their sequences stay: {names}"))
    return new


def _refuse_changed(given: Mapping[str, Input], known: _Read) -> None:
    parts = {part.path for _, part in known.values()}
    written = {path: files.modified(files.join(path, MANIFEST_NAME)) for path in parts}
    for path, source in given.items():
        if path not in known:
            continue
        listed, part = known[path]
        if source.size != listed.bytes or source.modified > written[part.path] > 0:
            raise ConfigError(
                f"inputs.files: {source.path} was changed, or was copied, since {part.path} was prepared from it; "
                "restore the file, or drop that part and prepare it again, or name only the new files"
            )


def _refuse_moved(new: Iterable[Input], known: _Read) -> None:
    """If the inputs contain no file that was read before, all files may have moved, and would be read twice."""
    read = {(basename(path), source.bytes): (path, part) for path, (source, part) in known.items()}
    for source in new:
        path, part = read.get((basename(source.path), source.size), ("", None))
        if part is not None and not files.exists(path):
            raise ConfigError(
                f"inputs.files: {source.path} has the name and the size of {path}, which {part.path} was prepared from "
                "and which no longer exists; if the files have moved, move them back, or rename this one if it is new"
            )


def _only(config: JobConfig, sources: Iterable[Input]) -> Inputs:
    """The job's inputs, limited to these files."""
    paths: dict[int | None, list[str]] = {}
    for source in sources:
        paths.setdefault(source.split, []).append(source.path)
    if not config.inputs.by_split:
        return config.inputs.model_copy(update={"files": tuple(paths[None])})
    by_split = {name: tuple(paths.get(index, ())) for index, name in enumerate(config.split_names)}
    return config.inputs.model_copy(update={"by_split": by_split})
