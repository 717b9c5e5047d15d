"""Bucket ids: the number of boundaries that are at most the number, in the number's own dtype."""

import numpy as np
import pytest
import tensorflow as tf

from lengthwise import columns as lw
from lengthwise.layers import SequenceFeatures

TENTHS = [0.1, 0.2, 0.3, 0.7]


def buckets(values, boundaries, jit=None, dtype=None, **fields):
    """The bucket of each number of one row, from the indicator; run eagerly, or traced if `jit` is not None."""
    column = lw.sequence_numeric_column("x", dtype=dtype or values.dtype.name, **fields)
    layer = SequenceFeatures(
        [lw.indicator_column(lw.sequence_bucketized_column(column, boundaries))], return_lengths=True
    )
    call = layer if jit is None else tf.function(layer, jit_compile=jit)
    inputs, _ = call({"x": values[None], "sequence_length": tf.constant([values.shape[0]])})
    return inputs.numpy()[0].argmax(-1).tolist()


CASES = {
    "doubles at the boundaries": (tf.constant(TENTHS, tf.float64), TENTHS, [1, 2, 3, 4]),
    "doubles below": (tf.constant(np.nextafter(TENTHS, -1), tf.float64), TENTHS, [0, 1, 2, 3]),
    "floats at the boundaries": (tf.constant(TENTHS, tf.float32), TENTHS, [1, 2, 3, 4]),
    "large integers": (tf.constant([2**24, 2**24 + 1, 2**53, 2**53 + 1], tf.int64), [2**24 + 1, 2**53], [0, 1, 2, 2]),
    "integers between": (tf.constant([0, 1, 2, 3]), [0.5, 0.6, 2.0], [0, 2, 3, 3]),
    "beyond all integers": (tf.constant([-(2**31), 0, 2**31 - 1]), [-1e300, 1e300], [1, 1, 1]),
    "only beyond": (tf.constant([0, 5], tf.int64), [1e300], [0, 0]),
    "nan and infinity": (tf.constant([np.nan, np.inf, -np.inf, 1.0]), [0.0, 1.0], [2, 2, 0, 2]),
    "nan in doubles": (tf.constant([np.nan, -1.0], tf.float64), [0.0, 1.0], [2, 0]),
    "nan among many": (tf.constant([np.nan, np.inf, -np.inf, 1.0, 98.5]), range(100), [100, 100, 0, 2, 99]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("jit", [None, False, True], ids=["eager", "traced", "compiled"])
def test_buckets_count_the_boundaries_at_or_below_the_number(case, jit):
    values, boundaries, expected = CASES[case]
    assert buckets(values, [float(boundary) for boundary in boundaries], jit) == expected


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "float16"])
def test_small_dtypes_have_buckets(dtype):
    assert buckets(tf.cast([0, 1, 2], dtype), [1.0, 1.5], dtype="float32") == [0, 1, 2]


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("count", [1, 5, 33, 500])
@pytest.mark.parametrize("seed", [0, 1])
def test_floats_fall_where_tensorflow_puts_them(seed, count, jit):
    random = np.random.default_rng(seed)
    boundaries = np.cumsum(random.uniform(0.01, 0.2, count)) - 1.0
    near = [np.nextafter(boundaries.astype("float32"), np.float32(way)) for way in (-1e9, 1e9)]
    values = tf.constant(np.concatenate([boundaries, *near, random.normal(size=100)]), tf.float32)
    expected = tf.raw_ops.Bucketize(input=values, boundaries=boundaries.tolist())
    np.testing.assert_array_equal(buckets(values, boundaries.tolist(), jit), expected)


def test_a_normalizer_comes_before_the_buckets():
    assert buckets(tf.constant([0.5, 2.0]), [1.0], normalizer_fn=lambda values: values * 2.0) == [1, 1]
    assert buckets(tf.constant([0.25, 2.0]), [1.0], normalizer_fn=lambda values: values * 2.0) == [0, 1]
