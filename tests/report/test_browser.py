"""The page in a real browser: quiet, self-contained, legible in light and dark, on a desk and on a phone."""

import struct
import zlib
from importlib import resources
from importlib.util import find_spec

import pytest

from lengthwise.report import write_report
from report import browser
from report.jobs import prepare, trip

needs_browser = pytest.mark.skipif(
    browser.CHROMIUM is None, reason="NO BROWSER: the report was not looked at; apt-get install chromium"
)
needs_axe = pytest.mark.skipif(find_spec("axe_core_python") is None, reason="pip install axe-core-python")
pytestmark = [needs_browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def pages(folder, tmp_path_factory):
    """A data set's own page, and one with a comparison."""
    other = tmp_path_factory.mktemp("other")
    prepare(other, [trip(30 + seed % 30, seed) for seed in range(80)])
    compared = write_report(str(folder), str(other / "compared.html"), compare=str(other / "prepared"))
    return {"own": folder / "report.html", "compared": other / compared}


@pytest.mark.parametrize("name", ["own", "compared"])
@pytest.mark.parametrize("dark", [False, True])
def test_it_loads_without_a_complaint_and_without_a_request(pages, name, dark, tmp_path) -> None:
    seen = browser.visit(pages[name], tmp_path, dark=dark)
    assert "Prepared data set" in seen.dom
    assert seen.console == []
    assert seen.requests == []


def test_the_probe_would_see_a_complaint_and_a_request(tmp_path) -> None:
    page = tmp_path / "bad.html"
    page.write_text("<link rel=stylesheet href='http://127.0.0.1:9/x.css'><script>console.error('boom')</script>")
    seen = browser.visit(page, tmp_path)
    assert any("boom" in line for line in seen.console)
    assert seen.requests == ["http://127.0.0.1:9/x.css"]


@needs_axe
@pytest.mark.parametrize("name", ["own", "compared"])
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (360, False), (360, True)])
def test_axe_finds_no_fault_and_nothing_overflows(pages, name, width, dark, tmp_path) -> None:
    script = (resources.files("axe_core_python") / "axe.min.js").read_text()
    result = browser.axe(pages[name], tmp_path, script, width=width, dark=dark)
    assert result["found"] == []
    assert result["passes"] > 20
    assert result["width"] <= result["room"] == width


@pytest.mark.parametrize(("dark", "back"), [(False, (0xF5, 0xF6, 0xF9)), (True, (0x0E, 0x13, 0x1A))])
def test_it_follows_the_readers_colours(pages, dark, back, tmp_path) -> None:
    browser.screenshot(pages["own"], tmp_path / "page.png", tmp_path, width=800, height=600, dark=dark)
    assert _first_pixel((tmp_path / "page.png").read_bytes()) == back


def _first_pixel(png: bytes) -> tuple[int, ...]:
    """The colour of the top left corner; filters leave the first pixel of a PNG as it is."""
    at, data = 8, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    return tuple(zlib.decompress(data)[1:4])
