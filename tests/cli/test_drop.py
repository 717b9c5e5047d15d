"""`lengthwise drop`: one line per removed part."""


def test_each_removed_part_is_a_line(place, lengthwise) -> None:
    for part, file in (("one", "a.tfrecord"), ("two", "b.tfrecord")):
        lengthwise("prepare", place.job, place.raw / file, "--part", part, "--workers", "1", "-q")
    removed = lengthwise("drop", place.prepared, "--before", "z").stdout
    assert removed.splitlines() == [f"{place.prepared}/one removed", f"{place.prepared}/two removed"]
