"""Columns from a TensorFlow Metadata schema, as written by TFDV and TFX's SchemaGen.

Whether a feature is a sequence
    fixed `shape`, dense_tensor, value_count min = max    context
    inside the struct `##SEQUENCE##`                      sequence (of a tf.SequenceExample)
    ragged_tensor, varlen_sparse_tensor, neither          sequence (of a tf.Example); context next to a `##SEQUENCE##`

The column of a context feature
    string_domain, int_domain with is_categorical, of one value,
        or, without a fixed shape, of up to value_count max     ids of the record, by the rules below
    others                                                      context, with the domain's min and max

The column of a sequence
    int_domain 0 <= min <= max, bool_domain    identity of max + 1 ids; min = -1: ids with -1 as the missing id
    other INT                                  numeric of dtype int64, with the domain's min and max
    string_domain, bool_domain                 vocabulary list; values outside are rejected, unless min_domain_mass < 1
    FLOAT                                      numeric, with the domain's min and max
"""

import math
from collections.abc import Callable, Collection, Iterator
from typing import Any

from lengthwise.columns.column_base import RESERVED_KEY
from lengthwise.columns.column_queries import IdColumn, SequenceFeature
from lengthwise.columns.context_columns import ContextColumn
from lengthwise.columns.id_columns import IdentityColumn
from lengthwise.columns.numeric_columns import NumericColumn
from lengthwise.columns.schema_file import read_schema
from lengthwise.columns.vocabulary_columns import VocabularyColumn
from lengthwise.errors import ConfigError

SEQUENCES = "##SEQUENCE##"
_UNUSED_STAGES = frozenset({"PLANNED", "ALPHA", "DEPRECATED", "DEBUG_ONLY", "DISABLED"})
_INT, _FLOAT, _STRUCT = 2, 3, 4  # FeatureType; BYTES is 1
_DTYPES = {_INT: "int64", _FLOAT: "float32"}

Column = SequenceFeature | ContextColumn


def columns_from_schema(schema: Any, leave_out: Collection[str] = ()) -> tuple[Column, ...]:
    """The columns that a schema describes, in the order of the schema.

    Features without a `presence`, or with a min_fraction of 1, are required. Numbers must be finite.

    Args:
        schema: a `tensorflow_metadata.proto.v0.schema_pb2.Schema`, or the path of one as text (`schema.pbtxt`).
        leave_out: features to omit, for which the caller defines columns.

    Raises:
        ConfigError: the file is not a schema, or the description of a feature is incomplete; the message names it.
    """
    source = f"{schema}: " if isinstance(schema, str) else ""
    schema = read_schema(schema) if isinstance(schema, str) else schema
    try:
        return tuple(_Schema(schema, leave_out).columns())
    except ConfigError as error:
        raise ConfigError(f"{source}{error}") from error


