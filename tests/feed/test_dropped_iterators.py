"""An iterator that is deleted before its end ends at once, as with `next(iter(dataset))` and `steps_per_epoch`.

While an iterator is deleted, TensorFlow's threads that execute functions wait for its cancellation. If the cancellation
waits for something that needs one of these threads, the program hangs. One thread makes this likely: with a warm start
of nested datasets, this test hung at the fifth iterator.
"""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from feed.samples import all_columns, make_samples, write_files
from lengthwise.config import Buckets, Inputs, JobConfig

PROGRAM = """
    import random, sys
    import tensorflow as tf
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from lengthwise.config import JobConfig
    from lengthwise.feed import read_raw
    with open(sys.argv[1]) as file:
        job = JobConfig.model_validate_json(file.read())
    epoch = sum(1 for _ in read_raw(job, batch_steps=2048, seed=1, epochs=1))
    dataset = read_raw(job, batch_steps=2048, seed=1, epochs=None)
    random.seed(0)
    for number in range(20):
        iterator = iter(dataset)
        for _ in range(random.randrange(3 * epoch)):
            next(iterator)
        del iterator
        print(number, flush=True)
"""


@pytest.mark.slow
def test_an_iterator_ends_at_any_batch(tmp_path: Path) -> None:
    files = write_files(str(tmp_path / "raw"), make_samples(12_000, whole_steps=True), 3)
    columns, buckets = tuple(all_columns()), Buckets(boundaries=(5, 8, 13, 40))
    job = JobConfig(inputs=Inputs(files=tuple(files)), columns=columns, buckets=buckets)
    config = tmp_path / "job.json"
    config.write_text(job.model_dump_json())
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split()[-1:] == ["19"], done.stderr[-2000:]
