"""The job whose raw files a reader reads: its configuration and one of its splits."""

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
"""A job's configuration, as `load_config` accepts it; or, if columns are given, paths of raw files."""


@dataclass(frozen=True)
class RawJob:
    """The job whose raw files are read.

    Attributes:
        config: the configuration. Its settings of shuffling, output and limits of rejects apply only to the job.
        split: the split that is read.
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
            # Wrappers concern only models, and may contain code, such as an initializer.
            features = tuple(dict.fromkeys(map(feature_of, from_feature_columns(columns))))
            config = load_config({"inputs": {"files": _paths(source)}, "columns": features})
        elif isinstance(source, str | PathLike | Mapping | JobConfig):
            config = load_config(source)
        else:
            raise ConfigError(
                "columns: expected columns with a list of files, received none; pass columns=, or a configuration"
            )
        if split not in config.split_names:
            raise ConfigError(
                f"split: expected one of the job's splits ({', '.join(config.split_names)}), received {split!r}"
            )
        return cls(config, split)

    @property
    def rules(self) -> "Rules":
        """The rules by which records become rows in the job."""
        from lengthwise.records.rows.block_rows import Rules

        return Rules.of(self.config, self.config.longest)

    def look_ahead(self, paths: Sequence[str]) -> "FirstRecords":
        """The first records of the files.

        Raises:
            DataLimitError: all are rejected for one reason, as with a wrong key; see `limits.stop_after_rejected`.
        """
        from lengthwise.records.samples.first_records import look_ahead

        look = look_ahead(paths, self.rules, self.config.limits.looked_ahead, self.config, measure=True)
        if look.rejected is not None and look.rejected.has_more:
            raise DataLimitError(look.rejected.describe())
        return look

    def find_files(self) -> list[str]:
        """The files that contain records of the split, sorted; a file with several names once, under the shortest.

        Raises:
            ConfigError: a pattern or folder matches no file.
        """
        inputs = self.config.inputs
        field = f"inputs.by_split.{self.split}" if inputs.by_split else "inputs.files"
        patterns = inputs.by_split[self.split] if inputs.by_split else inputs.files
        if not patterns:
            raise ConfigError(f"{field}: expected at least one file or pattern, received none; name the raw TFRecords")
        return [source.path for source in find_sources(patterns, field).files]


def _paths(source: Raw) -> list[str]:
    if isinstance(source, str | PathLike):
        return [fspath(source)]
    if isinstance(source, Mapping | JobConfig):
        raise ConfigError("columns: expected none with a job's configuration, which has columns; leave columns out")
    return [fspath(path) for path in source]
