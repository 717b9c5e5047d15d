"""Boundaries are checked by one rule in all functions, before any data is read."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import lengthwise as lw
from feed.conftest import Data
from lengthwise.config import Buckets, JobConfig
from lengthwise.errors import ConfigError, DatasetError
from lengthwise.feed import count_raw, read_raw, serving_fn

COLUMNS = [lw.sequence_numeric_column("x")]
FALLING = [[32, 2], [8, 4], [8, 8], [2, 8, 4]]
WRONG = [[], [0, 4], [-1, 8], [4, 8.5], [True, 8], [2**31], *FALLING]


def from_job(boundaries: object) -> object:
    return JobConfig.model_validate({"columns": COLUMNS, "buckets": {"boundaries": boundaries}})


def mapping(path: str, boundaries: object) -> dict[str, Any]:
    return {"inputs": {"files": path}, "columns": COLUMNS, "buckets": {"boundaries": boundaries}}


WAYS = {
    "read_raw": lambda path, boundaries: read_raw(mapping(path, boundaries), batch_size=2),
    "count_raw": lambda path, boundaries: count_raw(mapping(path, boundaries)),
    "serving_fn": lambda path, boundaries: serving_fn(None, COLUMNS, boundaries=boundaries),
    "job": lambda path, boundaries: from_job(boundaries),
    "buckets": lambda path, boundaries: Buckets(boundaries=boundaries),
}


@pytest.mark.parametrize("boundaries", WRONG, ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_wrong_boundaries_are_refused_by_every_function(way: str, boundaries: object, tmp_path: Path) -> None:
    unread = tmp_path / "no_records"
    unread.write_bytes(b"a\nb\n")
    with pytest.raises(ValueError, match=r"boundaries(\[\d\])?\b"):
        WAYS[way](str(unread), boundaries)


@pytest.mark.parametrize("way", ["read_raw", "count_raw", "serving_fn"])
def test_a_value_that_is_not_a_list_is_refused(way: str, tmp_path: Path) -> None:
    unread = tmp_path / "no_records"
    unread.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"boundaries: expected a list.*, received 8"):
        WAYS[way](str(unread), 8)


@pytest.mark.parametrize("boundaries", [[], [32, 2], [8, 8], [0]], ids=str)
def test_a_manifest_with_wrong_boundaries_is_refused(data: Data, boundaries: list[int], tmp_path: Path) -> None:
    content = json.loads(Path(data.folders["example"], "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({**content, "boundaries": boundaries}))
    with pytest.raises(DatasetError, match=re.escape(str(tmp_path))):
        lw.load_manifest(tmp_path)
