"""Untrusted text in TensorFlow's output: `lengthwise.printable_text`, as an op."""

import tensorflow as tf

from lengthwise.tensor.tensor_types import Tensor

_UNPRINTABLE = r"[\p{C}\p{Zl}\p{Zp}]"  # control and format characters, and line ends


def visible_text(text: Tensor) -> Tensor:
    """The strings with a question mark for each unprintable character, and for bytes that are not UTF-8.

    TensorFlow itself escapes only the ASCII control characters, so terminals would interpret the others.
    """
    decoded = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace", replacement_char=ord("?"))
    return tf.strings.regex_replace(decoded, _UNPRINTABLE, "?")
