"""The output folder, held by one run: its work folder is known as ours by a mark, and no link leads out of either.

.work/lock     locked by the run that is at work, and the mark: without it nothing beside it is removed
.work/KEY/     what a job has not finished
"""

import fcntl
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.storage import files

WORK = ".work"
LOCK = "lock"
PROBE = "lengthwise-probe"
"""Written and removed, to find out whether a remote folder can be written."""
PUBLISHING = "publishing"
"""In the work folder of a job: its data set has begun to move into place, so nothing older is there any more."""

_MARK = b"the work folder of lengthwise: the next run uses or removes what is in it\n"
_OURS = ("rejects", "vocabulary")  # folders that a data set has, beside `Split-...`


def is_marked(folder: str) -> bool:
    """Whether the output folder has a work folder that a run of ours has made."""
    path = files.join(folder, WORK, LOCK)
    if files.is_remote(path):
        return files.exists(path) and files.read_bytes(path) == _MARK
    with suppress(OSError):
        if stat.S_ISDIR(os.lstat(os.path.dirname(path)).st_mode) and stat.S_ISREG(os.lstat(path).st_mode):
            with open(path, "rb") as stream:
                return stream.read(len(_MARK)) == _MARK
    return False


def has_work(folder: str) -> bool:
    """Whether there is a work folder that may be removed: ours, or one that holds nothing."""
    return files.exists(files.join(folder, WORK)) and _foreign_work(folder) is None


def refuse_foreign_work(folder: str) -> None:
    """Refuses a work folder of others, and links in place of folders that are written to.

    Raises:
        ConfigError: there is one.
    """
    link = _first_link(folder)
    if link is not None:
        raise ConfigError(
            f"output.path: expected no links in the output folder, {link} is one; `lengthwise` writes and removes "
            "nothing behind links: name another folder, or remove the link"
        )
    foreign = _foreign_work(folder)
    if foreign is not None:
        raise ConfigError(
            f"output.path: expected a folder whose {WORK} is a work folder of `lengthwise` or missing, {foreign} is "
            "not from it; name another folder, or move that elsewhere; if a worker of an ended job left it, remove it"
        )


def _foreign_work(folder: str) -> str | None:
    """What there is in the work folder, where that is not ours; None where it is, or holds nothing."""
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
            return None  # its run was killed, or is about to write the mark
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
    """Holds the output folder for one run. On a remote file system nobody can hold it, so nobody is kept out.

    From here to the end of the last run the mark is in the work folder: what else is there is known as ours.

    Raises:
        ConfigError: another run holds it, or the work folder is not ours.
    """
    refuse_foreign_work(folder)
    path = files.join(folder, WORK, LOCK)
    if files.is_remote(folder):
        files.write_bytes(path, _MARK)
        yield
        return
    descriptor = _lock(folder, path)
    while not _is_at(descriptor, path):  # the run that held it has just ended, and removed it
        os.close(descriptor)
        descriptor = _lock(folder, path)
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
    except OSError:  # a file system without locks: nobody is kept out
        pass
    return descriptor


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _mark(descriptor: int, path: str) -> None:
    """Writes the mark, which outlives a power cut as what is going to be beside it does."""
    if not os.fstat(descriptor).st_size:
        os.write(descriptor, _MARK)
        os.fsync(descriptor)
        files.sync_folders([os.path.dirname(path)])


def remove_work(folder: str) -> None:
    """Removes the work folder, and the mark after all else: cut off, the rest is known.

    An engine may have workers that continue. A local job folder loses its name first, so that they cannot write there.
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
        with suppress(OSError):  # another run has begun there
            os.rmdir(work)


def _remove_objects(work: str) -> None:
    """Removes a remote work folder, of each job `PUBLISHING` after all else, and the mark last."""
    names = sorted({tuple(name.split("/")[:2]) for name in files.list_tree(work)})
    for name in names:
        if name[-1] not in (PUBLISHING, LOCK):
            files.remove(files.join(work, *name))
    for job in sorted({name[0] for name in names} - {LOCK}):
        files.remove(files.join(work, job))
    files.remove(files.join(work, LOCK))
    files.remove(work)
