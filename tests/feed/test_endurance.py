"""Fifty epochs need no more memory, threads or open files than ten."""

import subprocess
import sys
import textwrap

import pytest

from feed.conftest import Data

PROGRAM = """
    import gc, os, sys
    from lengthwise.feed import read_prepared
    def used():
        gc.collect()
        with open("/proc/self/status") as status:
            fields = dict(line.split(":", 1) for line in status)
        open_files = len(os.listdir("/proc/self/fd"))
        return int(fields["VmRSS"].split()[0]) // 1024, int(fields["Threads"]), open_files
    dataset = read_prepared(sys.argv[1], "train", batch_steps=1024, labels="y")
    for epoch in range(50):
        for _ in dataset:
            pass
        if epoch in (9, 49):
            print(*used())
"""


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["example", "block"])
def test_fifty_epochs_leak_no_memory_threads_or_files(data: Data, layout: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), data.folders[layout]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    (memory, threads, files), (later, more_threads, more_files) = (
        map(int, line.split()) for line in done.stdout.splitlines()
    )
    assert later <= memory + 60
    assert (more_threads, more_files) == (threads, files)
