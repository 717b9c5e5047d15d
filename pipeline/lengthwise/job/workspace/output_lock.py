"""Locks the output folder for one run. A mark identifies the work folder as ours, and neither contains links.

.work/lock     locked by the current run, and the mark: without it, no other file in `.work` is removed
.work/KEY/     the unfinished work of a job
"""

import fcntl
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.storage import files
from lengthwise.storage.file_locks import is_at

WORK = ".work"
LOCK = "lock"
PROBE = "lengthwise-probe"
"""Written and removed, to test whether a remote folder can be written."""
PUBLISHING = "publishing"
"""In the work folder of a job: the job has begun to move its data set to the output folder, and removed older files."""

_MARK = b"the work folder of lengthwise: the next run uses or removes what is in it\n"
_OURS = ("rejects", "vocabulary")  # folders of a data set, in addition to `Split-...`


def is_marked(folder: str) -> bool:
    """Whether the output folder has a work folder with our mark."""
    path = files.join(folder, WORK, LOCK)
    if files.is_remote(path):
        return files.exists(path) and files.read_bytes(path) == _MARK
    with suppress(OSError):
        if stat.S_ISDIR(os.lstat(os.path.dirname(path)).st_mode) and stat.S_ISREG(os.lstat(path).st_mode):
            with open(path, "rb") as stream:
                return stream.read(len(_MARK)) == _MARK
    return False


def has_work(folder: str) -> bool:
    """Whether a work folder exists that may be removed: ours, or an empty one."""
    return files.exists(files.join(folder, WORK)) and _foreign_work(folder) is None


def refuse_foreign_work(folder: str) -> None:
    """Refuses a work folder that is not ours, and links in place of folders that a job writes.

    Raises:
        ConfigError: one exists.
    """
    link = _first_link(folder)
    if link is not None:
        raise ConfigError(
            f"output.path: expected no links in the output folder, {link} is one; `lengthwise` does not write or "
            "remove files behind links: name another folder, or remove the link"
        )
    foreign = _foreign_work(folder)
    if foreign is not None:
        raise ConfigError(
            f"output.path: expected a folder whose {WORK} is a work folder of `lengthwise` or missing, {foreign} is "
            "not from it; name another folder, or move that elsewhere; if a worker of an ended job left it, remove it"
        )


def _foreign_work(folder: str) -> str | None:
    """A file in the work folder, if this is not ours; None if it is ours or empty."""
    work = files.join(folder, WORK)
    if files.is_remote(work):
        names = [name for name in files.list_tree(work) if name != PROBE]
    elif not os.path.lexists(work):
        return None
    elif os.path.islink(work) or not os.path.isdir(work):
        return work
    else:
        names = os.listdir(work)
        if names == [LOCK] and os.path.isfile(files.join(work, LOCK)) and not os.path.getsize(files.join(work, LOCK)):
            return None  # its run was killed, or has not written the mark yet
    if not names or is_marked(folder):
        return None
    return files.join(work, min(names))


def _first_link(folder: str) -> str | None:
    """A link in the work folder, or in place of a folder that a data set has."""
    if files.is_remote(folder) or not os.path.isdir(folder):
        return None
    for name in sorted(os.listdir(folder)):
        path = files.join(folder, name)
        if os.path.islink(path) and (name in (WORK, *_OURS) or name.startswith("Split-")):
            return path
    for parent, folders, names in os.walk(files.join(folder, WORK)):
        for name in (*folders, *names):
            if os.path.islink(os.path.join(parent, name)):
                return os.path.join(parent, name)
    return None


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Locks the output folder for one run. Remote file systems have no locks, so there it excludes no other run.

    From this time to the end of the last run the work folder contains the mark, so all its files are ours.

    Raises:
        ConfigError: another run has locked it, or the work folder is not ours.
    """
    refuse_foreign_work(folder)
    path = files.join(folder, WORK, LOCK)
    if files.is_remote(folder):
        files.write_bytes(path, _MARK)
        yield
        return
    while not is_at(descriptor := _lock(folder, path), path):  # the run that had locked it has ended, and removed it
        os.close(descriptor)
    try:
        _mark(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _lock(folder: str, path: str) -> int:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise EnvironmentFailure(f"cannot write in {folder}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigError(
            f"output.path: another run is writing to {folder}; wait for it, or name another folder"
        ) from error
    except OSError:  # a file system without locks: no other run is excluded
        pass
    return descriptor


def _mark(descriptor: int, path: str) -> None:
    """Writes the mark to the disk, so that it survives a power failure as the files next to it do."""
    if not os.fstat(descriptor).st_size:
        os.write(descriptor, _MARK)
        os.fsync(descriptor)
        files.sync_folders([os.path.dirname(path)])


def remove_work(folder: str) -> None:
    """Removes the work folder, the mark last: if this is interrupted, the rest is still identified as ours.

    Workers of an engine may still run. A local job folder is renamed first, so that they cannot write there.
    """
    work = files.join(folder, WORK)
    if files.is_remote(work):
        _remove_objects(work)
        return
    for name in os.listdir(work):
        if name != LOCK:
            nameless = os.path.join(work, uuid.uuid4().hex)
            os.rename(os.path.join(work, name), nameless)
            files.remove(nameless)
    if os.listdir(work) == [LOCK]:
        files.remove(files.join(work, LOCK))
        with suppress(OSError):  # another run has started there
            os.rmdir(work)


def _remove_objects(work: str) -> None:
    """Removes a remote work folder: of each job, `PUBLISHING` after its other files, and the mark last."""
    names = sorted({tuple(name.split("/")[:2]) for name in files.list_tree(work)})
    for name in names:
        if name[-1] not in (PUBLISHING, LOCK):
            files.remove(files.join(work, *name))
    for job in sorted({name[0] for name in names} - {LOCK}):
        files.remove(files.join(work, job))
    files.remove(files.join(work, LOCK))
    files.remove(work)
