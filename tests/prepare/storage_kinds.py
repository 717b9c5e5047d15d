"""An empty folder on a file system of each kind: local, an object store, HDFS."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults import remote
from lengthwise.storage import files
from prepare.webhdfs import serving

KINDS = ["local", "objects", "hdfs"]


@contextmanager
def storage_folder(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The path of the folder, for one test."""
    if kind == "local":
        yield str(tmp_path / "place")
    elif kind == "objects":
        with remote.folder(tmp_path) as folder:
            yield folder
    else:
        pytest.importorskip("hdfs", reason="hdfs:// needs its client, see the extra `hdfs`")
        with serving(tmp_path / "hdfs") as server:
            monkeypatch.setenv("LENGTHWISE_BEAM_OPTIONS", shlex.join(server.options))
            files.use_options(())
            yield "hdfs://place"
            monkeypatch.undo()
            files.use_options(())
