"""Which bytes are text."""


def is_utf8(value: bytes) -> bool:
    """Whether the bytes are text in UTF-8."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
