"""The contents of the page; hostile data is shown as text."""

import html
import pickle
import re

import pytest

from lengthwise.columns import NumericColumn, VocabularyColumn, context_column
from lengthwise.config import load_config
from lengthwise.errors import DataLimitError
from lengthwise.job import run
from lengthwise.manifest import ColumnStatistics, Counts, InputFile, load_manifest
from lengthwise.reject_reasons import Reject, RejectReason
from lengthwise.report import read_examples, render_report, write_report
from lengthwise.report.reject_examples import first_examples
from report.jobs import prepare, trip, trips
from report.manifests import manifest
from report.pages import parse

HOSTILE = "</title><script>alert('x')</script><img src=x onerror=alert(1)>\"'>&{{ 7 * 7 }}"


def test_it_shows_the_balance_the_plans_and_the_columns(page, folder) -> None:
    counts = load_manifest(str(folder)).counts
    text = parse(page).text
    assert f"{counts.read} records read = {counts.written} written + 4 rejected" in text
    for word in ("pad to the longest", "quantile", "powers of two", "chosen k =", "id_out_of_range", "out_of_range"):
        assert word in text
    for key in ("turn", "speed", "gear", "driver"):
        assert key in text


def test_ids_are_shown_as_their_vocabulary_strings(page) -> None:
    text = parse(page).text
    for word in ("north", "east", "south", "(OOV bucket"):
        assert word in text


def test_rejects_are_shown_with_reason_column_file_and_index(page) -> None:
    text = parse(page).text
    assert "expected an id in [0, 6), received 66" in text
    assert re.search(r"raw\.tfrecord · record 62 · byte \d+", text)
    assert "<script>alert(1)</script>" in text  # the record's bytes, as text


def test_it_needs_no_network_and_no_script(page) -> None:
    parsed = parse(page)
    assert not parsed.named("script")
    assert not [tag for tag, attributes in parsed.elements if "src" in attributes or "onload" in attributes]
    assert {link["href"] for link in parsed.named("link")} == {"data:,"}
    assert all(link["href"].startswith("#") for link in parsed.named("a"))
    assert "url(" not in page
    assert "@import" not in page
    assert parsed.named("meta")[2]["content"].startswith("default-src 'none'")


def test_every_chart_has_title_description_axes_and_numbers(page) -> None:
    charts = [attributes for attributes in parse(page).named("svg") if attributes.get("role") == "img"]
    ids = {attributes["id"] for _, attributes in parse(page).elements if "id" in attributes}
    assert len(charts) == 4  # lengths, padding by count, speed, shards
    for chart in charts:
        assert set(chart["aria-labelledby"].split()) <= ids
    assert page.count("The numbers of") == len(charts)
    for axis in ("length in steps", "sequences", "number of buckets, k", "size in"):
        assert axis in page


def test_every_id_is_unique_and_every_link_has_a_target(page) -> None:
    parsed = parse(page)
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"][1:] for link in parsed.named("a")} <= set(ids)


