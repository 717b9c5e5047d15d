"""On this machine: worker processes, and Beam's own runner."""

import pytest

from prepare.jobs import tree_of_any_name
from runners.conftest import Setup, prepare

RUNS = {
    "processes": ("--workers", "2"),
    "processes, as TFX requests them": ("--", "--direct_running_mode=multi_processing", "--direct_num_workers=2"),
    "Beam": ("--", "--runner=DirectRunner"),
    "threads of Beam": ("--workers", "2", "--", "--runner=DirectRunner"),
}


@pytest.mark.parametrize("name", RUNS)
def test_all_ways_to_run_give_the_same_bytes(setup: Setup, name: str) -> None:
    output = name.replace(" ", "-").replace(",", "")
    done = prepare(setup.folder, "job.yaml", "--output", output, *RUNS[name])
    assert done.returncode == 0, done.stderr
    assert tree_of_any_name(setup.folder / output) == setup.expected
