"""Wrappers that convert a categorical sequence to vectors: embedding, shared embedding, counts of ids."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from lengthwise.columns.column_base import Spec
from lengthwise.columns.field_errors import FieldError
from lengthwise.columns.id_columns import HashColumn, IdCount, IdentityColumn
from lengthwise.columns.initializers import initializer_config
from lengthwise.columns.numeric_columns import MAX_ELEMENTS, BucketizedColumn
from lengthwise.columns.vocabulary_columns import VocabularyColumn

Categorical = Annotated[IdentityColumn | HashColumn | VocabularyColumn | BucketizedColumn, Field(discriminator="kind")]


class EmbeddingSpec(Spec):
    """An embedding table, of one column or shared."""

    dimension: int = Field(ge=1, le=MAX_ELEMENTS, description="The size of a vector.")
    combiner: Literal["mean", "sqrtn", "sum"] = Field(
        default="mean",
        description="How the vectors of a step with several values are combined: `mean`, `sqrtn` or `sum`.",
    )
    initializer: Annotated[Any, BeforeValidator(initializer_config)] = Field(
        default=None,
        description="A Keras or TensorFlow initializer, its name or its config; None for a truncated normal of mean 0 "
        "and standard deviation 1 / sqrt(dimension), as in TensorFlow. A pretrained table in a constant initializer is "
        "part of every saved configuration; pass large tables as the layer's `tables` instead.",
    )
    ckpt_to_load_from: str | None = Field(
        default=None,
        description="A checkpoint with a tensor for the initial weights. Saved models and manifests do not contain its "
        "path, so those from other people cannot open files.",
    )
    tensor_name_in_ckpt: str | None = Field(
        default=None, description="The name of that tensor; required with `ckpt_to_load_from`."
    )
    max_norm: float | None = Field(
        default=None, gt=0, description="Vectors are clipped to this l2 norm before they are combined."
    )
    trainable: bool = Field(default=True, description="Whether training changes the table.")

    @model_validator(mode="after")
    def _checkpoint_has_both_parts(self) -> Self:
        if (self.ckpt_to_load_from is None) != (self.tensor_name_in_ckpt is None):
            missing = "ckpt_to_load_from" if self.ckpt_to_load_from is None else "tensor_name_in_ckpt"
            rule = "expected both ckpt_to_load_from and tensor_name_in_ckpt, or neither, received one"
            raise FieldError(missing, rule)
        return self

    def __hash__(self) -> int:
        values = [value for name, value in self if name != "initializer"]  # an initializer's config is not hashable
        return hash((type(self), *values))


class EmbeddingColumn(EmbeddingSpec):
    """A categorical sequence with its own embedding table."""

    kind: Literal["embedding"] = "embedding"
    categorical_column: Categorical = Field(description="The sequence of ids.")

    @property
    def name(self) -> str:
        return f"{self.categorical_column.name}_embedding"

    @property
    def num_elements(self) -> int:
        return self.dimension


class SharedEmbedding(EmbeddingSpec):
    """One embedding table for several categorical columns."""

    name: str = Field(
        description="The table's name: by default the sorted names of its columns, joined by `_`, and "
        "`_shared_embedding`."
    )
    num_buckets: IdCount = Field(description="The number of ids, the same in all of its columns.")


class SharedEmbeddingColumn(Spec):
    """A categorical sequence with a shared embedding table."""

    kind: Literal["shared_embedding"] = "shared_embedding"
    categorical_column: Categorical = Field(description="The sequence of ids.")
    shared: SharedEmbedding = Field(description="The table, the same in all of its columns.")

    @model_validator(mode="after")
    def _same_ids(self) -> Self:
        if self.categorical_column.num_buckets != self.shared.num_buckets:
            raise FieldError(
                "categorical_column",
                f"expected columns of {self.shared.num_buckets} ids in the shared embedding {self.shared.name!r}, "
                f"received {self.categorical_column.num_buckets} in {self.categorical_column.name!r}",
            )
        return self

    @property
    def name(self) -> str:
        return f"{self.categorical_column.name}_shared_embedding"

    @property
    def num_elements(self) -> int:
        return self.shared.dimension


class IndicatorColumn(Spec):
    """A categorical sequence as counts: each step is a vector with the number of occurrences of each id."""

    kind: Literal["indicator"] = "indicator"
    categorical_column: Categorical = Field(description="The sequence of ids.")

    @property
    def name(self) -> str:
        return f"{self.categorical_column.name}_indicator"

    @property
    def num_elements(self) -> int:
        return self.categorical_column.num_buckets
