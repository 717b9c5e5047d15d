"""Removes a data set from a folder, and nothing that others put there."""

from collections.abc import Sequence

from lengthwise.errors import DatasetError, EnvironmentFailure
from lengthwise.job.workspace.data_set_files import is_ours
from lengthwise.manifest import MANIFEST_NAME, load_altered_manifest
from lengthwise.storage import files


def remove_data_set(folder: str) -> None:
    """Removes the files of the data set in a folder, or what a run has left of one; the manifest first.

    Raises:
        EnvironmentFailure: a file cannot be removed.
    """
    held = _held(folder)
    _remove(folder, [MANIFEST_NAME])  # for certain: without it nothing looks complete
    _remove(folder, held)


def _held(folder: str) -> list[str]:
    """What the data set in the folder holds, or what a run has left of one; nothing that others put there.

    Any text file in `vocabulary/` is called as ours are: where there is a manifest, it says which are.
    """
    names = filter(is_ours, files.list_tree(folder))
    try:
        known = load_altered_manifest(folder)[0].side_files
    except DatasetError:
        return list(names)
    return [name for name in names if name in known or not name.startswith("vocabulary/")]


def _remove(folder: str, names: Sequence[str]) -> None:
    for name in names:
        files.remove(files.join(folder, name))
    left = set(names).intersection(files.list_tree(folder))
    if left:
        raise EnvironmentFailure(f"cannot remove {files.join(folder, min(left))}; check permissions, and run again")
    files.sync_folders([folder])
