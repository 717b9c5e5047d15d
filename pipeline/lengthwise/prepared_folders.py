"""Prepared folders that are read as one data set: one folder, or several, such as one for each day.

    names, patterns ── open_folders ──> Folders: the folders' shards, in the buckets of all boundaries together

All have the same columns. Their boundaries, layouts and compressions may differ.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from os import PathLike, fspath
from typing import Any, NamedTuple

from lengthwise.buckets import Bounds, LengthHistogram
from lengthwise.columns import ColumnList, groups, length_key
from lengthwise.errors import ConfigError, DatasetError
from lengthwise.manifest import MANIFEST_NAME, Layout, Manifest, Shard, TrainingStatistics, joint_moments, load_manifest
from lengthwise.nested_mappings import with_changed_mappings
from lengthwise.part_folders import part_folders
from lengthwise.storage import files
from lengthwise.value_differences import brief, differences

Names = str | PathLike[str] | Sequence[str | PathLike[str]]
_MOST = 1000  # times that an epoch may have a folder's sequences


class Folder(NamedTuple):
    """One prepared folder: its path, and what it says of itself."""

    path: str
    manifest: Manifest

    def histograms(self, split: str) -> dict[str, LengthHistogram]:
        """The lengths of a split's sequences, by the feature that has the group's lengths, the leading one first."""
        leading, *others = groups(self.manifest.columns) or ("",)
        found = {length_key(leading): self.manifest.histogram(split)}
        for group in others:
            found[length_key(group)] = LengthHistogram.from_counts(self.manifest.groups[group].lengths[split])
        return found


class PlacedShard(NamedTuple):
    """A shard among those of all folders.

    Attributes:
        path: the file.
        bucket: the index of its bucket among those of all folders.
        shard: what its folder's manifest says of it.
        folder: that folder.
    """

    path: str
    bucket: int
    shard: Shard
    folder: Folder


@dataclass(frozen=True)
class Folders:
    """Prepared folders as one data set. Made by `open_folders`.

    Attributes:
        parts: the folders, at least one.
    """

    parts: tuple[Folder, ...]

    @property
    def first(self) -> Manifest:
        """A manifest whose columns are those of all."""
        return self.parts[0].manifest

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(part.path for part in self.parts)

    @property
    def layout(self) -> Layout:
        """How they are read together: as blocks, if any holds blocks."""
        return "block" if self.block_dtypes else "example"

    @property
    def block_dtypes(self) -> dict[str, str]:
        """Those of a folder in the block layout; none if there is no such folder."""
        return next((part.manifest.block_dtypes for part in self.parts if part.manifest.layout == "block"), {})

    @cached_property
    def buckets(self) -> Bounds:
        """The buckets of all folders, by their most steps: those of one length before those of two."""
        found = {bounds for part in self.parts for bounds in part.manifest.buckets}
        return tuple(sorted(found, key=lambda bounds: (len(bounds), bounds)))

    @property
    def longest(self) -> int:
        """The last boundary of all folders, of the group that leads."""
        return max(bounds[0] for bounds in self.buckets)

    @property
    def boundaries(self) -> tuple[int, ...]:
        """The boundaries of all folders, of the group that leads."""
        return tuple(sorted({bounds[0] for bounds in self.buckets}))

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits, of any folder."""
        return tuple(sorted({split for part in self.parts for split in part.manifest.splits}))

    @property
    def over_long(self) -> object:
        """What the jobs did with sequences that were too long; None where they differ."""
        sections = [part.manifest.config.get("sequences") for part in self.parts]
        policies = {one.get("over_long") if isinstance(one, dict) else None for one in sections}
        return policies.pop() if len(policies) == 1 else None

    def histograms(self, split: str) -> dict[str, LengthHistogram]:
        """The lengths of all sequences of a split, by the feature that has their group's, the leading group first."""
        parts = [part.histograms(split) for part in self.parts if split in part.manifest.lengths]
        return {key: LengthHistogram.sum(one[key] for one in parts) for key in parts[0]}

    @cached_property
    def steps_of_buckets(self) -> list[dict[str, int]]:
        """The T of each group in each of the `buckets`, by the feature that has its lengths, the leading one first.

        Raises:
            DatasetError: two folders in the example layout have other groups' sequences padded to other lengths.
        """
        leading, *others = groups(self.first.columns) or ("",)
        found = {bounds: {length_key(leading): bounds[0]} for bounds in self.buckets}
        for part in self.parts:
            for place, bounds in enumerate(part.manifest.buckets):
                for group in others:
                    steps, own = part.manifest.groups[group].boundaries[place], found[bounds]
                    if own.setdefault(length_key(group), steps) != steps:
                        raise DatasetError(
                            f"{part.path}: the group {group!r} is padded to {steps} steps in the bucket of "
                            f"{'x'.join(map(str, bounds))}, to {own[length_key(group)]} in another folder; prepare one "
                            "of them in the block layout, then all are read as blocks"
                        )
        return list(found.values())

    def longest_of(self, group: str) -> int:
        """The longest sequence of a group that does not lead."""
        return max(max(part.manifest.groups[group].boundaries) for part in self.parts)

    def histogram(self, split: str) -> LengthHistogram:
        """The lengths of all sequences of a split."""
        manifests = [part.manifest for part in self.parts]
        return LengthHistogram.sum(one.histogram(split) for one in manifests if split in one.lengths)

    @property
    def model_columns(self) -> ColumnList:
        """The columns for a model. Mean and deviation of numbers are those of all folders' training splits together."""
        known: dict[str, list[TrainingStatistics]] = {}
        for part in self.parts:
            for key, found in part.manifest.statistics.items():
                if found.training is not None:
                    known.setdefault(key, []).append(found.training)
        return ColumnList(self.first.model_columns, joint_moments(known))

    def shards(self, split: str) -> list[PlacedShard]:
        """The shards of a split that hold records, folder after folder.

        Raises:
            DatasetError: a folder has no such split.
        """
        places = {bounds: place for place, bounds in enumerate(self.buckets)}
        found = []
        for part in self.parts:
            if split not in part.manifest.lengths:
                splits = ", ".join(part.manifest.splits)
                raise DatasetError(f"{part.path}: expected one of its splits ({splits}), received {split!r}")
            for shard in part.manifest.shards:
                if shard.split == split and shard.records:
                    bucket = places[part.manifest.buckets[shard.bucket]]
                    found.append(PlacedShard(files.join(part.path, shard.path), bucket, shard, part))
        return found

    def times(self, mix: Mapping[str, float] | None) -> dict[str, float]:
        """How often an epoch has the sequences of each folder, by its path: once, unless `mix` says it.

        Args:
            mix: numbers by folders, or patterns of folders.

        Raises:
            ConfigError: a name fits no folder, two fit one, or a number is none.
        """
        found: dict[str, float] = {}
        for name, times in (mix or {}).items():
            number: Any = times
            if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= _MOST:
                raise ConfigError(f"mix: expected a number from 0 to {_MOST} for {name!r}, received {times!r}")
            fitting = [path for path in self.paths if _fits(path, name)]
            if not fitting:
                raise ConfigError(f"mix: expected one of the folders ({', '.join(self.paths)}), received {name!r}")
            if twice := [path for path in fitting if path in found]:
                raise ConfigError(
                    f"mix: expected one number for each folder, {twice[0]} fits {name!r} and another name"
                )
            found |= dict.fromkeys(fitting, float(number))
        return {path: found.get(path, 1.0) for path in self.paths}


