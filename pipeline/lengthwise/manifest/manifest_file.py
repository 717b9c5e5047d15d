"""Reads a manifest file, and detects edits; rewrites it if side files have moved."""

import json
from collections.abc import Callable, Mapping
from os import PathLike, fspath
from typing import Any

from lengthwise.buckets import PairHistogram
from lengthwise.errors import ConfigError, DatasetError, EnvironmentFailure
from lengthwise.manifest.manifest_digest import digest_of, text_with_digest
from lengthwise.manifest.manifest_model import FORMAT_VERSION, Manifest
from lengthwise.manifest.manifest_section import check_relative_path
from lengthwise.nested_mappings import with_changed_mappings
from lengthwise.storage import files

MANIFEST_NAME = "manifest.json"


def load_manifest(folder: str | PathLike[str]) -> Manifest:
    """Reads the manifest of a prepared data set; vocabulary paths in its columns become usable paths.

    Args:
        folder: the data set's folder, or the path of the manifest.

    Raises:
        DatasetError: no manifest exists, or it has a newer format, or was altered; the message says what to do.
    """
    manifest, as_written = load_altered_manifest(folder)
    if not as_written:
        raise DatasetError(
            f"{_path_of(folder)}: it was altered after it was written: its digest does not match. `lengthwise verify` "
            "shows what else differs; copy the data set again from where it was prepared, or prepare it again with "
            "--overwrite"
        )
    _refuse_impossible_numbers(_path_of(folder), manifest)
    return manifest


def _refuse_impossible_numbers(path: str, manifest: Manifest) -> None:
    """Refuses numbers that no data set has: readers compute with them, and a manifest may come from others."""
    try:
        manifest.histogram()
        PairHistogram.sum([manifest.pairs])
        beyond = [shard.path for shard in manifest.shards if shard.bucket >= len(manifest.boundaries)]
    except (ConfigError, OverflowError) as error:
        raise DatasetError(f"{path}: {error}") from error
    if beyond:
        raise DatasetError(f"{path}: expected buckets below {len(manifest.boundaries)}, {beyond[0]} has none")


def load_altered_manifest(folder: str | PathLike[str]) -> tuple[Manifest, bool]:
    """Reads a manifest that may have been edited.

    Returns:
        The manifest, and whether its content is what was written.

    Raises:
        DatasetError: no manifest exists, or this version cannot read it.
    """
    path = _path_of(folder)
    folder = path.rpartition("/")[0] or "."
    if not files.exists(path):
        parts = files.folders_with(folder, MANIFEST_NAME)
        if parts:
            below = ", ".join(parts[:3]) + (", ..." if len(parts) > 3 else "")
            raise DatasetError(f"{path}: no manifest, but in {len(parts)} folders below ({below}); name one of these")
        raise DatasetError(
            f"{path}: no manifest, so this is not a complete prepared data set. "
            "Run `lengthwise prepare` to its end (the same command resumes an interrupted run)"
        )
    try:
        content = json.loads(files.read_bytes(path))
        _refuse_newer(path, content)
        digest = content.pop("digest", None) if isinstance(content, dict) else None
        manifest = Manifest.model_validate(_with_absolute_vocabularies(content, folder))
        return manifest, digest == digest_of(content)
    except EnvironmentFailure as error:
        raise DatasetError(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: expected a manifest of `lengthwise`, could not read it as one: {error}") from error


def without_files(manifest: str, is_moved: Callable[[str], bool]) -> str:
    """The text of a manifest without the side files that were moved to another folder."""
    content = json.loads(manifest)
    del content["digest"]
    content["side_files"] = {path: crc32c for path, crc32c in content["side_files"].items() if not is_moved(path)}
    return text_with_digest(content)


def _path_of(folder: str | PathLike[str]) -> str:
    folder = fspath(folder)
    return folder if folder.endswith(".json") else files.join(folder, MANIFEST_NAME)


def _refuse_newer(path: str, content: object) -> None:
    version = content.get("format_version") if isinstance(content, Mapping) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise DatasetError(
            f"{path}: format version {version} is newer than this lengthwise reads (up to {FORMAT_VERSION}); "
            "upgrade lengthwise, or prepare the data again with this one"
        )


def _with_absolute_vocabularies(content: Any, folder: str) -> Any:
    """The content of a manifest whose columns name vocabulary files by their paths."""

    def change(mapping: dict[str, Any]) -> dict[str, Any]:
        name = mapping.get("vocabulary_file")
        if not isinstance(name, str):
            return mapping
        path = files.join(folder, check_relative_path(name))
        if mapping.get("vocabulary_size") is None:
            raise ValueError(f"{name!r}: expected a vocabulary_size with a vocabulary_file")
        return mapping | {"vocabulary_file": path}

    if not isinstance(content, dict) or "columns" not in content:
        return content
    return content | {"columns": with_changed_mappings(content["columns"], change)}
