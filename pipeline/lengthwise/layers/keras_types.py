"""Types of the layers' tensors, for annotations. Importing them imports neither TensorFlow nor Keras.

They hold on every Keras backend; `lengthwise.tensor.tensor_types` has TensorFlow's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias


class BackendTensor(Protocol):
    """A dense tensor of the Keras backend: of TensorFlow, JAX or PyTorch, or a `KerasTensor`."""

    @property
    def shape(self) -> Any: ...
    @property
    def dtype(self) -> Any: ...
    def __int__(self) -> int: ...
    def __getitem__(self, index: Any, /) -> "BackendTensor": ...
    def __neg__(self) -> "BackendTensor": ...
    def __add__(self, other: Any, /) -> "BackendTensor": ...
    def __sub__(self, other: Any, /) -> "BackendTensor": ...
    def __mul__(self, other: Any, /) -> "BackendTensor": ...
    def __floordiv__(self, other: Any, /) -> "BackendTensor": ...
    def __mod__(self, other: Any, /) -> "BackendTensor": ...
    def __truediv__(self, other: Any, /) -> "BackendTensor": ...
    def __lt__(self, other: Any, /) -> "BackendTensor": ...
    def __le__(self, other: Any, /) -> "BackendTensor": ...
    def __gt__(self, other: Any, /) -> "BackendTensor": ...
    def __ge__(self, other: Any, /) -> "BackendTensor": ...


class FeatureColumn(Protocol):
    """A column of `tf.feature_column`."""

    @property
    def name(self) -> str: ...


FeatureTensor: TypeAlias = Any
"""The values of one feature of a batch: a `BackendTensor`, a `tf.SparseTensor` or a `tf.RaggedTensor`, which only the
running code can distinguish."""

FeatureTensors = Mapping[str, FeatureTensor]
"""The features of a batch by key."""

Tables = Mapping[str, BackendTensor]
"""Embedding tables `[num_buckets, dimension]` by name: tensors or variables."""

Size = int | BackendTensor
"""A number of rows or steps: an int, or if it is known only at run time a scalar tensor."""

StaticShape = Sequence[int | None]
"""A static shape, with None for axes whose size is known only at run time."""


class Initializer(Protocol):
    """A Keras initializer."""

    def __call__(self, shape: StaticShape, dtype: Any = None) -> BackendTensor: ...


KerasConfig = dict[str, Any]
"""The configuration of a Keras object: JSON-compatible values by name."""
