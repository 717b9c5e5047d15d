"""`Cache`: where training keeps local copies of remote files, and how much of the disk they may take."""

import os
import stat
import tempfile
from contextlib import suppress

from pydantic import Field

from lengthwise.columns.column_base import Spec
from lengthwise.errors import EnvironmentFailure

FOLDER_VARIABLE = "LENGTHWISE_CACHE"


class Cache(Spec):
    """The local copies of remote files.

    Attributes:
        folder: on a local disk; processes may share it. None: what `LENGTHWISE_CACHE` names, else `lengthwise` in
            `XDG_CACHE_HOME` or `~/.cache`, or a folder of this user in `TMPDIR` where neither can be written.
        max_bytes: how much the copies take at most. The longest unused are removed for new ones, but none of the last
            64 files of each process, so that a little more is used where these need more. None: half of what the disk
            has free.
    """

    folder: str | None = None
    max_bytes: int | None = Field(default=None, ge=1)

    def place(self) -> str:
        """The folder.

        Raises:
            EnvironmentFailure: it is not named, and the one in `TMPDIR` is someone else's.
        """
        return self.folder or os.environ.get(FOLDER_VARIABLE) or _default_folder()


def _default_folder() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if os.path.isabs(base):  # without a home directory, "~" stays as it is
        folder = os.path.join(base, "lengthwise")
        with suppress(OSError):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    folder = os.path.join(tempfile.gettempdir(), f"lengthwise-cache-{os.getuid()}")
    with suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise EnvironmentFailure(f"{folder} is not this user's alone; name a folder for copies by {FOLDER_VARIABLE}")
    return folder
