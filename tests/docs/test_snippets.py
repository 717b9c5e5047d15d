"""Every snippet of the documentation runs unchanged (tutorials: tests/tutorial); every named file exists."""

import re

import pytest
import yaml

from docs.pages import DOCS, RUN, SHOWN, session, snippets
from lengthwise.config import parse_config
from lengthwise.report import DriftLimits

PAGES = sorted(DOCS.rglob("*.md"))
TUTORIALS = set(DOCS.glob("tutorial*.md"))
OTHERS = [
    page for page in PAGES if page not in TUTORIALS and any(snippet.language in RUN for snippet in snippets(page))
]


@pytest.mark.slow
@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_the_snippets_of_a_page_run(page, tmp_path) -> None:
    session(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_every_snippet_is_run_or_only_shown(page) -> None:
    for snippet in snippets(page):
        assert snippet.language in (*RUN, *SHOWN), f"{page.name}:{snippet.line}"
        if snippet.file == "drift.yaml":
            DriftLimits(**yaml.safe_load(snippet.text))
        elif snippet.language == "yaml":
            parse_config(yaml.safe_load(re.sub(r"vocabulary_file: \w+\.txt", "vocabulary_list: [a]", snippet.text)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_every_file_that_a_page_names_exists(page) -> None:
    named = re.findall(r"`((?:pipeline|cli|tests|configs|examples|docs)/[\w./-]+\.\w+)`", page.read_text())
    assert [path for path in named if not (DOCS.parent / path).exists()] == []
    named = re.findall(r"`((?:records|tensor|job|feed)/\w+\.py)`", page.read_text())
    assert [path for path in named if not (DOCS.parent / "pipeline" / "lengthwise" / path).exists()] == []
