"""Cost of unusual records: CPU time of decoding one record, in blocks of usual records and in mixed blocks.

    python -m benchmarks.bench_decode --rounds 9 --json decode.json

Measures only the decoder, in one process, on blocks of 1,024 generated records; all kinds of blocks take turns.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

from benchmarks.data import raw_columns, raw_data
from benchmarks.runner import spread
from lengthwise.records.container.frame_reading import BLOCK_RECORDS, read_blocks
from lengthwise.records.decoding.example_protos import SequenceExample
from lengthwise.records.decoding.record_decoder import Decoder

_BLOCKS = 16


def _cut_short(record: bytes) -> bytes:
    return record[:-3]


def _with_empty_step(record: bytes) -> bytes:
    message = SequenceExample.FromString(record)
    lists = message.feature_lists.feature_list
    lists[min(lists)].feature[0].Clear()
    encoded: bytes = message.SerializeToString(deterministic=True)
    return encoded


def _with_other_kind(record: bytes) -> bytes:
    message = SequenceExample.FromString(record)
    lists = message.feature_lists.feature_list
    lists[min(lists)].feature[0].bytes_list.value.append(b"x")
    lists[max(lists)].feature[0].int64_list.value.append(1)
    encoded: bytes = message.SerializeToString(deterministic=True)
    return encoded


KINDS: dict[str, tuple[Callable[[bytes], bytes] | None, int]] = {
    "usual": (None, BLOCK_RECORDS),
    "one cut short": (_cut_short, BLOCK_RECORDS),
    "every eighth cut short": (_cut_short, 8),
    "one of another kind": (_with_other_kind, BLOCK_RECORDS),
    "every eighth of another kind": (_with_other_kind, 8),
    "one with an empty step": (_with_empty_step, BLOCK_RECORDS),
    "every eighth with an empty step": (_with_empty_step, 8),
}


def blocks_of(change: Callable[[bytes], bytes] | None, every: int) -> list[list[bytes]]:
    """Returns blocks of generated records in which every n-th record, from the sixth, is changed."""
    found = []
    for path in raw_data(_BLOCKS * 2 * BLOCK_RECORDS).files:
        with open(path, "rb") as stream:
            found += [block.records for block in read_blocks(stream) if len(block.records) == BLOCK_RECORDS]
    if change is None:
        return found[:_BLOCKS]
    return [
        [change(record) if place % every == 5 else record for place, record in enumerate(records)]
        for records in found[:_BLOCKS]
    ]


def seconds(blocks: list[list[bytes]]) -> float:
    """Returns CPU seconds per record, with a new decoder."""
    decoder = Decoder(raw_columns(), "sequence_example")
    start = time.process_time()
    for records in blocks:
        decoder.decode(records)
    return (time.process_time() - start) / sum(map(len, blocks))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json")
    given = parser.parse_args()
    blocks = {name: blocks_of(*kind) for name, kind in KINDS.items()}
    found: dict[str, list[float]] = {name: [] for name in KINDS}
    for _ in range(given.rounds):
        for name in KINDS:
            found[name].append(1e6 * seconds(blocks[name]))
    results: dict[str, Any] = {name: spread(values) for name, values in found.items()}
    for name, one in results.items():
        print(f"{name:34} {one['median']:6.2f} us a record ({one['low']:.2f} to {one['high']:.2f})", flush=True)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as stream:
            json.dump(results, stream, indent=2)


if __name__ == "__main__":
    main()
