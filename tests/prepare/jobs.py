"""Whole jobs in tests: raw files in, a data set out, and reading it back without `lengthwise`."""

import math
import os
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lengthwise.columns import (
    AnyColumn,
    BytesColumn,
    NumericColumn,
    context_features,
    groups,
    length_key,
    sequence_features,
)
from lengthwise.config import JobConfig
from lengthwise.job import run as run_job
from lengthwise.manifest import Manifest
from lengthwise.records.decoding.example_protos import Example
from records.messages import read_records, write_records


def job(
    folder: Path, columns: Sequence[AnyColumn], files: Mapping[str, Iterable[bytes]] | Sequence[str], **sections: Any
) -> JobConfig:
    """The configuration of a job over new files in `folder/raw` (or over existing files).

    All damage is allowed unless `limits` says otherwise; buckets end at 4 and 8 unless `buckets` says otherwise; the
    layout is `example` unless `output` says otherwise.
    """
    if isinstance(files, Mapping):
        (folder / "raw").mkdir(exist_ok=True)
        files = [write_records(folder / "raw" / name, records) for name, records in files.items()]
    given: dict[str, Any] = {
        "inputs": {},
        "buckets": {"boundaries": (4, 8)},
        "limits": {"rejected_fraction": 1.0, "damaged_files": 1000},
        "output": {},
        **sections,
    }
    given["inputs"] = {"files": tuple(files), **given["inputs"]}
    given["output"] = {"path": str(folder / "out"), "layout": "example", **given["output"]}
    return JobConfig(columns=tuple(columns), **given)


def run(folder: Path, columns: Sequence[AnyColumn], files: Any, **sections: Any) -> Manifest:
    """Runs the job with one worker."""
    return run_job(job(folder, columns, files, **sections), workers=1)


def tree(folder: str | os.PathLike[str]) -> dict[str, bytes]:
    """The content of every file below a folder."""
    root = Path(folder)
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def tree_of_any_name(folder: Path) -> dict[str, bytes]:
    """The content of every file of a data set; the report without the folder's name."""
    found = tree(folder)
    if "report.html" in found:
        found["report.html"] = found["report.html"].replace(folder.name.encode(), b"")
    return found


@dataclass(frozen=True)
class Sequence_:  # noqa: N801 (typing has the name)
    """A written sequence: its split, its bucket's boundary, steps and context values by key."""

    split: str
    boundary: int
    features: dict[str, Any]

    def canonical(self) -> str:
        return canonical(self.features)


def canonical(features: Mapping[str, Any]) -> str:
    """Equal for equal features: NaN equals NaN, 1 equals 1.0, and floats have 32 bits."""
    return repr(sorted((key, _plain(values)) for key, values in features.items()))


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, bytes) else repr(float(np.float32(value))) if isinstance(value, float) else value


def sequences(folder: str | os.PathLike[str], manifest: Manifest) -> list[Sequence_]:
    """All written sequences, shard by shard, without their padding, which is checked."""
    found: list[Sequence_] = []
    for shard in manifest.shards:
        boundary = manifest.boundaries[shard.bucket]
        records = read_records(Path(folder) / shard.path)
        assert len(records) == shard.records
        before = len(found)
        for record in records:
            found += [Sequence_(shard.split, boundary, row) for row in _decode(record, manifest, shard.bucket)]
        lengths, *others = (
            [len(next(iter(_steps(row.features, manifest.columns, group)))) for row in found[before:]]
            for group in groups(manifest.columns)
        )
        assert (len(lengths), sum(lengths)) == (shard.sequences, shard.steps)
        for group, of_group in zip(groups(manifest.columns)[1:], others, strict=True):
            longest, listed = manifest.groups[group].boundaries[shard.bucket], shard.groups[group]
            assert (sum(of_group), longest * len(of_group)) == (listed.steps, listed.padded_steps)
            assert max(of_group) <= longest
        lower = manifest.boundaries[shard.bucket - 1] if shard.bucket else -1
        assert all(lower < length <= boundary for length in lengths), f"{shard.path}: {lengths}"
    return found


