"""Detects UTF-8."""


def is_utf8(value: bytes) -> bool:
    """Whether the bytes are valid UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
