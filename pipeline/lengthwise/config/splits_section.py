"""`splits`: how a job divides records into splits."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from lengthwise.columns.field_errors import FieldError, show
from lengthwise.config.field_types import SORTED, Section, check_split_name

TRAINING_SPLIT = "train"
"""The split whose values are counted: what a model may know before it is evaluated."""


class Splits(Section):
    """How records are divided: by a hash, so a record never changes its split."""

    fractions: Annotated[dict[str, float], SORTED] = Field(
        default={TRAINING_SPLIT: 1.0}, description="The splits and their shares, which add up to 1."
    )
    key: str | None = Field(
        default=None,
        description="A context column: records with the same value share a split. If omitted, the record's bytes "
        "decide.",
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="Different seeds give different divisions.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.fractions or any(share <= 0 for share in self.fractions.values()):
            shares = show([f"{name}: {share:g}" for name, share in self.fractions.items()])
            raise FieldError("fractions", f"expected shares above 0, such as train: 0.9, eval: 0.1, received {shares}")
        total = sum(self.fractions.values())
        if abs(total - 1) > 1e-6:
            raise FieldError("fractions", f"expected shares that add up to 1, received {total:g}")
        for name in self.fractions:
            check_split_name(name, "fractions")
        return self
