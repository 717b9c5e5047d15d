"""What the readers of raw files are told: a job's configuration, of which they read one split."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, Self

from lengthwise.columns import feature_of, from_feature_columns
from lengthwise.config import JobConfig, load_config
from lengthwise.errors import ConfigError, DataLimitError
from lengthwise.storage.input_sources import find_sources

if TYPE_CHECKING:
    from lengthwise.records.rows.block_rows import Rules
    from lengthwise.records.samples.first_records import FirstRecords

Raw = str | PathLike[str] | Sequence[str | PathLike[str]] | Mapping[str, Any] | JobConfig
"""A job's configuration, as `load_config` takes it; or, where columns are given, paths of raw files."""


@dataclass(frozen=True)
class RawJob:
    """The job whose raw files are read.

    Attributes:
        config: the configuration. What it says of shuffling, output and how much may be rejected is for the job alone.
        split: which of its splits is read.
    """

    config: JobConfig
    split: str

    @classmethod
    def of(cls, source: Raw, columns: Iterable[Any] | None, split: str) -> Self:
        """The job of a reader's arguments.

        Raises:
            ConfigError: the configuration is wrong, or it has no such split.
        """
        if columns is not None:
            # Wrappers concern models alone; and what they hold, such as an initializer, may be code.
            features = tuple(dict.fromkeys(map(feature_of, from_feature_columns(columns))))
            config = load_config({"inputs": {"files": _paths(source)}, "columns": features})
        elif isinstance(source, str | PathLike | Mapping | JobConfig):
            config = load_config(source)
        else:
            raise ConfigError(
                "columns: expected columns beside a list of files, received none; give columns=, or a configuration"
            )
        if split not in config.split_names:
            raise ConfigError(
                f"split: expected one of the job's splits ({', '.join(config.split_names)}), received {split!r}"
            )
        return cls(config, split)

    @property
    def boundaries(self) -> tuple[int, ...] | None:
        """The values that T may have; None for any."""
        return self.config.buckets.boundaries

    @property
    def rules(self) -> "Rules":
        """How its records become rows in the job."""
        from lengthwise.records.rows.block_rows import Rules

        return Rules.of(self.config, self.config.longest)

    def look_ahead(self, paths: Sequence[str]) -> "FirstRecords":
        """What the first records of the files are.

        Raises:
            DataLimitError: all rejected for one reason, as a wrong key makes them; see `limits.stop_after_rejected`.
        """
        from lengthwise.records.samples.first_records import look_ahead

        look = look_ahead(paths, self.rules, self.config.limits.looked_ahead, self.config, measure=True)
        if look.rejected is not None and look.rejected.rest:
            raise DataLimitError(look.rejected.describe("limits.stop_after_rejected"))
        return look

    def find_files(self) -> list[str]:
        """The files that hold records of the split, sorted; one under several names once, under the shortest.

        Raises:
            ConfigError: a pattern or folder names none.
        """
        inputs = self.config.inputs
        field = f"inputs.by_split.{self.split}" if inputs.by_split else "inputs.files"
        patterns = inputs.by_split[self.split] if inputs.by_split else inputs.files
        if not patterns:
            raise ConfigError(f"{field}: expected at least one file or pattern, received none; name the raw TFRecords")
        return [found.path for found in find_sources(patterns, field).files]


def _paths(source: Any) -> list[str]:
    if isinstance(source, str | PathLike):
        return [fspath(source)]
    if isinstance(source, Mapping | JobConfig):
        raise ConfigError("columns: expected none beside a job's configuration, which has its own; leave columns out")
    return [fspath(one) for one in source]
