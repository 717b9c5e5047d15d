import pytest

from report.jobs import prepare, trip, trips


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set of every kind of column, with two splits and rejects of three reasons."""
    folder = tmp_path_factory.mktemp("job")
    bad = [
        b"\xff\xff<script>alert(1)</script>",
        trip(5, speed=[1.0, 2.0, 3.0, 400.0, 5.0]),
        trip(5, gear=[1, 2, 3, 4, 66]),
        trip(5, gear=[1, 2, 3, 4, 77]),
    ]
    prepare(folder, [*trips(), *bad], splits={"fractions": {"train": 0.8, "eval": 0.2}})
    return folder / "prepared"


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report.html").read_text()
