"""Prepared folders that are read as one data set: one folder, or several, such as one per day.

    names, patterns ── open_folders ──> PreparedFolders: the folders' shards, in the buckets of all boundaries together

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

FolderNames = str | PathLike[str] | Sequence[str | PathLike[str]]
_MAX_TIMES = 1000  # that an epoch may contain the sequences of a folder


class PreparedFolder(NamedTuple):
    """One prepared folder: its path, and its manifest."""

    path: str
    manifest: Manifest

    def histograms(self, split: str) -> dict[str, LengthHistogram]:
        """The lengths of a split's sequences, by the feature that has the group's lengths, the leading one first."""
        leading, *others = groups(self.manifest.columns) or ("",)
        histograms = {length_key(leading): self.manifest.histogram(split)}
        for group in others:
            histograms[length_key(group)] = LengthHistogram.from_counts(self.manifest.groups[group].lengths[split])
        return histograms


class PlacedShard(NamedTuple):
    """A shard of one of several folders.

    Attributes:
        path: the file.
        bucket: the index of its bucket among those of all folders.
        shard: its entry in the manifest of its folder.
        folder: its folder.
    """

    path: str
    bucket: int
    shard: Shard
    folder: PreparedFolder


@dataclass(frozen=True)
class PreparedFolders:
    """Prepared folders as one data set. Returned by `open_folders`.

    Attributes:
        parts: the folders, at least one.
    """

    parts: tuple[PreparedFolder, ...]

    @property
    def first(self) -> Manifest:
        """The manifest of the first folder, whose columns are those of all."""
        return self.parts[0].manifest

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(part.path for part in self.parts)

    @property
    def layout(self) -> Layout:
        """The layout in which they are read together: as blocks, if any folder has blocks."""
        return "block" if self.block_dtypes else "example"

    @property
    def block_dtypes(self) -> dict[str, str]:
        """The dtypes of a folder in the block layout; empty if no folder has this layout."""
        return next((part.manifest.block_dtypes for part in self.parts if part.manifest.layout == "block"), {})

    @cached_property
    def buckets(self) -> Bounds:
        """The buckets of all folders, by their maximum steps: those of one length before those of two."""
        distinct = {bounds for part in self.parts for bounds in part.manifest.buckets}
        return tuple(sorted(distinct, key=lambda bounds: (len(bounds), bounds)))

    @property
    def boundaries(self) -> tuple[int, ...]:
        """The boundaries of all folders, of the group that leads."""
        return tuple(sorted({bounds[0] for bounds in self.buckets}))

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits of all folders."""
        return tuple(sorted({split for part in self.parts for split in part.manifest.splits}))

    @property
    def over_long(self) -> object:
        """The policy of the jobs for sequences that were too long; None if the policies differ."""
        policies = set()
        for part in self.parts:
            section = part.manifest.config.get("sequences")
            policies.add(section.get("over_long") if isinstance(section, dict) else None)
        return policies.pop() if len(policies) == 1 else None

    def histograms(self, split: str) -> dict[str, LengthHistogram]:
        """The lengths of all sequences of a split, by the feature that has their group's, the leading group first."""
        parts = [part.histograms(split) for part in self.parts if split in part.manifest.lengths]
        return {key: LengthHistogram.sum(part[key] for part in parts) for key in parts[0]}

    @cached_property
    def steps_of_buckets(self) -> list[dict[str, int]]:
        """The T of each group in each of the `buckets`, by the feature that has its lengths, the leading one first.

        Raises:
            DatasetError: two folders in the example layout have the sequences of a group padded to different lengths.
        """
        leading, *others = groups(self.first.columns) or ("",)
        steps_of_buckets = {bounds: {length_key(leading): bounds[0]} for bounds in self.buckets}
        for part in self.parts:
            for index, bounds in enumerate(part.manifest.buckets):
                for group in others:
                    steps = part.manifest.groups[group].boundaries[index]
                    known = steps_of_buckets[bounds].setdefault(length_key(group), steps)
                    if known != steps:
                        raise DatasetError(
                            f"{part.path}: the group {group!r} is padded to {steps} steps in the bucket of "
                            f"{'x'.join(map(str, bounds))}, to {known} in another folder; prepare one of them in the "
                            "block layout, then all are read as blocks"
                        )
        return list(steps_of_buckets.values())

    def longest_of(self, group: str) -> int:
        """The longest sequence of a group that does not lead."""
        return max(max(part.manifest.groups[group].boundaries) for part in self.parts)

    def histogram(self, split: str) -> LengthHistogram:
        """The lengths of all sequences of a split."""
        manifests = [part.manifest for part in self.parts]
        return LengthHistogram.sum(manifest.histogram(split) for manifest in manifests if split in manifest.lengths)

    @property
    def model_columns(self) -> ColumnList:
        """The columns for a model. Mean and deviation of numbers are those of all folders' training splits together."""
        training: dict[str, list[TrainingStatistics]] = {}
        for part in self.parts:
            for key, statistics in part.manifest.statistics.items():
                if statistics.training is not None:
                    training.setdefault(key, []).append(statistics.training)
        return ColumnList(self.first.model_columns, joint_moments(training))

    def shards(self, split: str) -> list[PlacedShard]:
        """The shards of a split that contain records, folder by folder.

        Raises:
            DatasetError: a folder has no such split.
        """
        indices = {bounds: index for index, bounds in enumerate(self.buckets)}
        placed = []
        for part in self.parts:
            if split not in part.manifest.lengths:
                splits = ", ".join(part.manifest.splits)
                raise DatasetError(f"{part.path}: expected one of its splits ({splits}), received {split!r}")
            for shard in part.manifest.shards:
                if shard.split == split and shard.records:
                    bucket = indices[part.manifest.buckets[shard.bucket]]
                    placed.append(PlacedShard(files.join(part.path, shard.path), bucket, shard, part))
        return placed

    def times(self, mix: Mapping[str, float] | None) -> dict[str, float]:
        """How often an epoch contains the sequences of each folder, by its path: once, unless `mix` gives a number.

        Args:
            mix: numbers by folders, or patterns of folders.

        Raises:
            ConfigError: a name matches no folder, two match the same one, or a value is not a number.
        """
        chosen: dict[str, float] = {}
        for name, times in (mix or {}).items():
            number: object = times
            if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= _MAX_TIMES:
                raise ConfigError(f"mix: expected a number from 0 to {_MAX_TIMES} for {name!r}, received {times!r}")
            matching = [path for path in self.paths if _matches(path, name)]
            if not matching:
                raise ConfigError(f"mix: expected one of the folders ({', '.join(self.paths)}), received {name!r}")
            if twice := [path for path in matching if path in chosen]:
                raise ConfigError(
                    f"mix: expected one number for each folder, {twice[0]} matches {name!r} and another name"
                )
            chosen |= dict.fromkeys(matching, float(number))
        return {path: chosen.get(path, 1.0) for path in self.paths}


