"""`limits`: how much bad data a job accepts."""

from pydantic import Field

from lengthwise.config.field_types import Bytes, Section


class Limits(Section):
    """How much bad data is too much, and how large a record may be."""

    rejected_fraction: float = Field(
        default=0.01, ge=0, le=1, description="The job fails if a larger share of the records is rejected."
    )
    damaged_files: int = Field(
        default=0, ge=0, description="The job fails if more input files are unreadable, in whole or in part."
    )
    stop_after_rejected: int = Field(
        default=4096,
        ge=0,
        description="The job stops at once if this many first records, of several files, are all rejected for the "
        "same reason, as with a wrong key. It never stops early with 0, or if `rejected_fraction` is 1.",
    )
    max_record_bytes: Bytes = Field(
        default=64 * 2**20,
        description="Larger records are rejected without being parsed: bytes, or text such as `64MiB`.",
    )

    @property
    def looked_ahead(self) -> int:
        """The number of first records that stop the job if all are rejected for the same reason; 0 if none do."""
        return self.stop_after_rejected if self.rejected_fraction < 1 else 0
