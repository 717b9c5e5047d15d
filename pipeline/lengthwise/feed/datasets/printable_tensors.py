"""Untrusted text in TensorFlow's output: `lengthwise.printable_text`, as an op."""

import tensorflow as tf

from lengthwise.tensor.tensor_types import Tensor, TensorLike

_UNPRINTABLE = r"[\p{C}\p{Zl}\p{Zp}]"  # control and format characters, and line ends


def visible_text(text: Tensor) -> Tensor:
    """The strings with a question mark for each unprintable character, and for bytes that are not UTF-8.

    TensorFlow itself escapes only the ASCII control characters, so terminals would interpret the others.
    """
    decoded = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace", replacement_char=ord("?"))
    return tf.strings.regex_replace(decoded, _UNPRINTABLE, "?")


def print_words(when: Tensor, *words: TensorLike) -> Tensor:
    """An op that prints words on standard error if `when`, bool `[]`, is true."""

    def is_text(word: TensorLike) -> bool:
        return tf.is_tensor(word) and word.dtype == tf.string

    def write() -> Tensor:
        line = tf.print(*(visible_text(word) if is_text(word) else word for word in words))
        with tf.control_dependencies([line]):
            return tf.constant(True)

    return tf.cond(when, write, lambda: tf.constant(False))