def open_folders(names: Names) -> Folders:
    """Opens prepared folders; only their manifests are read.

    Args:
        names: a folder, a folder of parts, a pattern of folders, or a list of these. A folder under several names
            counts once.

    Raises:
        ConfigError: there is no name, or a pattern fits no prepared folder.
        DatasetError: a folder holds no complete data set of a known format, or two disagree about their columns.
    """
    paths = list(_paths([names] if isinstance(names, str | PathLike) else names))
    if not paths:
        raise ConfigError("folders: expected a prepared folder at least, received none")
    manifests = files.map_files(load_manifest, paths)
    parts = tuple(map(Folder, paths, manifests))
    for part in parts[1:]:
        _refuse_disagreement("columns", parts[0], part)
    in_blocks = [part for part in parts if part.manifest.layout == "block"]
    for part in in_blocks[1:]:
        _refuse_disagreement("block_dtypes", in_blocks[0], part)
    return Folders(parts)


def _paths(names: Iterable[str | PathLike[str]]) -> Iterator[str]:
    seen = set()
    for name in names:
        for path in _matching(fspath(name)):
            if files.real_path(path) not in seen:
                seen.add(files.real_path(path))
                yield path


def _matching(name: str) -> list[str]:
    parts = part_folders(name)
    if parts or not any(mark in name for mark in "*?[") or files.exists(files.join(name, MANIFEST_NAME)):
        return parts or [name]
    found = [path.removesuffix(f"/{MANIFEST_NAME}") for path, _ in files.match(files.join(name, MANIFEST_NAME))]
    if not found:
        raise ConfigError(f"folders: expected a pattern of prepared folders, no folder with a manifest fits {name!r}")
    return found


def _fits(path: str, name: str) -> bool:
    return files.real_path(path) == files.real_path(name) or fnmatchcase(path.rstrip("/"), name.rstrip("/"))


def _refuse_disagreement(field: str, first: Folder, other: Folder) -> None:
    for path, expected, received in differences(field, _told(first, field), _told(other, field)):
        raise DatasetError(
            f"{other.path}: {path}: expected {brief(expected)}, as in {first.path}, received {brief(received)}; "
            "prepare folders that are read together with the same columns"
        )


def _told(folder: Folder, field: str) -> Any:
    """A field of the manifest, in which vocabularies are told by their bytes: each folder has files of its own."""

    def change(mapping: dict[str, Any]) -> dict[str, Any]:
        path = mapping.get("vocabulary_file")
        if not isinstance(path, str):
            return mapping
        name = path.removeprefix(files.join(folder.path, ""))
        return mapping | {"vocabulary_file": f"a file of checksum {folder.manifest.side_files.get(name, name)}"}

    content = folder.manifest.model_dump(mode="json", include={field})[field]
    return with_changed_mappings(content, change)
