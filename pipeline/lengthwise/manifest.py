"""What a prepared data set says of itself: `manifest.json`, written last, so that its presence means "complete".

A manifest depends on the input and the configuration alone: it holds no time, host or number of workers.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from math import isfinite, sqrt
from os import PathLike, fspath
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from lengthwise.buckets import Bounds, BucketPlan, LengthHistogram, PairHistogram, plan_of
from lengthwise.buckets.padding_shares import share_of_padding
from lengthwise.columns import AnyColumn, Column, ColumnList, Moments, groups, looked_up
from lengthwise.columns.untrusted_columns import names_a_checkpoint
from lengthwise.errors import ConfigError, DatasetError, EnvironmentFailure
from lengthwise.storage import files

FORMAT_VERSION = 2
MANIFEST_NAME = "manifest.json"
Layout = Literal["example", "block"]
Compression = Literal["gzip", "zlib", "none"]
"""Of files."""


def _within(path: str) -> str:
    """The path, if it stays in the data set's folder: whoever is given a manifest by others opens its files."""
    if path.startswith("/") or "://" in path or ".." in path.split("/"):
        raise ValueError(f"expected a path within the data set's folder, received {path!r}")
    return path


def _without_checkpoints(columns: tuple[AnyColumn, ...]) -> tuple[AnyColumn, ...]:
    """The columns, if none takes weights from a file: whoever is given a manifest by others makes models of them."""
    for place, column in enumerate(columns):
        if names_a_checkpoint(column):
            raise ValueError(
                f"columns[{place}]: refused: expected no ckpt_to_load_from in a manifest, which may open no file but "
                "the data set's own; name the checkpoint in the column of the model"
            )
    return columns


