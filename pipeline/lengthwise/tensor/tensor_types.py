"""Names of TensorFlow's types for annotations, in `lengthwise.feed` and `lengthwise.layers`.

mypy has no type information for TensorFlow and treats each of them as `Any`: they tell readers what a value is.
Modules that do not import TensorFlow themselves import these names under `TYPE_CHECKING`.
"""

from typing import Any, TypeAlias

import tensorflow as tf

Tensor: TypeAlias = tf.Tensor
"""A dense tensor; its dtype and shape are in the docstring of the function."""

RaggedTensor: TypeAlias = tf.RaggedTensor
SparseTensor: TypeAlias = tf.SparseTensor

AnyTensor: TypeAlias = tf.Tensor | tf.RaggedTensor | tf.SparseTensor
"""A dense, a ragged or a sparse tensor."""

TensorLike: TypeAlias = tf.types.experimental.TensorLike
"""A tensor, or what `tf.convert_to_tensor` converts: an array, a list, a number, a string, a `tf.Variable`."""

DType: TypeAlias = tf.DType
Shape: TypeAlias = tf.TensorShape
TensorSpec: TypeAlias = tf.TensorSpec
Operation: TypeAlias = tf.Operation

Structure: TypeAlias = Any
"""A nested structure of tensors: a tensor, or tuples and dicts of them, as `tf.nest` flattens it."""

StructureSpec: TypeAlias = Any
"""The `tf.TypeSpec` of each tensor of a structure, in the same structure, such as `Dataset.element_spec`."""

Dataset: TypeAlias = tf.data.Dataset

FeatureSpec: TypeAlias = tf.io.FixedLenFeature | tf.io.RaggedFeature
"""How `tf.io.parse_example` parses a feature."""

ConcreteFunction: TypeAlias = tf.types.experimental.ConcreteFunction
PolymorphicFunction: TypeAlias = tf.types.experimental.PolymorphicFunction
"""What `tf.function` returns."""
