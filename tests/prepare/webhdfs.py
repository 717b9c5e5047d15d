"""A WebHDFS server on loopback, over a local folder. The client, its protocol and Beam's file system are the real ones.

It is as strict as a NameNode: renaming creates no folder and replaces no file, the listing of a file is the file
itself, and a missing path is an error for reading, but not for deleting.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

PREFIX = "/webhdfs/v1"


class WebHdfs(ThreadingHTTPServer):
    """The server.

    Attributes:
        root: the folder whose content is that of `hdfs://`.
        left: the number of changes after which all requests fail; None for no limit.
        changes: the number of changes so far.
        kept: the end of the paths that it refuses to delete.
    """

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.left: int | None = None
        self.changes = 0
        self.kept = "\0"

    @property
    def options(self) -> list[str]:
        """Beam's options for this server."""
        return ["--hdfs_host=127.0.0.1", f"--hdfs_port={self.server_address[1]}", "--hdfs_user=someone"]


@contextmanager
def serving(root: Path) -> Iterator[WebHdfs]:
    root.mkdir()
    with WebHdfs(root) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: WebHdfs
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_PUT = do_DELETE = do_GET  # noqa: N815 (as http.server wants them)

    def _answer(self) -> None:
        url = urlsplit(self.path)
        self._parameters = {name: values[0] for name, values in parse_qs(url.query).items()}
        self._name = unquote(url.path).removeprefix(PREFIX)
        self._path = self._local(self._name)
        self._data = self._body()
        if self.command != "GET":
            self.server.changes += 1
            if self.server.left is not None and self.server.changes > self.server.left:
                self._fail(403, "SafeModeException", "Name node is in safe mode.")
                return
        getattr(self, f"_{self._parameters['op'].lower()}")()

    def _local(self, name: str) -> Path:
        return self.server.root / name.lstrip("/")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _send(self, code: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _send_json(self, content: dict[str, Any]) -> None:
        self._send(200, json.dumps(content).encode())

    def _fail(self, code: int, exception: str, message: str) -> None:
        self._send(code, json.dumps({"RemoteException": {"exception": exception, "message": message}}).encode())

    def _missing(self) -> bool:
        if not self._path.exists():
            self._fail(404, "FileNotFoundException", f"File does not exist: {self._name}")
            return True
        return False

    def _status(self, path: Path, suffix: str) -> dict[str, Any]:
        status, folder = path.stat(), path.is_dir()
        return {
            "length": 0 if folder else status.st_size,
            "modificationTime": status.st_mtime_ns // 10**6,
            "pathSuffix": suffix,
            "type": "DIRECTORY" if folder else "FILE",
        }

    def _getfilestatus(self) -> None:
        if not self._missing():
            self._send_json({"FileStatus": self._status(self._path, "")})

    def _getfilechecksum(self) -> None:
        if not self._missing():
            found = hashlib.md5(self._path.read_bytes()).hexdigest()
            self._send_json({"FileChecksum": {"algorithm": "MD5", "bytes": found, "length": len(found) // 2}})

    def _liststatus(self) -> None:
        if self._missing():
            return
        found = [self._status(self._path, "")]
        if self._path.is_dir():
            found = [self._status(path, path.name) for path in sorted(self._path.iterdir())]
        self._send_json({"FileStatuses": {"FileStatus": found}})

    def _open(self) -> None:
        if self._missing():
            return
        with open(self._path, "rb") as stream:
            stream.seek(int(self._parameters.get("offset", 0)))
            self._send(200, stream.read(int(self._parameters.get("length", -1))))

    def _create(self) -> None:
        if "data" not in self._parameters:  # the NameNode names a DataNode
            host, port = self.server.server_address[:2]
            self._send(307, Location=f"http://{host}:{port}{self.path}&data=true")
            return
        if self._path.exists():
            self._fail(403, "FileAlreadyExistsException", f"{self._name} already exists")
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(self._data)
        self._send(201)

    def _mkdirs(self) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        self._send_json({"boolean": True})

    def _rename(self) -> None:
        target = self._local(self._parameters["destination"])
        if target.is_dir():
            target /= self._path.name
        is_possible = self._path.exists() and not target.exists() and target.parent.is_dir()
        if is_possible:
            os.rename(self._path, target)
        self._send_json({"boolean": is_possible})

    def _delete(self) -> None:
        if self._name.endswith(self.server.kept):
            self._fail(403, "AccessControlException", f"Permission denied: {self._name}")
            return
        exists = self._path.exists()
        if self._path.is_dir():
            shutil.rmtree(self._path)
        elif exists:
            self._path.unlink()
        self._send_json({"boolean": exists})
