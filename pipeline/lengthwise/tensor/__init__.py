"""Code shared by `lengthwise.feed` and `lengthwise.layers`: ids as tensors, and the types of tensors.

The package itself is light; `lengthwise.tensor.tensor_lookup` needs TensorFlow.
"""

from lengthwise.rules.looked_up import MISSING, REFUSED

__all__ = ["MISSING", "REFUSED"]
