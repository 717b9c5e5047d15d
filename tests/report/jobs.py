"""Small data sets, written by the job, for the tests of the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lengthwise.config import parse_config
from lengthwise.job import run
from lengthwise.manifest import Manifest
from records.messages import sequence_example, write_records

WORDS = ("north", "east", "south", "west")
COLUMNS: list[dict[str, Any]] = [
    {
        "kind": "embedding",
        "dimension": 4,
        "categorical_column": {
            "kind": "vocabulary", "key": "turn", "vocabulary_list": list(WORDS[:3]), "num_oov_buckets": 2,
        },
    },
    {"kind": "numeric", "key": "speed", "min_value": 0, "max_value": 100},
    {"kind": "identity", "key": "gear", "num_buckets": 6},
    {"kind": "context", "key": "driver", "dtype": "string", "default_value": "nobody"},
]  # fmt: skip


def trip(length: int, seed: int = 0, **changes: Any) -> bytes:
    """One sequence of that many steps."""
    sequences: dict[str, Sequence[Any]] = {
        "turn": [WORDS[(seed + step) % 4] for step in range(length)],
        "speed": [float((seed * 7 + step) % 50) + 0.5 for step in range(length)],
        "gear": [(seed + step) % 6 for step in range(length)],
    }
    context = {"driver": changes.pop("driver", f"driver {seed % 5}")}
    return sequence_example({**sequences, **changes}, context)


def trips(count: int = 60, longest: int = 40) -> list[bytes]:
    """Sequences of lengths from 1 to `longest`."""
    return [trip(1 + seed * 13 % longest, seed) for seed in range(count)]


def prepare(folder: Path, records: Sequence[bytes], name: str = "prepared", **sections: Any) -> Manifest:
    """Prepares the records into `folder/name`."""
    raw = folder / f"{name}.raw.tfrecord"
    write_records(raw, records)
    config: Mapping[str, Any] = {
        "columns": COLUMNS,
        "inputs": {"files": str(raw)},
        "output": {"path": str(folder / name)},
        "limits": {"rejected_fraction": 0.5, "damaged_files": 1},
        **sections,
    }
    return run(parse_config(config), workers=1)