def open_folders(names: FolderNames) -> PreparedFolders:
    """Opens prepared folders; only their manifests are read.

    Args:
        names: a folder, a folder of parts, a pattern of folders, or a list of these. A folder under several names
            counts once.

    Raises:
        ConfigError: no name is given, or a pattern matches no prepared folder.
        DatasetError: a folder has no complete data set of a known format, or two have different columns.
    """
    paths = list(_paths([names] if isinstance(names, str | PathLike) else names))
    if not paths:
        raise ConfigError("folders: expected at least one prepared folder, received none")
    manifests = files.map_files(load_manifest, paths)
    parts = tuple(map(PreparedFolder, paths, manifests))
    for part in parts[1:]:
        _refuse_difference("columns", parts[0], part)
    in_blocks = [part for part in parts if part.manifest.layout == "block"]
    for part in in_blocks[1:]:
        _refuse_difference("block_dtypes", in_blocks[0], part)
    return PreparedFolders(parts)


def _paths(names: Iterable[str | PathLike[str]]) -> Iterator[str]:
    yielded = set()
    for name in names:
        for path in _folders_of(fspath(name)):
            if files.real_path(path) not in yielded:
                yielded.add(files.real_path(path))
                yield path


def _folders_of(name: str) -> list[str]:
    """The prepared folders of a name: itself, its parts, or those that match it as a pattern."""
    parts = part_folders(name)
    if parts or not any(mark in name for mark in "*?[") or files.exists(files.join(name, MANIFEST_NAME)):
        return parts or [name]
    manifests = [match.path for match in files.find(files.join(name, MANIFEST_NAME))]
    if not manifests:
        raise ConfigError(
            f"folders: expected a pattern of prepared folders, no folder with a manifest matches {name!r}"
        )
    return [path.removesuffix(f"/{MANIFEST_NAME}") for path in manifests]


def _matches(path: str, name: str) -> bool:
    return files.real_path(path) == files.real_path(name) or fnmatchcase(path.rstrip("/"), name.rstrip("/"))


def _refuse_difference(field: str, first: PreparedFolder, other: PreparedFolder) -> None:
    for path, expected, received in differences(field, _comparable(first, field), _comparable(other, field)):
        raise DatasetError(
            f"{other.path}: {path}: expected {brief(expected)}, as in {first.path}, received {brief(received)}; "
            "prepare folders that are read together with the same columns"
        )


def _comparable(folder: PreparedFolder, field: str) -> Any:
    """A field of the manifest with checksums in place of the paths of vocabularies, which differ between folders."""

    def change(mapping: dict[str, Any]) -> dict[str, Any]:
        path = mapping.get("vocabulary_file")
        if not isinstance(path, str):
            return mapping
        name = path.removeprefix(files.join(folder.path, ""))
        return mapping | {"vocabulary_file": f"a file of checksum {folder.manifest.side_files.get(name, name)}"}

    content = folder.manifest.model_dump(mode="json", include={field})[field]
    return with_changed_mappings(content, change)
