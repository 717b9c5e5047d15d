"""A remote file system in memory, made like Beam's plug-ins; its files can fail while they are read."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem

FILES: dict[str, bytes] = {}
"""The content of each file by its path, `memory://...`."""
OUTAGES: dict[str, int] = {}
"""By path, the byte at which the next read of a file fails; later reads succeed."""
CHECKSUMS: dict[str, str] = {}
"""By path, the checksum that the file system has of a file; it has none of other files."""


@contextmanager
def folder(tmp_path: Path) -> Iterator[str]:
    """A remote folder for one test; its files are removed at the end."""
    name = f"memory://{tmp_path.name}-{os.getpid()}"
    yield name
    for path in [path for path in (*FILES, *OUTAGES, *CHECKSUMS) if path.startswith(f"{name}/")]:
        for table in (FILES, OUTAGES, CHECKSUMS):
            table.pop(path, None)  # type: ignore[attr-defined]


class _Reading(io.BytesIO):
    def __init__(self, path: str) -> None:
        super().__init__(FILES[path])
        self._path = path

    def read(self, size: int | None = -1) -> bytes:
        left = OUTAGES.get(self._path, 2**62) - self.tell()
        if left <= 0:
            del OUTAGES[self._path]
            raise ConnectionResetError(104, "Connection reset by peer")
        return super().read(min(size, left) if size is not None and size >= 0 else left)


class _Writing(io.BytesIO):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def close(self) -> None:
        if not self.closed:
            FILES[self._path] = self.getvalue()
        super().close()


class MemoryFileSystem(FileSystem):  # type: ignore[misc]
    """Files in `FILES`; Beam finds this class by its scheme."""

    @classmethod
    def scheme(cls) -> str:
        return "memory"

    def join(self, basepath: str, *paths: str) -> str:
        return "/".join([basepath.rstrip("/"), *paths])

    def split(self, path: str) -> tuple[str, str]:
        folder, _, name = path.rpartition("/")
        return folder, name

    def mkdirs(self, path: str) -> None:
        pass

    def has_dirs(self) -> bool:
        return False

    def _list(self, dir_or_prefix: str) -> Iterator[Any]:
        return (self.metadata(path) for path in sorted(FILES) if path.startswith(dir_or_prefix))

    def create(self, path: str, mime_type: str = "", compression_type: str = "") -> Any:
        return _Writing(path)

    def open(self, path: str, mime_type: str = "", compression_type: str = "") -> Any:
        if path not in FILES:
            raise BeamIOError(f"404: {path}")
        return _Reading(path)

    def copy(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        for source, target in zip(source_file_names, destination_file_names, strict=True):
            FILES[target] = FILES[source]

    def rename(self, source_file_names: list[str], destination_file_names: list[str]) -> None:
        for source, target in zip(source_file_names, destination_file_names, strict=True):
            FILES[target] = FILES.pop(source)

    def exists(self, path: str) -> bool:
        return path in FILES

    def size(self, path: str) -> int:
        return len(FILES[path])

    def last_updated(self, path: str) -> float:
        return 0.0

    def metadata(self, path: str) -> Any:
        return FileMetadata(path, self.size(path), 0.0)

    def checksum(self, path: str) -> str:
        return CHECKSUMS.get(path, "")

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            FILES.pop(path, None)
