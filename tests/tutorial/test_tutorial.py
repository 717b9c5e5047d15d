"""The tutorial as its reader goes through it, on the real ratings, from the download to the served model."""

import os
import re
import shutil

import pytest

from docs.pages import DOCS, session

WHEELS = os.environ.get("LENGTHWISE_WHEELS", "")


@pytest.mark.slow
@pytest.mark.skipif(not WHEELS, reason="the ratings may not be shipped: `make test-data` downloads them")
def test_the_tutorial_trains_and_serves(tmp_path) -> None:
    printed = session(DOCS / "tutorial.md", tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS=os.path.abspath(WHEELS))
    assert "943 records read, 943 written, 0 rejected" in printed
    assert re.search(r"among the 50 best guesses in \d+% of the steps", printed)
    assert "next: [" in printed
    assert "moved: exit code 1" in printed
    assert "['days/2026-11-26']" in printed
    shutil.rmtree(tmp_path)
