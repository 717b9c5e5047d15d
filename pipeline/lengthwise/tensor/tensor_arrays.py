"""The arrays of the rules on TensorFlow: eagerly, in `tf.function` and in a `tf.data` map."""

from collections.abc import Sequence

import tensorflow as tf

from lengthwise.columns.numeric_columns import Decode
from lengthwise.tensor.tensor_types import Tensor


class TensorArrays:
    """The operations of `Arrays` on tensors."""

    any = staticmethod(tf.reduce_any)
    all = staticmethod(tf.reduce_all)
    cond = staticmethod(tf.cond)
    equal = staticmethod(tf.equal)
    not_equal = staticmethod(tf.not_equal)
    where = staticmethod(tf.where)
    minimum = staticmethod(tf.minimum)
    maximum = staticmethod(tf.maximum)
    take = staticmethod(tf.gather)
    cast = staticmethod(tf.cast)
    repeat = staticmethod(tf.repeat)
    cumsum = staticmethod(tf.cumsum)
    inverse = staticmethod(tf.math.invert_permutation)
    isfinite = staticmethod(tf.math.is_finite)
    isinf = staticmethod(tf.math.is_inf)
    isnan = staticmethod(tf.math.is_nan)

    def any_of(self, flags: Sequence[Tensor]) -> Tensor:
        return tf.reduce_any(tf.stack([False, *flags]))

    def differ(self, first: Tensor, second: Tensor) -> Tensor:
        same_size = tf.equal(tf.size(first), tf.size(second))
        return tf.cond(same_size, lambda: tf.reduce_any(first != second), lambda: tf.constant(True))

    def size(self, values: Tensor) -> Tensor:
        return tf.size(values, tf.int64)

    def arange(self, count: Tensor, step: int = 1) -> Tensor:
        return tf.range(tf.constant(0, tf.int64), tf.cast(count, tf.int64) * step, step)

    def full(self, count: Tensor, value: int, dtype: str) -> Tensor:
        return tf.fill([count], tf.constant(value, dtype))

    def concatenate(self, parts: Sequence[Tensor]) -> Tensor:
        return tf.concat(parts, 0)

    def flatnonzero(self, mask: Tensor) -> Tensor:
        return tf.where(mask)[:, 0]

    def stable_order(self, keys: Tensor) -> Tensor:
        return tf.argsort(keys, stable=True)

    def is_floating(self, values: Tensor) -> bool:
        return bool(values.dtype.is_floating)

    def segment_count(self, mask: Tensor, splits: Tensor) -> Tensor:
        running = tf.concat([[0], tf.cumsum(tf.cast(mask, tf.int64))], 0)
        return tf.gather(running, splits[1:]) - tf.gather(running, splits[:-1])

    def padded(self, values: Tensor, splits: Tensor, width: int, filler: float | str) -> Tensor:
        ragged = tf.RaggedTensor.from_row_splits(values, splits, validate=False)
        return tf.reshape(ragged.to_tensor(tf.constant(filler, values.dtype), shape=[None, width]), [-1])

    def byte_sizes(self, strings: Tensor) -> Tensor:
        return tf.cast(tf.strings.length(strings), tf.int64)

    def numbers_in(self, strings: Tensor, decode: Decode, width: int, wrong: Tensor) -> Tensor:
        dtype = tf.as_dtype(decode.dtype)
        zeros = tf.constant(bytes(width * dtype.size))
        whole = tf.cond(tf.reduce_any(wrong), lambda: tf.where(wrong, zeros, strings), lambda: strings)
        return tf.reshape(tf.io.decode_raw(whole, dtype), [-1])

    def string_steps(self, strings: Tensor) -> tuple[Tensor, str]:
        """The strings themselves."""
        return strings, ""


TENSORS = TensorArrays()