def test_the_page_depends_only_on_the_data(folder, page, tmp_path) -> None:
    assert write_report(str(folder), str(tmp_path / "again.html")) == str(tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page


def test_rendering_again_gives_the_same_page(folder) -> None:
    written = load_manifest(str(folder))
    examples = read_examples(str(folder), written)
    assert render_report(written, examples) == render_report(written, list(examples))


def test_hostile_names_and_values_are_text() -> None:
    column = VocabularyColumn.make(key=HOSTILE, vocabulary_list=(HOSTILE + "a", "b"))
    context = context_column(HOSTILE + "!", dtype="string")
    reject = Reject(RejectReason.NOT_FINITE, HOSTILE, HOSTILE, HOSTILE, 7, 0, HOSTILE.encode())
    statistics = {
        HOSTILE: ColumnStatistics(values=2, min=0, max=1, distinct=2, top=(("0", 1), ("1", 1))),
        HOSTILE + "!": ColumnStatistics(values=1, top=((HOSTILE, 1),)),
    }
    hostile = manifest(
        columns=(column, context),
        statistics=statistics,
        config={HOSTILE: [HOSTILE]},
        fingerprint=HOSTILE,
        counts=Counts(read=5, written=4, rejected={"not_finite": 1, HOSTILE: 1}, sequences=4, repaired={HOSTILE: 1}),
        inputs=(InputFile(path=HOSTILE, bytes=1, records=5),),
        shards=(manifest().shards[0].model_copy(update={"path": HOSTILE, "split": HOSTILE}),),
        lengths={HOSTILE: {3: 4}},
    )
    page = parse(render_report(hostile, [reject], hostile, fault=HOSTILE))
    assert not page.named("script")
    assert not page.named("img")
    assert "onerror" not in {name for _, attributes in page.elements for name in attributes}
    assert "{{ 7 * 7 }}" in page.text
    assert page.text.count("<script>alert('x')</script>") > 10


def test_invisible_characters_are_escaped() -> None:
    text = "a\u202eb\u200bc\x00d\udce9"
    reject = Reject(RejectReason.NOT_FINITE, text, text, text, 0, 0, b"\x00\xff")
    page = render_report(manifest(counts=Counts(read=5, written=4, rejected={"not_finite": 1}, sequences=4)), [reject])
    page.encode()
    assert r"a\u202eb\u200bc\x00d\udce9" in page
    assert r"\x00\xff" in page


def test_long_strings_are_shortened() -> None:
    key = "k" * 100_000
    reject = Reject(RejectReason.NOT_FINITE, key, key, key, 0, 0, key.encode())
    page = render_report(
        manifest(
            columns=(NumericColumn(key=key),),
            statistics={key: ColumnStatistics(values=4, min=0, max=1, mean=0, std=0, histogram=(2, 2))},
            counts=Counts(read=5, written=4, rejected={"not_finite": 1}, sequences=4),
        ),
        [reject],
    )
    assert len(page) < 60_000
    assert "99,700 more characters" in page


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "4 sequences of 3 to 3 steps"),
        ({"lengths": {"train": {}}, "statistics": {}}, "No sequence was written"),
        ({"lengths": {}, "statistics": {}}, "No sequence was written"),
        ({"lengths": {"train": {0: 4}}}, "4 sequences of 0 to 0 steps"),
        ({"lengths": {"train": {1: 1}}}, "1 sequence of 1 to 1 steps"),
        ({"lengths": {"train": {3: 10**15}, "eval": {1: 7}}}, "1,000,000,000,000,007 sequences of 1 to 3 steps"),
        ({"lengths": {f"s{i}": {3: 1} for i in range(9)}}, "6 other splits"),
        ({"lengths": {"train": {1: 5, 2**31 - 1: 1}}, "boundaries": (1, 2**31 - 1)}, "1 to 2,147,483,647 steps"),
        ({"boundaries": tuple(range(1, 1025)), "lengths": {"train": {7: 3, 900: 2}}}, "1,024 buckets"),
        ({"statistics": {"item": ColumnStatistics(values=0)}}, "values"),
        ({"statistics": {"item": ColumnStatistics(values=5)}}, "not counted one by one"),
        ({"columns": (NumericColumn(key="x"),),
          "statistics": {"x": ColumnStatistics(values=3, min=2, max=2, mean=2, std=0, histogram=(0, 3))}}, "2 to 2"),
        ({"columns": (NumericColumn(key="x"),), "statistics": {
            "x": ColumnStatistics(values=3, min=-1e308, max=1e308, mean=0, std=1e300, histogram=(1, 2))}}, "1e+308"),
        ({"columns": (NumericColumn(key="x", dtype="int64"),), "statistics": {
            "x": ColumnStatistics(values=3, min=-1e308, max=1e308, mean=0, std=1e300, histogram=(1, 2))}}, "1e+308"),
        ({"columns": (NumericColumn(key="x", dtype="int64"),), "statistics": {
            "x": ColumnStatistics(values=3, min=0, max=float("inf"), mean=0, std=1, histogram=(1, 2))}}, "values"),
    ],
)  # fmt: skip
def test_any_data_set_has_a_page(changes, shown) -> None:
    text = parse(render_report(manifest(**changes))).text
    assert shown in text
    assert "nan" not in text.lower().split()


