"""What `lengthwise.feed` and `lengthwise.layers` share: ids as tensors.

The package itself is light; `lengthwise.tensor.tensor_lookup` needs TensorFlow.
"""

MISSING = -1
"""The id of a step without one: the zero vector, counted in the length."""

REFUSED = -2
"""What a look-up gives for a value that the column's policy `error` refuses; never stored."""
