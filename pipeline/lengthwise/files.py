"""Files by path, local or on any file system that Beam knows (`gs://`, `s3://`, `hdfs://`).

Local paths never import Beam: the configuration, the manifest and the command line stay light.
"""

import glob
import io
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, BinaryIO, cast

from lengthwise.errors import EnvironmentFailure, LengthwiseError

TEMPORARY = ".tmp"
"""How the names end of files that are being written."""


def use_options(options: Sequence[str]) -> None:
    """Beam's options, in which remote file systems find endpoints and credentials; their defaults if not called."""
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

    FileSystems.set_options(PipelineOptions(list(options)))


def _file_systems(path: str) -> Any:
    """Beam's file systems, able to reach `path` as far as can be told.

    Raises:
        EnvironmentFailure: there are no credentials for it, or Beam lacks the parts for it.
    """
    from apache_beam.io.filesystems import FileSystems

    if getattr(FileSystems, "_pipeline_options", None) is None:  # workers got theirs from the runner
        use_options(())
    _check_credentials(path.partition("://")[0])
    return FileSystems


@cache
def _check_credentials(scheme: str) -> None:
    """Says in a moment that there are none, where Beam would ask again and again for minutes."""
    if scheme == "s3":
        _check_aws()
    elif scheme == "gs":
        _check_google()


def _check_aws() -> None:
    try:
        from apache_beam.io.filesystems import FileSystems
        from apache_beam.options.pipeline_options import S3Options
        from botocore.session import Session
    except ImportError as error:
        raise EnvironmentFailure('s3:// needs Beam\'s AWS parts: pip install "lengthwise[aws]"') from error
    options = getattr(FileSystems, "_pipeline_options", None)
    given = options.view_as(S3Options).s3_access_key_id if options is not None else None
    if not given and Session().get_credentials() is None:
        raise EnvironmentFailure(
            "s3://: found no AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or configure a profile"
        )


def _check_google() -> None:
    try:
        import google.auth
        from apache_beam.io.filesystems import FileSystems
        from apache_beam.io.gcp import gcsfilesystem  # noqa: F401 (it is what reads gs://)
        from apache_beam.options.pipeline_options import GoogleCloudOptions
        from google.auth.exceptions import GoogleAuthError
    except ImportError as error:
        raise EnvironmentFailure('gs:// needs Beam\'s Google parts: pip install "lengthwise[gcp]"') from error
    options = getattr(FileSystems, "_pipeline_options", None)
    if options is not None and options.view_as(GoogleCloudOptions).no_auth:  # a public bucket
        return
    try:
        google.auth.default()
    except GoogleAuthError as error:
        raise EnvironmentFailure(
            "gs://: found no Google credentials; run `gcloud auth application-default login`, or set "
            f"GOOGLE_APPLICATION_CREDENTIALS to a service account's key file ({str(error).rstrip('.')})"
        ) from error


def is_remote(path: str) -> bool:
    """Whether `path` has a scheme, such as `gs://`, and so needs Beam's file systems."""
    return "://" in path


@contextmanager
def open_binary(path: str) -> Iterator[BinaryIO]:
    """Opens `path` for reading bytes, never decompressing.

    Raises:
        EnvironmentFailure: the file cannot be opened, or a remote one fails while it is read; the message names it.
    """
    try:
        stream = _open_remote(path) if is_remote(path) else open(path, "rb")  # noqa: SIM115 (closed below)
    except EnvironmentFailure:
        raise
    except Exception as error:  # each remote file system has exceptions of its own
        raise EnvironmentFailure(f"cannot read {path}: {error}") from error
    with stream:
        yield cast(BinaryIO, _RemoteReader(path, stream)) if is_remote(path) else stream


class _RemoteReader:
    """A remote file whose failures are the environment's: outages pass, so what is behind them is not lost."""

    def __init__(self, path: str, stream: BinaryIO) -> None:
        self._path = path
        self._stream = stream
        self.seek = stream.seek

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as error:  # each remote file system has exceptions of its own
            raise EnvironmentFailure(f"cannot read {self._path}: {error}") from error


def _open_remote(path: str) -> BinaryIO:
    from apache_beam.io.filesystem import CompressionTypes

    return cast(BinaryIO, _file_systems(path).open(path, compression_type=CompressionTypes.UNCOMPRESSED))


def read_bytes(path: str) -> bytes:
    """The whole content of `path`."""
    with open_binary(path) as stream:
        return stream.read()


def exists(path: str) -> bool:
    """Whether a file or a folder stands at `path`."""
    if not is_remote(path):
        return os.path.exists(path)
    return bool(_file_systems(path).exists(path))