def test_an_exceeded_limit_is_at_the_top() -> None:
    page = parse(render_report(manifest(), fault="5 of 10 records were rejected"))
    assert "Data set, not published" in page.text
    assert "5 of 10 records were rejected" in page.text


def test_a_data_set_that_exceeds_a_limit_has_a_report_and_no_manifest(tmp_path) -> None:
    bad = [trip(5, gear=[99] * 5, seed=seed) for seed in range(7)]
    with pytest.raises(DataLimitError, match=r"report\.html"):
        prepare(tmp_path, [*trips(9), *bad], limits={"rejected_fraction": 0.1})
    assert not (tmp_path / "prepared" / "manifest.json").exists()
    text = parse((tmp_path / "prepared" / "report.html").read_text()).text
    assert "Data set, not published" in text
    assert "7 of 16 records were rejected" in text
    assert "expected an id in [0, 6), received 99" in text


def test_the_report_of_a_failure_is_replaced_after_it_is_fixed(tmp_path) -> None:
    records = [*trips(9), trip(5, gear=[99] * 5)]
    with pytest.raises(DataLimitError):
        prepare(tmp_path, records, limits={"rejected_fraction": 0})
    prepare(tmp_path, records)
    assert "Data set, not published" not in (tmp_path / "prepared" / "report.html").read_text()


def test_written_again_the_page_is_the_same_in_both_layouts(tmp_path) -> None:
    (tmp_path / "turns.txt").write_text("north\neast\nsouth\n")
    columns = [{"kind": "vocabulary", "key": "turn", "vocabulary_file": str(tmp_path / "turns.txt")}]
    for layout in ("example", "block"):
        prepare(tmp_path, trips(20), layout, columns=columns, output={"path": str(tmp_path / layout), "layout": layout})
        page = (tmp_path / layout / "report.html").read_text()
        write_report(str(tmp_path / layout))
        assert (tmp_path / layout / "report.html").read_text() == page
        assert "north" in page
        assert str(tmp_path / "turns.txt") not in page


def test_every_reason_has_a_meaning() -> None:
    assert all(reason.meaning.endswith(".") for reason in RejectReason)
    assert pickle.loads(pickle.dumps(RejectReason.TOO_LARGE)) is RejectReason.TOO_LARGE


def test_examples_are_the_first_of_each_reason_and_no_more_is_read() -> None:
    def rejects():
        for index, reason in enumerate(["not_finite", "not_finite", "over_long", "not_finite", "over_long"]):
            yield Reject(RejectReason(reason), "", "", "file", index, 0, b"")
        raise AssertionError("read too far")

    examples = first_examples(rejects(), {"not_finite": 3, "over_long": 2}, each=2)
    assert [reject.index for reject in examples] == [0, 1, 2, 4]
    assert first_examples(rejects(), {}) == []


def test_many_shards_and_inputs_stay_one_readable_page() -> None:
    shard = manifest().shards[0]
    shards = tuple(
        shard.model_copy(update={"path": f"Split-train/{i}", "bytes": 1000 + i, "bucket": i % 100}) for i in range(5000)
    )
    inputs = tuple(InputFile(path=f"raw-{i}", bytes=1, records=1) for i in range(5000))
    page = render_report(manifest(shards=shards, inputs=inputs, boundaries=tuple(range(1, 101))))
    assert len(page) < 200_000
    assert "Each bar is the largest of 42 shards" in page
    assert "and 4,950 more" in page


def test_the_recipe_reproduces_the_data_set(folder, page, tmp_path) -> None:
    blocks = re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    (tmp_path / "job.yaml").write_text(html.unescape(blocks[1]))
    command = html.unescape(blocks[0]).split()
    assert command[:3] == ["lengthwise", "prepare", "job.yaml"]
    assert command[-2:] == ["--output", "prepared"]
    config = load_config(
        str(tmp_path / "job.yaml"),
        {"inputs.files": command[3:-2], "output.path": str(tmp_path / "again"), "limits.rejected_fraction": 0.5},
    )
    assert run(config, workers=1).fingerprint == load_manifest(str(folder)).fingerprint
