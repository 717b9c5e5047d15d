"""WebHDFS on loopback over a local folder. No HDFS can run here; the client, its protocol and Beam's part are real.

It answers as a NameNode does where that is strict: a rename makes no folder and replaces nothing, the listing of a file
is the file itself, what is missing is an error to whoever reads it and no error to whoever deletes it.
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
        root: the folder that stands for `hdfs://`.
        left: how many changes it still makes before it fails for good; None for all.
        changes: how many it has made.
        kept: what it refuses to delete: paths that end so.
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
        """Beam's options for it."""
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
        self._given = {name: values[0] for name, values in parse_qs(url.query).items()}
        self._name = unquote(url.path).removeprefix(PREFIX)
        self._path = self._local(self._name)
        self._data = self._body()
        if self.command != "GET":
            self.server.changes += 1
            if self.server.left is not None and self.server.changes > self.server.left:
                self._fail(403, "SafeModeException", "Name node is in safe mode.")
                return
        getattr(self, f"_{self._given['op'].lower()}")()

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

    def _say(self, content: dict[str, Any]) -> None:
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
            self._say({"FileStatus": self._status(self._path, "")})

    def _getfilechecksum(self) -> None:
        if not self._missing():
            found = hashlib.md5(self._path.read_bytes()).hexdigest()
            self._say({"FileChecksum": {"algorithm": "MD5", "bytes": found, "length": len(found) // 2}})

    def _liststatus(self) -> None:
        if self._missing():
            return
        found = [self._status(self._path, "")]
        if self._path.is_dir():
            found = [self._status(path, path.name) for path in sorted(self._path.iterdir())]
        self._say({"FileStatuses": {"FileStatus": found}})

    def _open(self) -> None:
        if self._missing():
            return
        with open(self._path, "rb") as stream:
            stream.seek(int(self._given.get("offset", 0)))
            self._send(200, stream.read(int(self._given.get("length", -1))))

    def _create(self) -> None:
        if "data" not in self._given:  # the NameNode names a DataNode
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
        self._say({"boolean": True})

    def _rename(self) -> None:
        target = self._local(self._given["destination"])
        if target.is_dir():
            target /= self._path.name
        able = self._path.exists() and not target.exists() and target.parent.is_dir()
        if able:
            os.rename(self._path, target)
        self._say({"boolean": able})

    def _delete(self) -> None:
        if self._name.endswith(self.server.kept):
            self._fail(403, "AccessControlException", f"Permission denied: {self._name}")
            return
        there = self._path.exists()
        if self._path.is_dir():
            shutil.rmtree(self._path)
        elif there:
            self._path.unlink()
        self._say({"boolean": there})