def real_path(path: str) -> str:
    """The same for all names of a local file: with `./` or `//` in them, or by way of links."""
    return path if is_remote(path) else os.path.realpath(path)


def version(path: str) -> str:
    """What changes when the file does: the size and times of a local one, the checksum that a remote system keeps.

    Empty where nothing tells.
    """
    with suppress(Exception):  # each remote file system has exceptions of its own
        if is_remote(path):
            return str(_file_systems(path).checksum(path) or "")
        status = os.stat(path)
        return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
    return ""


def join(folder: str, *names: str) -> str:
    """`folder` and `names` joined by '/', which every file system here understands."""
    return "/".join([folder.rstrip("/") or "/", *names]) if folder != "/" else "/" + "/".join(names)


def match(pattern: str) -> list[tuple[str, int]]:
    """The files that a glob pattern names, as (path, size in bytes), sorted by path.

    A pattern that is itself the name of a local file means that file: names may hold glob characters.
    """
    if not is_remote(pattern):
        if os.path.isfile(pattern):
            return [(pattern, os.path.getsize(pattern))]
        paths = [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)]
        return sorted((path, os.path.getsize(path)) for path in paths)
    try:
        [result] = _file_systems(pattern).match([pattern])
    except EnvironmentFailure:
        raise
    except Exception as error:  # each remote file system has exceptions of its own
        raise EnvironmentFailure(f"cannot list {pattern}: {error}") from error
    return sorted((found.path, found.size_in_bytes) for found in result.metadata_list)


def advice(pattern: str) -> str:
    """What to do about a pattern that matches nothing, in words."""
    if not is_remote(pattern) and os.path.isdir(pattern):
        return f"it is a folder: write {join(glob.escape(pattern), '*')} for the files in it"
    if "[" in pattern:
        return "check the path or the pattern ([ opens a set of characters; write [[] for the character itself)"
    return "check the path or the pattern"


@contextmanager
def create(path: str) -> Iterator[BinaryIO]:
    """Opens `path` for writing bytes, its folder made where missing; nothing stands at `path` unless all went well.

    On a remote file system nothing stands there either when nothing was written: not all of them take empty files.

    Raises:
        EnvironmentFailure: the file cannot be written; the message names it and the fault.
    """
    temporary = f"{path}.{uuid.uuid4().hex[:12]}{TEMPORARY}"
    stream = _RemoteFile(temporary) if is_remote(path) else None
    try:
        with stream or _create_local(temporary) as target:
            yield cast(BinaryIO, target)
        if stream is None or stream.written:
            rename(temporary, path)
    except (LengthwiseError, KeyboardInterrupt):
        remove(temporary)
        raise
    except BaseException as error:
        remove(temporary)
        if stream is None and not isinstance(error, OSError):
            raise
        fault = getattr(error, "strerror", None) or error
        raise EnvironmentFailure(f"cannot write {path}: {fault}") from error


def _create_local(path: str) -> BinaryIO:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    return open(path, "wb")


class _RemoteFile(io.RawIOBase):
    """A file on a remote file system, made when the first byte is written."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._stream: BinaryIO | None = None
        self.written = False

    def write(self, data: Any, /) -> int:
        if self._stream is None and len(data):
            from apache_beam.io.filesystem import CompressionTypes

            self._stream = _file_systems(self._path).create(self._path, compression_type=CompressionTypes.UNCOMPRESSED)
            self.written = True
        if self._stream is not None:
            self._stream.write(bytes(data))
        return len(data)

    def close(self) -> None:
        if self._stream is not None and not self.closed:
            self._stream.close()
        super().close()


def write_bytes(path: str, content: bytes) -> None:
    """Writes a whole file, all or nothing."""
    with create(path) as stream:
        stream.write(content)


def rename(source: str, target: str) -> None:
    """Moves a file over `target`, whose folder is made where missing; one step on a local file system."""
    if not is_remote(target):
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        os.replace(source, target)
        return
    _file_systems(target).rename([source], [target])


def remove(path: str) -> None:
    """Removes a file, or a folder with all in it; what is not there is no error."""
    if not is_remote(path):
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(FileNotFoundError, NotADirectoryError):
                os.remove(path)
        return
    below = [path for path, _ in match(path.rstrip("/") + "/**")]
    with suppress(Exception):  # Beam's remote file systems report what is missing each in its way
        _file_systems(path).delete(below or [path])


def list_tree(folder: str) -> list[str]:
    """The paths of all files below a folder, relative to it, sorted; none where the folder is missing."""
    if is_remote(folder):
        found = [path for path, _ in match(folder.rstrip("/") + "/**")]
    else:
        found = [os.path.join(parent, name) for parent, _, names in os.walk(folder) for name in names]
    return sorted(path[len(folder.rstrip("/")) + 1 :] for path in found)
