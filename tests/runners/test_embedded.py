"""Beam's own runner on this machine: threads and processes."""

import pytest

from runners.conftest import Setup, content, prepare

RUNS = {
    "threads": ("--workers", "2"),
    "processes": ("--", "--direct_running_mode=multi_processing", "--direct_num_workers=2"),
    "by name": ("--workers", "1", "--", "--runner=DirectRunner"),
}


@pytest.mark.parametrize("name", RUNS)
def test_every_way_of_working_gives_the_same_bytes(setup: Setup, name: str) -> None:
    output = name.replace(" ", "-")
    done = prepare(setup.folder, "job.yaml", "--output", output, *RUNS[name])
    assert done.returncode == 0, done.stderr
    assert content(setup.folder / output) == setup.expected
