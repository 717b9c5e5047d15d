"""The site builds without warnings, is complete, and loads nothing from other servers."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

import lengthwise
from docs.pages import DOCS
from lengthwise.columns.column_queries import AnyColumn
from lengthwise.config import JobConfig
from lengthwise.reject_reasons import RejectReason

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(find_spec, ("mkdocs", "material", "mkdocstrings"))), reason="pip install 'lengthwise[docs]'"
    ),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    libraries = os.pathsep.join([str(DOCS.parent / "pipeline"), str(DOCS.parent / "cli")])
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=DOCS.parent,
        env={**os.environ, "PYTHONPATH": libraries, "NO_MKDOCS_2_WARNING": "1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert not [line for line in done.stderr.splitlines() if line.startswith(("WARNING  -", "WARNING -"))]
    return folder


def test_every_page_of_the_navigation_is_built(site) -> None:
    for page in DOCS.rglob("*.md"):
        name = page.relative_to(DOCS).with_suffix("").as_posix()
        assert (site / ("index.html" if name == "index" else f"{name}/index.html")).exists()
    assert not (site / "_hooks").exists()


def test_the_reference_has_every_field_kind_reason_and_command(site) -> None:
    configuration = (site / "configuration" / "index.html").read_text()
    for name, field in JobConfig.model_fields.items():
        for inner in getattr(field.annotation, "model_fields", {}):
            assert f"<code>{name}.{inner}</code>" in configuration
    for kind in AnyColumn.__args__:
        assert f"kind: {kind.model_fields['kind'].default}" in configuration
        for inner, field in kind.model_fields.items():
            assert field.exclude or inner == "kind" or f"<code>{field.alias or inner}</code>" in configuration
    for reason in RejectReason:
        assert f"<code>{reason}</code>" in configuration
    commands = (site / "cli" / "index.html").read_text()
    for name in ("prepare", "plan", "check", "inspect", "verify", "report", "rejects", "init", "schema", "doctor"):
        assert f"<code>lengthwise {name}</code>" in commands


def test_every_public_name_has_a_place_in_the_api(site) -> None:
    pages = "".join(page.read_text() for page in (site / "api").rglob("index.html"))
    names = set(lengthwise.__all__) - {"__version__", "JobConfig"}
    assert {name for name in names if not re.search(rf'id="[\w.]+\.{name}"', pages)} == set()


def test_it_loads_nothing_from_other_servers(site) -> None:
    for page in site.rglob("*.html"):
        tags = re.findall(r'<(?:script|img|iframe)[^>]+src="([^"]+)"|<link[^>]+href="([^"]+)"', page.read_text())
        assert not [src or href for src, href in tags if (src or href).startswith(("http", "//"))]


def test_examples_are_code_and_results_one_item(site) -> None:
    pages = {page.parent.name: page.read_text() for page in (site / "api").rglob("index.html")}
    examples = {"buckets": 2, "feed": 7, "layers": 16, "tfx": 1}
    for name, page in pages.items():
        assert "<blockquote" not in page
        code = "".join(re.findall(r"<pre.*?</pre>", page, re.DOTALL))
        assert page.count("&gt;&gt;&gt;") == code.count("&gt;&gt;&gt;") >= examples.get(name, 0)
        for results in re.findall(r">Returns:</span></p>\s*<ul>(.*?)</ul>", page, re.DOTALL):
            assert results.count("<li") == 1
    [arguments] = re.findall(r">Call arguments:</span></p>\s*<ul>(.*?)</ul>", pages["layers"], re.DOTALL)[:1]
    assert arguments.count("<li") == 2  # features, mask
