"""Foreign text in what TensorFlow prints: `lengthwise.printable_text`, as an op."""

from typing import Any

import tensorflow as tf

_UNSEEN = r"[\p{C}\p{Zl}\p{Zp}]"  # control and format characters, and what ends lines


def visible_text(text: Any) -> Any:
    """The strings with a question mark for each character that cannot be seen, and for bytes that are no UTF-8.

    TensorFlow itself escapes the ASCII control characters alone, so terminals would obey the others.
    """
    known = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace", replacement_char=ord("?"))
    return tf.strings.regex_replace(known, _UNSEEN, "?")
