"""Coverage-guided fuzzing of framing, decoding and validation.

    python tests/fuzz/fuzz_records.py -max_total_time=600 FOLDER-OF-SEEDS

A file of the corpus is: one byte of choices, then either a TFRecord file or records, each after a byte with its length.
For any bytes, nothing is raised, every record is written or rejected, and the rows have the lengths that they state.
"""

import io
import sys

import atheris

with atheris.instrument_imports(include=["lengthwise.records", "lengthwise.rules"]):
    from lengthwise.records.container.frame_reading import read_blocks
    from lengthwise.records.container.record_blocks import Block
    from lengthwise.records.rejected.reject_files import decode_reject, encode_reject
    from lengthwise.records.rows import block_rows
    from lengthwise.records.rows.row_features import LENGTH, step_features

from lengthwise import columns as lw
from lengthwise.config import Sequences

COLUMNS = (
    lw.sequence_categorical_column_with_identity(
        "a", 10, oov="zero", values_per_step=2, weight_key="w", required=False
    ),
    lw.sequence_categorical_column_with_vocabulary_list("b", ["x", "y"], oov="error", required=False),
    lw.sequence_numeric_column("c", shape=(2,), min_value=-1.0, required=False),
    lw.sequence_numeric_column("d", dtype="int64", max_value=2.0**40),
    lw.context_column("e", dtype="int64", default_value=1),
    lw.context_column("f", dtype="string", shape=(2,), default_value=""),
)
POLICIES = ("reject", "truncate_left", "truncate_right", "window")


def fuzz(data: bytes) -> None:
    if not data:
        return
    choices, data = data[0], data[1:]
    rules = block_rows.Rules(
        COLUMNS,
        container="example" if choices & 1 else "sequence_example",
        sequences=Sequences(
            mismatch="truncate" if choices & 2 else "reject",
            empty="keep" if choices & 4 else "reject",
            over_long=POLICIES[choices >> 3 & 3],
            window_overlap=1 if choices >> 3 & 3 == 3 else 0,
        ),
        longest=3,
    )
    refiner = block_rows.Refiner(rules)
    blocks = read_blocks(io.BytesIO(data), max_record_bytes=500) if choices & 0x80 else [_block(data)]
    for block in blocks:
        check(rules, block, refiner.refine(block, "file"))


def _block(data: bytes) -> Block:
    block = Block()
    at = 0
    while at < len(data):
        size = data[at]
        block.records.append(data[at + 1 : at + 1 + size])
        block.indices.append(len(block.indices))
        block.offsets.append(at)
        at += 1 + size
    return block


def check(rules: block_rows.Rules, block: Block, refined: block_rows.Refined) -> None:
    tally, rows = refined.tally, refined.rows
    assert tally.read == block.read == tally.written + len(refined.rejects)
    assert tally.sequences == rows.num_rows
    for reject in refined.rejects:
        assert decode_reject(encode_reject(reject)) == reject
    lengths = rows.column(LENGTH).to_pylist()
    assert all(0 <= length <= 3 for length in lengths)
    for step in step_features(rules.columns):
        sizes = [len(values) for values in rows.column(step.key).to_pylist()]
        assert sizes == [length * step.width for length in lengths]
        if step.num_buckets is not None:
            assert all(-1 <= value < step.num_buckets for row in rows.column(step.key).to_pylist() for value in row)


if __name__ == "__main__":
    atheris.Setup(sys.argv, fuzz)
    atheris.Fuzz()
