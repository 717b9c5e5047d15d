"""Columns of ids, except vocabularies: integers, and hashed values.

`lengthwise.records.rows.id_lookup` implements the lookups; these classes are only values. In the results of lookups, -1
is the missing id: a zero vector, counted in the length.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lengthwise.columns.column_base import Place, Spec
from lengthwise.columns.column_groups import GroupName
from lengthwise.columns.field_errors import FieldError

IdCount = Annotated[int, Field(ge=1, lt=2**63)]


def check_default_id(oov: str, default: int | None, num_ids: Callable[[], int]) -> None:
    """Raises FieldError unless a default id is given exactly if the policy needs one, and is one of the ids.

    Args:
        oov: the policy.
        default: the default id, or None.
        num_ids: computes how many ids the default may be one of; called only if there is a default.
    """
    if oov == "default" and default is None:
        raise FieldError("default_value", "expected an id with oov 'default', received nothing")
    if default is None:
        return
    if oov != "default":
        raise FieldError("oov", f"expected 'default' with a default_value, received {oov!r}")
    count = num_ids()
    if not 0 <= default < count:
        raise FieldError("default_value", f"expected an id in [0, {count}), received {default}")


class CategoricalColumn(Spec):
    """The fields that all columns of ids share."""

    key: str = Field(min_length=1, description="The feature's name.")
    per: Literal["step", "record"] = Field(
        default="step",
        description="`step` for a sequence; `record` for a feature of the whole record, which is read like a sequence "
        "of one step.",
    )
    weight_key: str | None = Field(
        default=None,
        min_length=1,
        description="The float feature with one weight per value; None for equal weights.",
    )
    values_per_step: int = Field(
        default=1,
        ge=1,
        le=65536,
        description="The maximum number of values per step (2 or more: multi-hot; shorter steps are filled with the "
        "missing id). A step without a value has the missing id regardless of `oov`, and is counted as repaired. In a "
        "tf.Example, whose lists are flat, each step has exactly this number of values. With `per: record`, the "
        "maximum number of values per record; if it is 2 or more, batches contain the number of values as "
        "`<key>_count`.",
    )
    required: bool = Field(default=True, description="Whether a record without the feature is rejected.")
    group: GroupName = ""
    from_: Place = Field(default="feature_lists", alias="from")

    @model_validator(mode="after")
    def _check_place_and_weights(self) -> Self:
        if self.weight_key == self.key:
            raise FieldError("weight_key", f"expected a feature other than the key, received {self.weight_key!r}")
        if self.per == "step":
            return self
        if self.group:
            rule = "expected no group with `per: record`, since only sequences have groups"
            raise FieldError("group", f"{rule}, received {self.group!r}; leave it out")
        if self.from_ == "context":
            rule = "expected no `from` with `per: record`, since only sequences have this field"
            raise FieldError("from", f"{rule}, received 'context'; leave it out")
        return self

    @property
    def name(self) -> str:
        return self.key if self.weight_key is None else f"{self.key}_weighted_by_{self.weight_key}"

    @property
    def count_key(self) -> str | None:
        """The feature, added by the lookup, with the number of values of a record; None if there is at most one."""
        return f"{self.key}_count" if self.per == "record" and self.values_per_step > 1 else None


class IdentityColumn(CategoricalColumn):
    """Integers in [0, num_buckets) that are used as ids."""

    kind: Literal["identity"] = "identity"
    num_buckets: IdCount = Field(description="The number of ids.")
    default_value: int | None = Field(default=None, description="The id of values out of range, with `oov: default`.")
    oov: Literal["error", "zero", "default"] = Field(
        default="error",
        description="How integers out of range are handled: `error` rejects the record (in a layer: an error), `zero` "
        "uses the missing id, `default` the id `default_value`. If omitted: `default` with a default_value, else "
        "`error`.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_policy(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("oov") is None:
            fields = {**fields, "oov": "error" if fields.get("default_value") is None else "default"}
        return fields

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_default_id(self.oov, self.default_value, lambda: self.num_buckets)
        return self

    @property
    def dtype(self) -> Literal["int64"]:
        return "int64"


class HashColumn(CategoricalColumn):
    """Values hashed into ids by FarmHash Fingerprint64, the same as in `tf.strings.to_hash_bucket_fast`."""

    kind: Literal["hash"] = "hash"
    hash_bucket_size: IdCount = Field(description="The number of ids.")
    dtype: Literal["string", "int64"] = Field(
        default="string", description="`string` or `int64`; integers are hashed as decimal text."
    )

    @property
    def num_buckets(self) -> int:
        return self.hash_bucket_size
