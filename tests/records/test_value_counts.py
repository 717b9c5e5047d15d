"""Counts of values: sorted runs are merged, and the most frequent values found, in little memory."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from lengthwise.records.statistics.value_counts import as_counts, merge_runs, most_frequent

COUNTS = st.dictionaries(st.text("ab\n\xff").map(lambda text: text.encode("latin-1")), st.integers(1, 5), max_size=20)


def run_of(counts: dict[bytes, int], rows: int) -> Iterator[pa.RecordBatch]:
    pairs = sorted(counts.items())
    for start in range(0, len(pairs), rows):
        values, numbers = zip(*pairs[start : start + rows], strict=True)
        yield as_counts(pa.array(values, pa.large_binary()), np.array(numbers))


def pairs_of(*batches: pa.RecordBatch) -> list[tuple[bytes, int]]:
    return [pair for one in batches for pair in zip(*(column.to_pylist() for column in one.columns), strict=True)]


def is_line(value: bytes) -> bool:
    return value != b"" and b"\n" not in value and b"\xff" not in value


@given(st.lists(COUNTS, max_size=4), st.integers(1, 7), st.integers(1, 9), st.integers(1, 4))
def test_merged_runs_have_the_counts_of_a_counter(runs, rows, top, min_count) -> None:
    expected = sum(map(Counter, runs), Counter[bytes]())
    found = list(merge_runs([run_of(counts, rows) for counts in runs]))
    assert pairs_of(*found) == sorted(expected.items())
    frequent = most_frequent(found, top, min_count)
    fit = [(value, count) for value, count in expected.items() if count >= min_count and is_line(value)]
    assert pairs_of(frequent.entries) == sorted(fit, key=lambda pair: (-pair[1], pair[0]))[:top]
    assert (frequent.values, frequent.distinct) == (expected.total(), len(expected))
    assert frequent.unfit == sum(count for value, count in expected.items() if not is_line(value))


MILLION = """
import sys
import numpy as np
import pyarrow as pa
from lengthwise.job.planning import value_counting
from lengthwise.records.statistics import value_counts

value_counting.MOST_BYTES, value_counts._BATCH_BYTES, value_counts._KEPT_ROWS = 2**21, 2**16, 2**12
counter = value_counting.ValueCounter(sys.argv[1])
for start in range(0, 1_000_000, 10_000):  # not in the order of their bytes
    values = [b"value number %d" % (number * 7_919 % 1_000_000) for number in range(start, start + 10_000)]
    counter.add(pa.array(values, pa.large_binary()), np.full(10_000, 1))
    counter.add(pa.array([b"value number 77", b"never"], pa.large_binary()), np.array([1, 0]))
counter.finish()
with value_counting.merged_files([sys.argv[1]]) as run:
    found = value_counts.most_frequent(run, 3, 1)
print(*found.entries.column("values").to_pylist(), *found.entries.column("counts").to_pylist(), sep="|")
print(found.values, found.distinct, pa.default_memory_pool().max_memory())
"""


def test_a_million_distinct_values_take_little_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MILLION, str(tmp_path / "counts")]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert output[0] == "b'value number 77'|b'value number 0'|b'value number 1'|101|1|1"
    values, distinct, memory = map(int, output[1].split())
    assert (values, distinct) == (1_000_100, 1_000_000)
    assert [path.name for path in tmp_path.iterdir()] == ["counts"]
    assert memory < 14 * 2**20 < (tmp_path / "counts").stat().st_size // 2