RelativePath = Annotated[str, AfterValidator(_within)]
Amount = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """Base of the manifest's parts: frozen, unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class GroupSteps(Part):
    """The steps of one group in a shard: the real ones, and with padding."""

    steps: Amount
    padded_steps: Amount


class Group(Part):
    """A group that does not lead.

    Attributes:
        boundaries: the most steps of each bucket: of the second group, planned or given as pairs; of others, and where
            the leading group alone decides, those of the longest sequence, at least 1.
        lengths: how many sequences of each length were written, by split.
    """

    boundaries: tuple[Amount, ...]
    lengths: dict[str, dict[int, int]]


class Shard(Part):
    """One file of prepared sequences, all of one split and one bucket.

    Attributes:
        path: relative to the data set's folder, such as `Split-train/length-00032-00000-of-00004.tfrecord`.
        split: the split's name.
        bucket: the index of the bucket's boundary.
        records: the number of TFRecords in the file (sequences in the example layout, blocks in the block layout).
        sequences: the number of sequences.
        steps: their real steps, added up.
        padded_steps: `sequences` times the bucket's boundary.
        bytes: the file's size.
        crc32c: the checksum (Castagnoli) of the file's bytes.
        groups: the steps of the groups that do not lead, by name.
    """

    path: RelativePath
    split: str
    bucket: Amount
    records: Amount
    sequences: Amount
    steps: Amount
    padded_steps: Amount
    bytes: Amount
    crc32c: Amount
    groups: dict[str, GroupSteps] = {}


class Totals(NamedTuple):
    """The sums over some shards: their sequences, real steps and padded steps."""

    sequences: int
    steps: int
    padded_steps: int

    @classmethod
    def of(cls, shards: Iterable[Shard]) -> Self:
        amounts = [(shard.sequences, shard.steps, shard.padded_steps) for shard in shards]
        return cls(*map(sum, zip(*amounts, strict=True))) if amounts else cls(0, 0, 0)

    @property
    def padding_share(self) -> float:
        """The share of padding among the padded steps."""
        return share_of_padding(self.padded_steps, self.steps)


class InputFile(Part):
    """One input file: its path, its size in bytes, and how many records were read from it."""

    path: str
    bytes: Amount
    records: Amount


class Counts(Part):
    """The balance: `read == written + rejected`, always.

    Attributes:
        read: records found in the input, readable or not; the unreadable rest of a damaged file counts as one.
        written: records of which at least one sequence was written.
        rejected: records refused, by reason.
        sequences: sequences written: more than `written` where over-long ones were split into windows.
        truncated: records cut to the last boundary, or to the shortest of their columns, or both.
        windowed: records split into windows.
        repaired: values outside a vocabulary or a range that became the missing id, a default or an OOV bucket, and
            steps without a value, which have the missing id, by key.
    """

    read: Amount
    written: Amount
    rejected: dict[str, Amount]
    sequences: Amount
    truncated: Amount = 0
    windowed: Amount = 0
    repaired: dict[str, Amount] = {}


QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


class TrainingStatistics(Part):
    """What a model may know of a feature's numbers: those of the training split, for each number of a step.

    A step of the column's `shape` has that many, in its order; of one of more than 4,096 all numbers count together.
    Numbers that are missing (see `ColumnStatistics`) are left out; where all are, the statistics are 0.

    Attributes:
        counts: how many numbers.
        min: the smallest.
        max: the largest.
        mean: their mean.
        std: their standard deviation, that of the split as a whole population.
        quantiles: by share, such as `0.5`: numbers that at least this share of the numbers does not exceed. They
            are exact for up to 65,536 steps of one number, 4,096 of many. Of more they are those of a random sample
            of at least half as many: the share is off by less than 0.015 (0.06), but once in a million. Source: P.
            Massart, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability 18 (1990).
    """

    counts: tuple[Amount, ...]
    min: tuple[float, ...]
    max: tuple[float, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    quantiles: dict[str, tuple[float, ...]]

    @model_validator(mode="after")
    def _is_even(self) -> Self:
        told = (self.min, self.max, self.mean, self.std, *self.quantiles.values())
        if self.quantiles.keys() != {f"{share:g}" for share in QUANTILES}:
            raise ValueError(f"training.quantiles: expected {QUANTILES}, received {sorted(self.quantiles)}")
        if not self.counts or any(len(one) != len(self.counts) for one in told):
            raise ValueError(f"training: expected {len(self.counts)} numbers of each kind, one for each of `counts`")
        return self


def joint_moments(known: Mapping[str, Sequence[TrainingStatistics]]) -> dict[str, Moments]:
    """The mean and the deviation of the numbers of several data sets together, by feature; of one, to the last bit.

    Numbers too large to say are left out: whoever wrote a manifest may have told anything.

    Raises:
        DatasetError: they tell of steps of different sizes, which data sets of the same columns do not have.
    """
    found = {}
    for key, parts in known.items():
        if len({len(one.counts) for one in parts}) > 1:
            raise DatasetError("statistics: expected as many numbers a step in all folders; verify them")
        elements = [list(zip(one.counts, one.mean, one.std, strict=True)) for one in parts]
        means, deviations = zip(*map(_joint, zip(*elements, strict=True)), strict=True)
        if all(map(isfinite, deviations)):
            found[key] = Moments(means[0], deviations[0]) if len(means) == 1 else Moments(means, deviations)
    return found


def _joint(known: Sequence[tuple[int, float, float]]) -> tuple[float, float]:
    """The mean and the deviation of several (count, mean, deviation) together."""
    known = [one for one in known if one[0]] or [(1, 0.0, 0.0)]
    if len(known) == 1:
        return known[0][1:]
    total = sum(count for count, _, _ in known)
    mean = sum(count / total * own for count, own, _ in known)
    return mean, sqrt(sum(count / total * (std * std + (own - mean) * (own - mean)) for count, own, std in known))


class ColumnStatistics(Part):
    """What the written values of one feature look like, padding left out.

    Attributes:
        values: how many there are.
        missing: how many of them say nothing: the missing id, a number that is not finite, and what fills in for an
            optional feature where it is absent (a default in every step of the sequence; once a sequence in context).
            All that follows leaves them out.
        min: the smallest number (ids: the smallest id).
        max: the largest number.
        mean: the mean of the numbers; None for ids and strings.
        std: their standard deviation, that of the data set as a whole population.
        distinct: how many distinct ids or strings occur; None for numbers, and for ids and strings that were not
            counted one by one: of columns with more than 2**20 ids, of features with more than 10,000 distinct strings.
        histogram: counts in equal-width bins between `min` and `max`; empty for ids and strings.
        top: the most frequent ids or strings with their counts, most frequent first; empty where `distinct` is None.
            Strings of more than 200 characters end in an ellipsis there.
        training: of numbers, what a model may know; None without a training split: `train`, or the only split.
    """

    values: int
    missing: int = 0
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    distinct: int | None = None
    histogram: tuple[int, ...] = ()
    top: tuple[tuple[str, int], ...] = ()
    training: TrainingStatistics | None = None

    @property
    def counted(self) -> int:
        """The values that are not missing."""
        return self.values - self.missing


class CountedVocabulary(Part):
    """What a job found as it counted the vocabulary of a column in its training split.

    Attributes:
        values: how many values there are; of columns that share the vocabulary, all together.
        distinct: how many distinct ones.
        entries: how many of these the vocabulary has.
        covered: how many of the values are in it.
        unfit: how many cannot be, because they are no line of a file: empty, with a line break or a byte order mark at
            the start, or no UTF-8.
    """

    values: Amount
    distinct: Amount
    entries: Amount
    covered: Amount
    unfit: Amount


class Manifest(Part):
    """All that readers of a prepared data set need.

    Attributes:
        format_version: of this file and of the shards.
        fingerprint: of the configuration and the input files: the same for equal output.
        config: the configuration, as it was validated.
        layout: `example` (one tf.Example a sequence, padded) or `block` (one tf.Example a block of sequences).
        block_dtypes: in the block layout, the little-endian numpy dtype of each feature's values in its buffer.
        compression: of the shards' files: `gzip`, `zlib` or `none`.
        columns: the columns by which the raw records were read; vocabulary files are paths relative to the data set,
            and their sizes are told: `model_columns` opens none. Checkpoints for first weights are left out.
        boundaries: the inclusive maximum length of each bucket, of the group that leads.
        counts: the balance of the records.
        lengths: how many sequences of each length were written, by split: of the group that leads.
        groups: the others, by name.
        pairs: with groups, how many records have which lengths of the first two, rounded up to 5 leading binary digits.
        statistics: by feature key.
        vocabularies: what was counted for the vocabularies of the job's own data, by the column's key.
        inputs: the files that were read, in the order of their paths.
        shards: every file of sequences that was written, in the order of their paths.
        side_files: the checksum (crc32c) of the schema, of the vocabularies, their counts and the rejects, by path.
    """

    format_version: int = FORMAT_VERSION
    fingerprint: str
    config: dict[str, object]
    layout: Layout
    block_dtypes: dict[str, str] = {}
    compression: Compression
    columns: Annotated[tuple[Column, ...], AfterValidator(_without_checkpoints)]
    boundaries: tuple[int, ...]
    counts: Counts
    lengths: dict[str, dict[int, int]]
    groups: dict[str, Group] = {}
    pairs: tuple[tuple[Amount, Amount, Amount], ...] = ()
    statistics: dict[str, ColumnStatistics] = {}
    vocabularies: dict[str, CountedVocabulary] = {}
    inputs: tuple[InputFile, ...]
    shards: tuple[Shard, ...]
    side_files: dict[RelativePath, int] = {}

    @model_validator(mode="after")
    def _knows_its_groups(self) -> Self:
        others = sorted(groups(self.columns)[1:])
        told = [("groups", sorted(self.groups)), *((shard.path, sorted(shard.groups)) for shard in self.shards)]
        for place, found in told:
            if found != others:
                raise ValueError(f"{place}: expected the groups {others}, which the columns name, received {found}")
        for name, group in self.groups.items():
            if len(group.boundaries) != len(self.boundaries):
                raise ValueError(f"groups.{name}: expected a boundary for each bucket, received {group.boundaries}")
        plan_of(self.buckets)
        return self

    @property
    def buckets(self) -> Bounds:
        """The most steps of each bucket: of the group that leads, or of the first two where buckets are pairs."""
        buckets = self.config.get("buckets")
        leads = not self.groups or (isinstance(buckets, dict) and buckets.get("boundaries") is not None)
        second = [] if leads else [self.groups[groups(self.columns)[1]].boundaries]
        return tuple(zip(self.boundaries, *second, strict=True))

    @property
    def plan(self) -> BucketPlan:
        """Of the lengths of the only group."""
        return BucketPlan(self.boundaries)

    @property
    def model_columns(self) -> ColumnList:
        """The columns for a model of this data: its look-ups are done, so ids are ids. See `columns.looked_up`."""
        known = {key: [found.training] for key, found in self.statistics.items() if found.training is not None}
        return ColumnList(looked_up(self.columns), joint_moments(known))

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(sorted(self.lengths))

    def histogram(self, split: str | None = None) -> LengthHistogram:
        """The lengths of the sequences of a split, or of all."""
        merged: dict[int, int] = {}
        for lengths in [self.lengths[split]] if split is not None else self.lengths.values():
            for length, count in lengths.items():
                merged[length] = merged.get(length, 0) + count
        return LengthHistogram.from_counts(merged)

    @property
    def totals(self) -> Totals:
        """The sums over all shards."""
        return Totals.of(self.shards)

    @property
    def totals_by_group(self) -> dict[str, Totals]:
        """The sums over all shards for each group, the leading one first."""
        found = {next(iter(groups(self.columns)), ""): self.totals}
        for group in self.groups:
            parts = [shard.groups[group] for shard in self.shards]
            steps, padded_steps = (sum(getattr(one, name) for one in parts) for name in ("steps", "padded_steps"))
            found[group] = Totals(self.totals.sequences, steps, padded_steps)
        return found

    def totals_by_bucket(self) -> list[Totals]:
        """The sums of each bucket, all splits together."""
        ordered = sorted(self.shards, key=lambda shard: shard.bucket)
        found = {bucket: Totals.of(shards) for bucket, shards in groupby(ordered, key=lambda shard: shard.bucket)}
        return [found.get(bucket, Totals(0, 0, 0)) for bucket in range(len(self.boundaries))]

    def to_json(self) -> str:
        """The file's text: sorted keys, two spaces, a newline at the end, and a digest by which edits show."""
        return _as_text(self.model_dump(mode="json"))


