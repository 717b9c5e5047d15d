"""The page in a browser: no errors, no requests, accessible in light and dark mode, on desktops and phones."""

import struct
import zlib
from importlib import resources
from importlib.util import find_spec

import pytest

from lengthwise.report import write_report
from report import browser
from report.jobs import prepare, trip

needs_browser = pytest.mark.skipif(
    browser.CHROMIUM is None, reason="NO BROWSER: the report was not tested in one; apt-get install chromium"
)
needs_axe = pytest.mark.skipif(find_spec("axe_core_python") is None, reason="pip install axe-core-python")
pytestmark = [needs_browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def pages(folder, tmp_path_factory):
    """The page of a data set, and one with a comparison."""
    other = tmp_path_factory.mktemp("other")
    prepare(other, [trip(30 + seed % 30, seed) for seed in range(80)])
    compared = write_report(str(folder), str(other / "compared.html"), compare=str(other / "prepared"))
    return {"single": folder / "report.html", "compared": other / compared}


@pytest.mark.parametrize("name", ["single", "compared"])
@pytest.mark.parametrize("dark", [False, True])
def test_it_loads_without_messages_and_requests(pages, name, dark, tmp_path) -> None:
    visit = browser.visit(pages[name], tmp_path, dark=dark)
    assert "Prepared data set" in visit.dom
    assert visit.console == []
    assert visit.requests == []


def test_messages_and_requests_would_be_noticed(tmp_path) -> None:
    page = tmp_path / "bad.html"
    page.write_text("<link rel=stylesheet href='http://127.0.0.1:9/x.css'><script>console.error('boom')</script>")
    visit = browser.visit(page, tmp_path)
    assert any("boom" in line for line in visit.console)
    assert visit.requests == ["http://127.0.0.1:9/x.css"]


@needs_axe
@pytest.mark.parametrize("name", ["single", "compared"])
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (360, False), (360, True)])
def test_axe_finds_no_violation_and_nothing_overflows(pages, name, width, dark, tmp_path) -> None:
    script = (resources.files("axe_core_python") / "axe.min.js").read_text()
    result = browser.axe(pages[name], tmp_path, script, width=width, dark=dark)
    assert result["violations"] == []
    assert result["passes"] > 20
    assert result["width"] <= result["window"] == width


@pytest.mark.parametrize(("dark", "background"), [(False, (0xF5, 0xF6, 0xF9)), (True, (0x0E, 0x13, 0x1A))])
def test_it_follows_the_colour_scheme(pages, dark, background, tmp_path) -> None:
    browser.screenshot(pages["single"], tmp_path / "page.png", tmp_path, width=800, height=600, dark=dark)
    assert _first_pixel((tmp_path / "page.png").read_bytes()) == background


def _first_pixel(png: bytes) -> tuple[int, ...]:
    """The colour of the top left corner; filters leave the first pixel of a PNG as it is."""
    start, data = 8, b""
    while start < len(png):
        length, kind = struct.unpack(">I4s", png[start : start + 8])
        data += png[start + 8 : start + 8 + length] if kind == b"IDAT" else b""
        start += length + 12
    return tuple(zlib.decompress(data)[1:4])
