"""Detects bytes that are not text: pictures, sound, vectors. They are decoded, or kept as bytes.

Text in any encoding has almost no control characters except white space. Bytes of numbers are full of them:
of random bytes every ninth is one.
"""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from lengthwise.records.arrays.utf8 import is_utf8

_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG pictures",
    b"\x89PNG\r\n\x1a\n": "PNG pictures",
    b"GIF87a": "GIF pictures",
    b"GIF89a": "GIF pictures",
    b"II*\x00": "TIFF pictures",
    b"MM\x00*": "TIFF pictures",
    b"\x00\x00\x01\x00": "icons",
    b"\x1f\x8b\x08": "gzip streams",
    b"PK\x03\x04": "zip archives",
    b"\x28\xb5\x2f\xfd": "zstd streams",
    b"%PDF-": "PDF documents",
    b"OggS": "Ogg sound",
    b"fLaC": "FLAC sound",
    b"ID3": "MP3 sound",
    b"\x1aE\xdf\xa3": "Matroska films",
    b"\x93NUMPY": "numpy arrays",
}
_CONTAINERS = {b"WEBP": "WebP pictures", b"WAVE": "WAV sound", b"AVI ": "AVI films"}  # RIFF, a size, and this
VECTORS = "bytes that are no text"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # neither white space nor ESC
_CONTROL_SHARE = 0.02  # in bytes of numbers it is 0.1 and more
_MAX_SAMPLE = 1000
_USUAL = 1e-6, 1e6  # magnitudes
_NEARLY_ALL = 0.99
_HEAD = 64  # bytes of a value, so that one large value does not outweigh the others


def describe_blobs(values: Sequence[bytes]) -> str:
    """A description of bytes that are not text; empty for text. The values are distinct."""
    sample = [value for value in values[:: max(1, len(values) // _MAX_SAMPLE)] if value]
    if not sample:
        return ""
    [(signature, count)] = Counter(map(_signature, sample)).most_common(1)
    if signature and 2 * count > len(sample):
        return signature
    heads = b"".join(value[:_HEAD] for value in sample)
    sizes = sorted({len(value) for value in sample})
    unreadable = sum(not is_utf8(value) for value in sample)
    is_table = len(sizes) == 1 and sizes[0] >= 16 and 2 * unreadable > len(sample)
    if not is_table and len(_CONTROL.findall(heads)) <= _CONTROL_SHARE * len(heads):
        return ""
    size = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    return f"{VECTORS}, {size} in each value (vectors or other encoded data)"


def guess_numbers(values: Sequence[bytes]) -> tuple[str, int] | None:
    """The dtype and the count of the numbers in the bytes of vectors; None if their sizes differ.

    Bytes are floats where nearly all of these are 0 or of a usual magnitude; other bytes look like that only by chance.
    """
    size = len(values[0])
    if size == 0 or any(len(value) != size for value in values):
        return None
    content = b"".join(values[:: max(1, len(values) // _MAX_SAMPLE)])
    for dtype, width in (("float32", 4), ("float64", 8)):
        if size % width == 0:
            numbers = np.frombuffer(content, f"<f{width}")
            with np.errstate(all="ignore"):
                sizes = np.abs(numbers[numbers != 0])
            usual = (sizes > _USUAL[0]) & (sizes < _USUAL[1])
            if len(sizes) and np.isfinite(numbers).all() and usual.mean() > _NEARLY_ALL:
                return dtype, size // width
    return "uint8", size


def _signature(value: bytes) -> str:
    if value[:4] == b"RIFF":
        return _CONTAINERS.get(value[8:12], "")
    if value[4:8] == b"ftyp":
        return "MP4 films or HEIF pictures"
    return next((name for start, name in _SIGNATURES.items() if value.startswith(start)), "")
