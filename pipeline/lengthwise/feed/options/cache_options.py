"""`Cache`: where training keeps local copies of remote files, and how much of the disk they may use."""

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
        folder: on a local disk; processes may share it. None: the folder in `LENGTHWISE_CACHE`, else `lengthwise` in
            `XDG_CACHE_HOME` or `~/.cache`, or a folder of this user in `TMPDIR` if neither is writable.
        max_bytes: the maximum size of the copies. The least recently used are removed for new ones, but none of the
            last 64 files of each process, so the copies may take a little more. None: half of the disk's free space.
    """

    folder: str | None = None
    max_bytes: int | None = Field(default=None, ge=1)

    def place(self) -> str:
        """The folder.

        Raises:
            EnvironmentFailure: no folder is given, and the one in `TMPDIR` belongs to another user.
        """
        return self.folder or os.environ.get(FOLDER_VARIABLE) or _default_folder()


def _default_folder() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if os.path.isabs(base):  # without a home directory, "~" is not expanded
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
        raise EnvironmentFailure(f"{folder} is not this user's alone; set {FOLDER_VARIABLE} to a folder for copies")
    return folder
