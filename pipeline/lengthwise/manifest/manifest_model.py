"""The manifest: all that readers of a prepared data set need."""

from collections import Counter
from itertools import groupby
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from lengthwise.buckets import Bounds, BucketPlan, LengthHistogram, plan_of
from lengthwise.columns import AnyColumn, Column, ColumnList, groups, looked_up
from lengthwise.columns.untrusted_columns import names_a_checkpoint
from lengthwise.manifest.feature_statistics import ColumnStatistics, joint_moments
from lengthwise.manifest.manifest_digest import text_with_digest
from lengthwise.manifest.manifest_section import Amount, ManifestSection, RelativePath
from lengthwise.manifest.record_balance import CountedVocabulary, Counts, InputFile
from lengthwise.manifest.shard_entries import Group, Shard, Totals

FORMAT_VERSION = 2
Layout = Literal["example", "block"]
Compression = Literal["gzip", "zlib", "none"]
"""Of files."""


def _without_checkpoints(columns: tuple[AnyColumn, ...]) -> tuple[AnyColumn, ...]:
    """Returns the columns if none reads weights from a file: a manifest may come from others, and models use it."""
    for position, column in enumerate(columns):
        if names_a_checkpoint(column):
            raise ValueError(
                f"columns[{position}]: refused: expected no ckpt_to_load_from in a manifest, which may only open files "
                "of its data set; name the checkpoint in the column of the model"
            )
    return columns


class Manifest(ManifestSection):
    """The manifest of a prepared data set.

    Attributes:
        format_version: of this file and of the shards.
        fingerprint: of the configuration and the input files: the same for equal output.
        config: the configuration, as it was validated.
        layout: `example` (one padded tf.Example per sequence) or `block` (one tf.Example per block of sequences).
        block_dtypes: in the block layout, the little-endian numpy dtype of each feature's values in its buffer.
        compression: of the shards' files: `gzip`, `zlib` or `none`.
        columns: the columns by which the raw records were read; vocabulary files are paths relative to the data set,
            with their sizes, so that `model_columns` opens no file. Checkpoints for first weights are omitted.
        boundaries: the inclusive maximum length of each bucket, of the group that leads.
        counts: the balance of the records.
        lengths: the number of sequences of each length that were written, by split: of the group that leads.
        groups: the other groups, by name.
        pairs: with groups, the number of records by the lengths of the first two groups, rounded up to 5 leading binary
            digits.
        statistics: by feature key.
        vocabularies: the counts of the vocabularies built from the job's own data, by the column's key.
        inputs: the files that were read, in the order of their paths.
        shards: every file of sequences that was written, in the order of their paths.
        side_files: the checksum (crc32c) of the schema, of the vocabularies, their counts and the rejects, by path.
    """

    format_version: int = FORMAT_VERSION
    fingerprint: str
    config: dict[str, object]
    layout: Layout
    block_dtypes: dict[str, str] = Field(default_factory=dict)
    compression: Compression
    columns: Annotated[tuple[Column, ...], AfterValidator(_without_checkpoints)]
    boundaries: tuple[int, ...]
    counts: Counts
    lengths: dict[str, dict[int, int]]
    groups: dict[str, Group] = Field(default_factory=dict)
    pairs: tuple[tuple[Amount, Amount, Amount], ...] = ()
    statistics: dict[str, ColumnStatistics] = Field(default_factory=dict)
    vocabularies: dict[str, CountedVocabulary] = Field(default_factory=dict)
    inputs: tuple[InputFile, ...]
    shards: tuple[Shard, ...]
    side_files: dict[RelativePath, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_the_groups_of_its_columns(self) -> Self:
        expected = sorted(groups(self.columns)[1:])
        received = [("groups", sorted(self.groups)), *((shard.path, sorted(shard.groups)) for shard in self.shards)]
        for where, names in received:
            if names != expected:
                raise ValueError(f"{where}: expected the groups {expected}, which the columns name, received {names}")
        for name, group in self.groups.items():
            if len(group.boundaries) != len(self.boundaries):
                raise ValueError(f"groups.{name}: expected a boundary for each bucket, received {group.boundaries}")
        plan_of(self.buckets)
        return self

    @property
    def buckets(self) -> Bounds:
        """The maximum steps of each bucket: of the group that leads, or of the first two if buckets are pairs."""
        given = self.config.get("buckets")
        has_boundaries = isinstance(given, dict) and given.get("boundaries") is not None
        if not self.groups or has_boundaries:
            return tuple((boundary,) for boundary in self.boundaries)
        second = self.groups[groups(self.columns)[1]].boundaries
        return tuple(zip(self.boundaries, second, strict=True))

    @property
    def plan(self) -> BucketPlan:
        """The bucket plan of the only group."""
        return BucketPlan(self.boundaries)

    @property
    def model_columns(self) -> ColumnList:
        """The columns for a model of this data: lookups are done, so features are ids. See `columns.looked_up`."""
        numeric = {key: [of_key.training] for key, of_key in self.statistics.items() if of_key.training is not None}
        return ColumnList(looked_up(self.columns), joint_moments(numeric))

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(sorted(self.lengths))

    def histogram(self, split: str | None = None) -> LengthHistogram:
        """The lengths of the sequences of a split, or of all splits."""
        counts: Counter[int] = Counter()
        for name in self.splits if split is None else (split,):
            counts.update(self.lengths[name])
        return LengthHistogram.from_counts(counts)

    @property
    def totals(self) -> Totals:
        """The sums over all shards."""
        return Totals.of(self.shards)

    @property
    def totals_by_group(self) -> dict[str, Totals]:
        """The sums over all shards for each group, the leading one first."""
        totals = {next(iter(groups(self.columns)), ""): self.totals}
        for group in self.groups:
            parts = [shard.groups[group] for shard in self.shards]
            steps = sum(part.steps for part in parts)
            padded_steps = sum(part.padded_steps for part in parts)
            totals[group] = Totals(self.totals.sequences, steps, padded_steps)
        return totals

    def totals_by_bucket(self) -> list[Totals]:
        """The sums of each bucket, all splits together."""
        ordered = sorted(self.shards, key=lambda shard: shard.bucket)
        totals = {bucket: Totals.of(shards) for bucket, shards in groupby(ordered, key=lambda shard: shard.bucket)}
        return [totals.get(bucket, Totals(0, 0, 0)) for bucket in range(len(self.boundaries))]

    def to_json(self) -> str:
        """The file's text: sorted keys, two spaces, a newline at the end, and a digest by which edits are detected."""
        return text_with_digest(self.model_dump(mode="json"))
