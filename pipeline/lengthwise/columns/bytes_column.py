"""Columns of bytes that are kept as they are: pictures, sound, serialized tensors."""

from typing import Literal

from pydantic import Field

from lengthwise.columns.column_base import Place, Spec
from lengthwise.columns.column_groups import GroupName


class BytesColumn(Spec):
    """A sequence of byte strings, one a step, which nobody decodes on the way: batches have them as strings `[B, T]`.

    Padding, and the steps of an absent optional feature, are empty strings. Layers read no bytes: decode them in a map
    over the batches, such as with `tf.io.decode_jpeg`, and give the layer a numeric column of what they become.
    """

    kind: Literal["bytes"] = "bytes"
    key: str = Field(min_length=1, description="The feature's name.")
    required: bool = Field(default=True, description="Whether a record without the feature is rejected.")
    max_bytes: int | None = Field(
        default=None,
        ge=1,
        description="The most bytes of a step; records with larger ones are rejected as `out_of_range`. None: as many "
        "as `limits.max_record_bytes` leaves.",
    )
    group: GroupName = Field(
        default="",
        description="The columns of a group have one length in each record; left out, the one without a name.",
    )
    from_: Place = Field(
        default="feature_lists",
        alias="from",
        description="Where a tf.SequenceExample has the sequence: in its `feature_lists`, or, as Spark writes arrays, "
        "as a flat list in its `context`, each string of which is a step. In Python it is `from_`.",
    )

    @property
    def name(self) -> str:
        return self.key

    @property
    def dtype(self) -> str:
        return "string"
