"""`inputs`: which files a job reads."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lengthwise.columns.field_errors import FieldError
from lengthwise.config.field_types import SORTED, Patterns, Section, check_split_name

RecordFormat = Literal["sequence_example", "example"]
"""The protocol buffer of records: tf.SequenceExample or tf.Example."""


class Inputs(Section):
    """What is read."""

    files: Patterns = Field(
        default=(), description="Raw TFRecord files: paths, glob patterns, or folders, all of whose files are read."
    )
    by_split: Annotated[dict[str, Patterns], SORTED] = Field(
        default={}, description="Instead of `files`: paths or patterns by split, which determine the records' splits."
    )
    format: RecordFormat = Field(
        default="sequence_example", description="The records' protocol buffer: tf.SequenceExample or tf.Example."
    )
    compression: Literal["auto", "gzip", "zlib", "none"] = Field(
        default="auto", description="The files' compression; `auto` detects it from the first bytes of each file."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.files and self.by_split:
            raise FieldError("by_split", "expected either `files` or `by_split`, received both; leave one out")
        for name, patterns in self.by_split.items():
            check_split_name(name, "by_split")
            if not patterns:
                raise FieldError(f"by_split.{name}", "expected at least 1 path or pattern, received []")
        return self
