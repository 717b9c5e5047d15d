"""The columns of a data set: immutable values, the same from Python, YAML, `tf.feature_column.*` and a TFMD schema.

sequence features     NumericColumn   IdentityColumn | HashColumn | VocabularyColumn        one entry per step
                           │                              │
derived               BucketizedColumn ───────────────────┤
                                                          │
dense wrappers        EmbeddingColumn | SharedEmbeddingColumn | IndicatorColumn            inputs of a layer
the whole record      ContextColumn                                                       labels, weights, names
                      IdentityColumn | HashColumn | VocabularyColumn, with per="record"   device, country, topics
opaque steps          BytesColumn                                                         pictures, sound, tensors
"""

from typing import Annotated

from pydantic import Field

from lengthwise.columns.bytes_column import BytesColumn
from lengthwise.columns.column_base import POSITIONS, RESERVED_KEY, SEGMENTS
from lengthwise.columns.column_groups import group_of, groups_of, length_key, packed_keys
from lengthwise.columns.column_list import ColumnList, Moments
from lengthwise.columns.column_queries import (
    AnyColumn,
    ContextFeature,
    DenseColumn,
    IdColumn,
    LayerFeature,
    SequenceFeature,
    context_features,
    context_ids,
    feature_of,
    groups,
    id_features,
    is_context,
    leading_length_key,
    looked_up,
    needs_counting,
    raw_context,
    raw_values,
    sequence_features,
)
from lengthwise.columns.constructors import (
    categorical_column_with_hash_bucket,
    categorical_column_with_identity,
    categorical_column_with_vocabulary_file,
    categorical_column_with_vocabulary_list,
    context_column,
    embedding_column,
    indicator_column,
    sequence_bucketized_column,
    sequence_bytes_column,
    sequence_categorical_column_with_hash_bucket,
    sequence_categorical_column_with_identity,
    sequence_categorical_column_with_vocabulary_file,
    sequence_categorical_column_with_vocabulary_list,
    sequence_numeric_column,
    shared_embedding_columns,
)
from lengthwise.columns.context_columns import ContextColumn
from lengthwise.columns.embedding_columns import (
    EmbeddingColumn,
    EmbeddingSpec,
    IndicatorColumn,
    SharedEmbedding,
    SharedEmbeddingColumn,
)
from lengthwise.columns.from_schema import columns_from_schema
from lengthwise.columns.from_tensorflow import from_feature_column, from_feature_columns
from lengthwise.columns.id_columns import HashColumn, IdentityColumn
from lengthwise.columns.numeric_columns import BucketizedColumn, NumericColumn, Quantiles
from lengthwise.columns.parse_spec import make_parse_example_spec
from lengthwise.columns.vocabulary_columns import FromData, VocabularyColumn

Column = Annotated[AnyColumn, Field(discriminator="kind")]
"""Any column, discriminated by its `kind`: the type to use in pydantic models."""

__all__ = [
    "POSITIONS",
    "RESERVED_KEY",
    "SEGMENTS",
    "AnyColumn",
    "BucketizedColumn",
    "BytesColumn",
    "Column",
    "ColumnList",
    "ContextColumn",
    "ContextFeature",
    "DenseColumn",
    "EmbeddingColumn",
    "EmbeddingSpec",
    "FromData",
    "HashColumn",
    "IdColumn",
    "IdentityColumn",
    "IndicatorColumn",
    "LayerFeature",
    "Moments",
    "NumericColumn",
    "Quantiles",
    "SequenceFeature",
    "SharedEmbedding",
    "SharedEmbeddingColumn",
    "VocabularyColumn",
    "categorical_column_with_hash_bucket",
    "categorical_column_with_identity",
    "categorical_column_with_vocabulary_file",
    "categorical_column_with_vocabulary_list",
    "columns_from_schema",
    "context_column",
    "context_features",
    "context_ids",
    "embedding_column",
    "feature_of",
    "from_feature_column",
    "from_feature_columns",
    "group_of",
    "groups",
    "groups_of",
    "id_features",
    "indicator_column",
    "is_context",
    "leading_length_key",
    "length_key",
    "looked_up",
    "make_parse_example_spec",
    "needs_counting",
    "packed_keys",
    "raw_context",
    "raw_values",
    "sequence_bucketized_column",
    "sequence_bytes_column",
    "sequence_categorical_column_with_hash_bucket",
    "sequence_categorical_column_with_identity",
    "sequence_categorical_column_with_vocabulary_file",
    "sequence_categorical_column_with_vocabulary_list",
    "sequence_features",
    "sequence_numeric_column",
    "shared_embedding_columns",
]
