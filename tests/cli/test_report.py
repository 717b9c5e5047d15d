"""`lengthwise report` writes the page of one data set, or a comparison of two."""

import json

import pytest

from cli.conftest import make_place, start
from report.pages import parse


def test_the_page_is_the_one_in_the_data_set(original, tmp_path) -> None:
    page = tmp_path / "new" / "page.html"
    with start("report", original.prepared, "-o", page) as command:
        assert command.communicate(timeout=120) == (f"{page}\n", "")
    assert command.returncode == 0
    assert page.read_text() == (original.prepared / "report.html").read_text()
    assert list(page.parent.iterdir()) == [page]


def test_the_page_shows_the_numbers_of_the_manifest_and_needs_nothing_else(original, lengthwise, tmp_path) -> None:
    lengthwise("report", original.prepared, "-o", tmp_path / "page.html")
    page = parse((tmp_path / "page.html").read_text())
    counts = original.manifest["counts"]
    assert (counts["read"], counts["written"], counts["rejected"]) == (200, 199, {"not_finite": 1})
    for text in ("200", "199", "not_finite", "words", "box", "label"):
        assert text in page.text
    assert page.named("script") == []
    links = [element.get(name, "") for _, element in page.elements for name in ("src", "href")]
    assert [link for link in links if "://" in link] == []


def test_compare_shows_what_moved_and_only_that(original, lengthwise, tmp_path) -> None:
    folder = make_place(tmp_path / "other", bad=150, fraction=1.0).folder
    lengthwise("prepare", folder / "job.yaml", "--workers", "1", "--quiet")
    same, moved = tmp_path / "same.html", tmp_path / "moved.html"
    assert lengthwise("report", original.prepared, "-o", same, "--compare", original.prepared).stdout == f"{same}\n"
    lengthwise("report", folder / "prepared", "-o", moved, "--compare", original.prepared)
    texts = {page: parse(page.read_text()).text for page in (same, moved)}
    assert "columns moved" not in texts[same]
    assert "moved" in texts[moved]
    assert str(original.prepared) not in (folder / "prepared" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("{prepared}",), 2, "Missing option '--output'"),
        (("{empty}", "-o", "{empty}/x.html"), 1, "no manifest"),
        (("{prepared}", "-o", "{empty}/x.html", "--compare", "{empty}"), 1, "no manifest"),
        (("{prepared}", "-o", "/dev/null/x.html"), 3, "cannot write /dev/null/x.html"),
        (("{prepared}", "-o", "{empty}/x.html", "--compar", "{prepared}"), 2, "--compare"),
    ],
)
def test_what_cannot_be_shown_is_one_message(original, lengthwise, tmp_path, arguments, code, message) -> None:
    places = {"prepared": str(original.prepared), "empty": str(tmp_path)}
    error = lengthwise("report", *(part.format(**places) for part in arguments), code=code).stderr
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_a_newer_data_set_is_refused(copy, lengthwise, tmp_path) -> None:
    path = copy.prepared / "manifest.json"
    path.write_text(json.dumps(copy.manifest | {"format_version": 99}))
    assert "99" in lengthwise("report", copy.prepared, "-o", tmp_path / "x.html", code=1).stderr
    assert not (tmp_path / "x.html").exists()
