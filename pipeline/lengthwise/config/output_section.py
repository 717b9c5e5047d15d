"""`shuffle` and `output`: the order and the form in which a job writes sequences."""

from typing import Literal

from pydantic import Field

from lengthwise.config.field_types import Bytes, Section
from lengthwise.manifest import Compression, Layout


class Shuffle(Section):
    """The order in which sequences are written."""

    enabled: bool = Field(default=True, description="Whether a seeded hash determines the order, not the input.")
    seed: int = Field(default=0, ge=0, lt=2**63, description="Different seeds give different orders.")


class Output(Section):
    """What is written."""

    path: str = Field(default="", description="The folder of the prepared data set.")
    layout: Layout = Field(
        default="block",
        description="`block`: a tf.Example contains the buffers of many sequences, unpadded. `example`: one padded "
        "tf.Example per sequence, for other tools.",
    )
    compression: Literal["auto", "gzip", "zlib", "none"] = Field(
        default="auto",
        description="The compression of shards and rejects. `auto`: gzip, but shards of blocks are plain files in "
        "which each buffer is compressed separately if that leaves less than half of it.",
    )
    shard_bytes: Bytes = Field(
        default=64 * 2**20, description="The target size of a shard before compression: bytes, or text such as `64MiB`."
    )
    block_sequences: int = Field(
        default=256, ge=1, le=65536, description="Block layout: the maximum number of sequences per block."
    )

    @property
    def shards_as(self) -> Compression:
        """The compression of the shards' files."""
        if self.compression == "auto":
            return "none" if self.layout == "block" else "gzip"
        return self.compression

    @property
    def rejects_as(self) -> Compression:
        """The compression of the file of rejects."""
        return "gzip" if self.compression == "auto" else self.compression