class _Schema:
    """A schema, with the parts that describe a feature outside the feature itself."""

    def __init__(self, schema: Any, leave_out: Collection[str]) -> None:
        self._schema = schema
        self._leave_out = {*leave_out, RESERVED_KEY}
        self._weights = {_last(pair.feature): _last(pair.weight_feature) for pair in schema.weighted_feature}
        domains = (*schema.string_domain, *schema.int_domain, *schema.float_domain)
        self._domains = {domain.name: domain for domain in domains}
        self._representations = _representations(schema)
        self._has_sequences = any(_is_sequences(feature) for feature in schema.feature)

    def columns(self) -> Iterator[Column]:
        if self._schema.sparse_feature:
            name = self._schema.sparse_feature[0].name
            hint = "write the values as a list in the order of the steps"
            raise ConfigError(f"feature {name!r}: expected other features, received a sparse_feature; {hint}")
        for feature in self._schema.feature:
            if _is_sequences(feature):
                for inner in filter(self._is_used, feature.struct_domain.feature):
                    yield _column(inner, self._sequence)
            elif self._is_used(feature):
                yield _column(feature, self._context if self._is_context(feature) else self._sequence)

    def _is_used(self, feature: Any) -> bool:
        if feature.name in self._leave_out or feature.name in self._weights.values():
            return False
        stage = type(feature).DESCRIPTOR.fields_by_name["lifecycle_stage"].enum_type.values_by_number
        return not feature.deprecated and stage[feature.lifecycle_stage].name not in _UNUSED_STAGES

    def _is_context(self, feature: Any) -> bool:
        return self._is_fixed(feature) or (self._kind_of_tensor(feature) is None and self._has_sequences)

    def _is_fixed(self, feature: Any) -> bool:
        """Whether all records have the same number of values."""
        kind = self._kind_of_tensor(feature)
        if feature.HasField("shape") or kind is not None:
            return feature.HasField("shape") or bool(kind == "dense_tensor")
        return feature.HasField("value_count") and feature.value_count.min == feature.value_count.max

    def _kind_of_tensor(self, feature: Any) -> Any:
        representation = self._representations.get(feature.name)
        return representation.WhichOneof("kind") if representation is not None else None

    def _context(self, feature: Any) -> ContextColumn | IdColumn:
        if feature.type == _STRUCT:
            raise ConfigError("expected INT, FLOAT or BYTES, received STRUCT")
        domain = self._domain(feature)
        shape = self._fixed_shape(feature)
        count = math.prod(shape)
        if _declares_ids(domain) and (count == 1 or not self._is_fixed(feature)):
            return self._categorical(feature, domain, per="record", values_per_step=count)
        dtype = _DTYPES.get(feature.type, "string")
        limits = _limits(domain) if dtype != "string" else {}
        default = None if _is_required(feature) else self._default(feature, dtype)
        return ContextColumn.make(key=feature.name, dtype=dtype, shape=shape, default_value=default, **limits)

    def _fixed_shape(self, feature: Any) -> tuple[int, ...]:
        if self._kind_of_tensor(feature) == "dense_tensor":
            return tuple(dim.size for dim in self._representations[feature.name].dense_tensor.shape.dim)
        if feature.HasField("shape"):
            return tuple(dim.size for dim in feature.shape.dim)
        count = feature.value_count.max if feature.HasField("value_count") else 1
        return () if count <= 1 else (count,)

    def _default(self, feature: Any, dtype: str) -> float | int | str:
        """The value for an absent feature: the representation's default, else zero or the empty string."""
        default = None
        if self._kind_of_tensor(feature) == "dense_tensor":
            default = self._representations[feature.name].dense_tensor.default_value
        match dtype:
            case "string":
                return default.bytes_value.decode() if default else ""
            case "int64":
                return int(default.int_value) if default else 0
            case _:
                return float(default.float_value) if default else 0.0

    def _sequence(self, feature: Any) -> SequenceFeature:
        domain = self._domain(feature)
        if feature.type == _FLOAT or (feature.type == _INT and not _is_ids(domain)):
            return NumericColumn.make(
                key=feature.name,
                dtype=_DTYPES[feature.type],
                shape=self._step_shape(feature),
                required=_is_required(feature),
                **_limits(domain),
            )
        values = max(1, feature.value_counts.value_count[-1].max) if _has_steps(feature) else 1
        return self._categorical(feature, domain, per="step", values_per_step=values)

    def _categorical(self, feature: Any, domain: Any, **rules: Any) -> IdColumn:
        shared = {
            "key": feature.name,
            "weight_key": self._weights.get(feature.name),
            "required": _is_required(feature),
            **rules,
        }
        if feature.type == _INT:
            if not hasattr(domain, "max"):
                return IdentityColumn.make(num_buckets=2, **shared)
            oov = "zero" if domain.min == -1 else "error"
            return IdentityColumn.make(num_buckets=int(domain.max) + 1, oov=oov, **shared)
        if feature.type == _STRUCT or domain is None:
            raise ConfigError(
                "expected INT, FLOAT, or BYTES with a string_domain; add the domain, or define the column yourself, "
                "with hash_bucket_size or vocabulary_file"
            )
        entries = tuple(domain.value) if hasattr(domain, "value") else (domain.false_value, domain.true_value)
        is_partial = 0 < feature.distribution_constraints.min_domain_mass < 1
        return VocabularyColumn.make(vocabulary_list=entries, oov="zero" if is_partial else "error", **shared)

    def _step_shape(self, feature: Any) -> tuple[int, ...]:
        """The shape of a step: fixed inner sizes of the ragged tensor, or of the nested value counts."""
        if self._kind_of_tensor(feature) == "ragged_tensor":
            partitions = self._representations[feature.name].ragged_tensor.partition
            sizes = tuple(part.uniform_row_length for part in partitions if part.HasField("uniform_row_length"))
            if sizes:
                return sizes
        if _has_steps(feature):
            count = feature.value_counts.value_count[-1]
            return (count.min,) if count.min == count.max and count.min > 0 else (1,)
        return (1,)

    def _domain(self, feature: Any) -> Any:
        """The feature's domain, in the feature or by its name in the schema; None without one."""
        kind = feature.WhichOneof("domain_info")
        if kind == "domain":
            return self._domains.get(feature.domain)
        if kind in ("int_domain", "float_domain", "string_domain", "bool_domain"):
            return getattr(feature, kind)
        return None


def _column(feature: Any, convert: Callable[[Any], Column]) -> Column:
    """The column that `convert` makes of the feature. Its errors get the name of the feature."""
    try:
        return convert(feature)
    except ConfigError as error:
        raise ConfigError(f"feature {feature.name!r}: {error}") from error


def _is_sequences(feature: Any) -> bool:
    return bool(feature.type == _STRUCT and feature.name == SEQUENCES)


def _is_ids(domain: Any) -> bool:
    if domain is None:
        return False
    if not hasattr(domain, "min"):
        return True  # a bool_domain
    are_numbers = domain.HasField("is_categorical") and not domain.is_categorical
    return bool(domain.HasField("max") and domain.min >= -1 and not are_numbers)


def _declares_ids(domain: Any) -> bool:
    """Whether the domain of a context feature lists strings or declares its integers as ids; others may be labels."""
    return hasattr(domain, "value") or bool(getattr(domain, "is_categorical", False) and _is_ids(domain))


def _is_required(feature: Any) -> bool:
    return not feature.HasField("presence") or feature.presence.min_fraction >= 1


def _has_steps(feature: Any) -> bool:
    """Whether counts are given by level: steps of a record, values of a step."""
    return len(feature.value_counts.value_count) > 1


def _limits(domain: Any) -> dict[str, float]:
    names = [name for name in ("min", "max") if domain is not None and name in domain.DESCRIPTOR.fields_by_name]
    return {f"{name}_value": getattr(domain, name) for name in names if domain.HasField(name)}


def _last(path: Any) -> str:
    return str(path.step[-1]) if path.step else ""


def _representations(schema: Any) -> dict[str, Any]:
    """The tensor representations by the name of their feature; those of the unnamed group take precedence."""
    representations: dict[str, Any] = {}
    for _, group in sorted(schema.tensor_representation_group.items(), reverse=True):
        for representation in group.tensor_representation.values():
            kind = representation.WhichOneof("kind")
            if kind == "ragged_tensor":
                representations[_last(representation.ragged_tensor.feature_path)] = representation
            elif kind in ("dense_tensor", "varlen_sparse_tensor"):
                representations[getattr(representation, kind).column_name] = representation
    return representations
