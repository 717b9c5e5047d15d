"""Bytes <-> Arrow, along the flow of a record. Pure functions on batches; no Beam, no TensorFlow.

container   file bytes <-> blocks of records
decoding    records -> Arrow lists: by numpy in the usual form, else by tfx-bsl
rows        Arrow lists -> rows: look up, validate, cut, order, split
encoding    rows -> serialized tf.Examples, padded or in blocks
statistics  of what is written
rejected    the files of rejected records
samples     single records, to inspect them
arrays      tools for Arrow batches, used by all of these

For programs that write raw records: `frame`, `Example` and `SequenceExample`, loaded at their first use.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "frame": "lengthwise.records.container.frame_writing",
    "Example": "lengthwise.records.decoding.example_protos",
    "SequenceExample": "lengthwise.records.decoding.example_protos",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lengthwise.records' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
