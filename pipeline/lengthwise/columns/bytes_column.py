"""Columns of bytes that are not decoded: pictures, sound, serialized tensors."""

from typing import Literal

from pydantic import Field

from lengthwise.columns.column_base import Place, Spec
from lengthwise.columns.column_groups import GroupName


class BytesColumn(Spec):
    """A sequence of byte strings, one per step, which are not decoded: batches contain them as strings `[B, T]`.

    Padding, and the steps of an absent optional feature, are empty strings. Layers do not read bytes: decode them in a
    map over the batches, for example with `tf.io.decode_jpeg`, and give the layer a numeric column of the result.
    """

    kind: Literal["bytes"] = "bytes"
    key: str = Field(min_length=1, description="The feature's name.")
    required: bool = Field(default=True, description="Whether a record without the feature is rejected.")
    max_bytes: int | None = Field(
        default=None,
        ge=1,
        description="The maximum number of bytes per step; records with larger steps are rejected as `out_of_range`. "
        "None: limited only by `limits.max_record_bytes`.",
    )
    group: GroupName = ""
    from_: Place = Field(default="feature_lists", alias="from")

    @property
    def name(self) -> str:
        return self.key

    @property
    def dtype(self) -> str:
        return "string"
