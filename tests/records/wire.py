"""Protocol buffers byte by byte, including those that no library writes."""

VARINT, FIXED64, BYTES, START, END, FIXED32 = range(6)


def varint(number: int) -> bytes:
    octets = b""
    while number >= 0x80:
        octets += bytes([number & 0x7F | 0x80])
        number >>= 7
    return octets + bytes([number])


def tag(number: int, kind: int = BYTES) -> bytes:
    return varint(number << 3 | kind)


def field(number: int, content: bytes) -> bytes:
    return tag(number) + varint(len(content)) + content


def integers(*values: int) -> bytes:
    """A Feature of integers, packed."""
    return field(3, field(1, b"".join(varint(value % 2**64) for value in values)))


def entry(key: bytes, value: bytes) -> bytes:
    """An entry of the map that Features and FeatureLists are."""
    return field(1, field(1, key) + field(2, value))


def in_sequence(*entries: bytes) -> bytes:
    """A SequenceExample of these feature lists."""
    return field(2, b"".join(entries))


def in_example(*entries: bytes) -> bytes:
    return field(1, b"".join(entries))


def steps(*features: bytes) -> bytes:
    """A FeatureList."""
    return b"".join(field(1, feature) for feature in features)