def balance(manifest: Manifest) -> None:
    """Checks that the counts of a manifest add up."""
    counts = manifest.counts
    assert counts.read == counts.written + sum(counts.rejected.values())
    assert counts.sequences == sum(shard.sequences for shard in manifest.shards)
    assert counts.read == sum(source.records for source in manifest.inputs)
    lengths = Counter({name: sum(by_length.values()) for name, by_length in manifest.lengths.items()})
    assert +lengths == +sum((Counter({shard.split: shard.sequences}) for shard in manifest.shards), Counter())


def _steps(features: Mapping[str, Any], columns: Iterable[AnyColumn], group: str) -> Iterator[list[Any]]:
    for key, _, _, group_of_key in _widths(columns):
        if group_of_key == group:
            yield features[key]


def _widths(columns: Iterable[AnyColumn]) -> Iterator[tuple[str, int, Any, str]]:
    """For each sequence feature: its key, the number of values per step, the padding, and its group."""
    for column in sequence_features(columns):
        if isinstance(column, NumericColumn):
            yield column.key, math.prod(column.shape), column.default_value, column.group
            if column.observed:
                yield f"{column.key}_observed", math.prod(column.shape), 0, column.group
            continue
        if isinstance(column, BytesColumn):
            yield column.key, 1, b"", column.group
            continue
        yield column.key, column.values_per_step, 0, column.group
        if column.weight_key is not None:
            yield column.weight_key, column.values_per_step, 0.0, column.group


def _decode(record: bytes, manifest: Manifest, bucket: int) -> Iterator[dict[str, Any]]:
    feature = Example.FromString(record).features.feature
    raw = {key: list(getattr(values, values.WhichOneof("kind")).value) for key, values in feature.items()}
    if manifest.layout == "example":
        leading, *others = groups(manifest.columns)
        boundaries = {leading: manifest.boundaries[bucket]}
        boundaries |= {group: manifest.groups[group].boundaries[bucket] for group in others}
        yield _unpad(raw, manifest.columns, boundaries)
    else:
        yield from _cut(raw, manifest)


def _unpad(raw: dict[str, list[Any]], columns: Iterable[AnyColumn], boundaries: Mapping[str, int]) -> dict[str, Any]:
    lengths = {group: raw[length_key(group)][0] for group in boundaries}
    del raw[length_key(next(iter(boundaries)))]
    for key, width, padding, group in _widths(columns):
        values, length, boundary = raw[key], lengths[group], boundaries[group]
        assert len(values) == boundary * width, key
        assert values[length * width :] == [padding] * ((boundary - length) * width), key
        raw[key] = [values[start : start + width] for start in range(0, length * width, width)]
    return raw


def _cut(raw: dict[str, list[Any]], manifest: Manifest) -> Iterator[dict[str, Any]]:
    leading, *others = groups(manifest.columns)
    lengths = np.frombuffer(raw[length_key(leading)][0], "<i4").tolist()
    counts = {column.key: len(lengths) * column.num_elements for column in context_features(manifest.columns)}

    def numbers(key: str) -> list[Any]:
        [content] = raw[key]
        dtype = np.dtype(manifest.block_dtypes[key])
        if key in counts and len(content) < counts[key] * dtype.itemsize:
            content = zlib.decompress(content)
        return np.frombuffer(content, dtype).tolist()

    assert set(raw) - set(manifest.block_dtypes) == {
        column.key for column in context_features(manifest.columns) if column.dtype == "string"
    } | {column.key for column in sequence_features(manifest.columns) if isinstance(column, BytesColumn)}
    of_groups = {leading: lengths} | {group: numbers(length_key(group)) for group in others}
    counts |= {key: sum(of_groups[group]) * width for key, width, _, group in _widths(manifest.columns)}
    values = {key: numbers(key) if key in manifest.block_dtypes else raw[key] for key in raw}
    starts = dict.fromkeys(of_groups, 0)
    for row in range(len(lengths)):
        features: dict[str, Any] = {}
        for key, width, _, group in _widths(manifest.columns):
            first, length = starts[group] * width, of_groups[group][row]
            steps = values[key][first : first + length * width]
            features[key] = [steps[at : at + width] for at in range(0, length * width, width)]
        for column in context_features(manifest.columns):
            count = column.num_elements
            features[column.key] = values[column.key][row * count : (row + 1) * count]
        starts = {group: start + of_groups[group][row] for group, start in starts.items()}
        yield features
    for key, width, _, group in _widths(manifest.columns):
        assert len(values[key]) == starts[group] * width, key
