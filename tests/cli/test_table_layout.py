"""Lines and tables of any text, at any width: nothing is lost, and no line is wider than it must be."""

import re

from hypothesis import given
from hypothesis import strategies as st

from lengthwise_cli.line_breaks import width_of, wrap, wrap_cell
from lengthwise_cli.table_layout import Column, lay_out

words = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=40)
texts = st.lists(words, max_size=8).map(" ".join)


def letters(text: str) -> str:
    return re.sub(r"[\s─]", "", text)


@given(texts, st.integers(1, 120), st.booleans())
def test_lines_keep_every_word_and_are_no_wider_than_a_word(text, width, split) -> None:
    lines = wrap(text, width, split=split)
    assert letters("".join(lines)) == letters(text)
    if not split:
        assert " ".join(lines).split() == text.split()
    for line in lines:
        assert width_of(line) <= max(width, 4 if split else 0) or len(line.split()) == 1


@given(texts, st.integers(2, 120))
def test_cells_are_never_wider_than_their_column(text, width) -> None:
    lines = wrap_cell(text, width)
    assert letters("".join(lines)) == letters(text)
    assert all(width_of(line) <= width for line in lines)


@given(st.lists(st.lists(texts, min_size=3, max_size=3), max_size=6), st.one_of(st.none(), st.integers(20, 150)))
def test_tables_keep_every_cell_and_fit(rows, width) -> None:
    columns = [Column("name", False), Column("count", True), Column("what it is", False)]
    lines = lay_out(columns, rows, width)
    shown = "\n".join(lines.body)
    for row in rows:
        for cell in row:
            if width is None or not lines.head:
                assert letters(cell) in letters(shown)
    if not lines.head or width is not None:
        assert all(width_of(line) <= width or len(line.split()) == 1 for line in [*lines.head, *lines.body])
    if lines.head:
        assert sorted(letters(shown)) == sorted(letters("".join(cell for row in rows for cell in row)))


def test_a_table_too_wide_for_a_grid_is_shown_row_by_row() -> None:
    columns = [Column("name", False), Column("count", True), Column("note", False)]
    rows = [["price", "1,234", "of one item in francs"], ["7", "", "x"]]
    assert len(lay_out(columns, rows, 40).head) == 2
    narrow = lay_out(columns, rows, 12)
    assert narrow.head == []
    assert narrow.body == ["price", "  count:", "    1,234", "  note: of", "    one item", "    in", "    francs",
                           "name 7", "  note: x"]  # fmt: skip