def load_manifest(folder: str | PathLike[str]) -> Manifest:
    """Reads the manifest of a prepared data set; vocabulary paths in its columns become usable from here.

    Args:
        folder: the data set's folder, or the manifest's own path.

    Raises:
        DatasetError: there is none, or it is of a newer format, or altered; the message says what to do.
    """
    manifest, as_written = load_altered_manifest(folder)
    if not as_written:
        raise DatasetError(
            f"{_path_of(folder)}: it was altered after it was written: its digest does not match. `lengthwise verify` "
            "says what else differs; copy the data set again from where it was made, or prepare it again with "
            "--overwrite"
        )
    _refuse_nonsense(_path_of(folder), manifest)
    return manifest


def _refuse_nonsense(path: str, manifest: Manifest) -> None:
    """Numbers that no data set has: whoever is given a manifest by others computes with them."""
    try:
        manifest.histogram()
        PairHistogram.sum([manifest.pairs])
        beyond = [shard.path for shard in manifest.shards if shard.bucket >= len(manifest.boundaries)]
    except (ConfigError, OverflowError) as error:
        raise DatasetError(f"{path}: {error}") from error
    if beyond:
        raise DatasetError(f"{path}: expected buckets below {len(manifest.boundaries)}, {beyond[0]} has none")


