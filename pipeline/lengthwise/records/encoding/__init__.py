"""Rows -> serialized tf.Examples: padded ones, or blocks."""
