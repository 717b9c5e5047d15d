"""Removes a data set from a folder, and no other files."""

from collections.abc import Sequence

from lengthwise.errors import DatasetError, EnvironmentFailure
from lengthwise.job.workspace.data_set_files import is_ours
from lengthwise.manifest import MANIFEST_NAME, load_altered_manifest
from lengthwise.storage import files


def remove_data_set(folder: str) -> None:
    """Removes the files of the data set in a folder, complete or not, the manifest first.

    Raises:
        EnvironmentFailure: a file cannot be removed.
    """
    names = _data_set_files(folder)
    _remove(folder, [MANIFEST_NAME])  # in a separate step: without it, the data set does not look complete
    _remove(folder, names)


def _data_set_files(folder: str) -> list[str]:
    """The files of the data set in the folder, complete or not.

    Any text file in `vocabulary/` may be ours by its name: if a manifest exists, it lists those that are.
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