def load_altered_manifest(folder: str | PathLike[str]) -> tuple[Manifest, bool]:
    """The same for whoever looks for what is wrong: the manifest, and whether it says what was written.

    Raises:
        DatasetError: there is none, or none that this version can read.
    """
    path = _path_of(folder)
    if not files.exists(path):
        parts = files.folders_with(path.rpartition("/")[0] or ".", MANIFEST_NAME)
        if parts:
            below = ", ".join(parts[:3]) + (", ..." if len(parts) > 3 else "")
            raise DatasetError(f"{path}: no manifest, but in {len(parts)} folders below ({below}); name one of these")
        raise DatasetError(
            f"{path}: no manifest, so this is no complete prepared data set. "
            "Run `lengthwise prepare` to its end (the same command resumes an interrupted run)"
        )
    try:
        content = json.loads(files.read_bytes(path))
        _refuse_newer(path, content)
        digest = content.pop("digest", None) if isinstance(content, dict) else None
        manifest = Manifest.model_validate(_with_absolute_vocabularies(content, path.rpartition("/")[0] or "."))
        return manifest, digest == _digest(content)
    except EnvironmentFailure as error:
        raise DatasetError(str(error)) from error
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: expected a manifest of `lengthwise`, could not read it as one: {error}") from error


def without_files(manifest: str, gone: Callable[[str], bool]) -> str:
    """A manifest's text for a folder from which some of its side files were taken elsewhere: it names them no more."""
    content = json.loads(manifest)
    del content["digest"]
    content["side_files"] = {path: one for path, one in content["side_files"].items() if not gone(path)}
    return _as_text(content)


def _path_of(folder: str | PathLike[str]) -> str:
    folder = fspath(folder)
    return folder if folder.endswith(".json") else files.join(folder, MANIFEST_NAME)


def _as_text(content: Mapping[str, object]) -> str:
    return json.dumps({**content, "digest": _digest(content)}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _refuse_newer(path: str, content: object) -> None:
    version = content.get("format_version") if isinstance(content, Mapping) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise DatasetError(
            f"{path}: format version {version} is newer than this lengthwise reads (up to {FORMAT_VERSION}); "
            "upgrade lengthwise, or prepare the data again with this one"
        )


def _with_absolute_vocabularies(content: object, folder: str) -> object:
    if isinstance(content, list):
        return [_with_absolute_vocabularies(item, folder) for item in content]
    if not isinstance(content, dict):
        return content
    found = {
        name: files.join(folder, _within(item))
        if name == "vocabulary_file" and isinstance(item, str)
        else item
        if name == "config"
        else _with_absolute_vocabularies(item, folder)
        for name, item in content.items()
    }
    if isinstance(content.get("vocabulary_file"), str) and content.get("vocabulary_size") is None:
        raise ValueError(f"{content['vocabulary_file']!r}: expected a vocabulary_size beside a vocabulary_file")
    return found
