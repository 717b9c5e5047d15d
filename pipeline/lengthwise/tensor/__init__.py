"""Code shared by `lengthwise.feed` and `lengthwise.layers`: ids as tensors, and the types of tensors.

The package itself is light; `lengthwise.tensor.tensor_lookup` needs TensorFlow.
"""

MISSING = -1
"""The id of a step without an id: the zero vector, counted in the length."""

REFUSED = -2
"""The result of a lookup for a value that the column's policy `error` refuses; never stored."""
