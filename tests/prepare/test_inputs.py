"""Which files a job reads: each file once, with any name, in its state when the job runs."""

import os
from pathlib import Path

import pytest

from lengthwise import columns as lw
from lengthwise.errors import ConfigError
from lengthwise.job import run
from prepare import jobs, words
from records.messages import sequence_example

FILES = words.files(count=2, records=20, invalid=0)
OTHER_NAMES = ["raw/./part-0.tfrecord", "raw//part-0.tfrecord", "raw/../raw/part-0.tfrecord", "link/part-0.tfrecord",
               "linked.tfrecord"]  # fmt: skip


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    jobs.job(tmp_path, words.COLUMNS, FILES)
    (tmp_path / "link").symlink_to(tmp_path / "raw")
    (tmp_path / "linked.tfrecord").symlink_to(tmp_path / "raw" / "part-0.tfrecord")
    return tmp_path / "raw"


@pytest.mark.parametrize("others", [*([name] for name in OTHER_NAMES[:4]), OTHER_NAMES[:4]])
@pytest.mark.parametrize("order", [1, -1])
def test_a_file_of_several_names_is_read_once(tmp_path, raw, others, order):
    def prepared(output: str, patterns: list[str]) -> dict[str, bytes]:
        output = str(tmp_path / output / "out")
        jobs.balance(jobs.run(tmp_path, words.COLUMNS, patterns, output={"path": output}))
        return jobs.tree(output)

    patterns = [f"{raw}/*", *(f"{tmp_path}/{name}" for name in others)]
    assert prepared("many", patterns[::order]) == prepared("one", patterns[:1])


def test_a_file_is_called_by_its_shortest_name(tmp_path, raw):
    patterns = [f"{raw}/*", f"{tmp_path}/linked.tfrecord"]
    manifests = [
        jobs.run(tmp_path, words.COLUMNS, order, output={"path": f"{tmp_path}/{number}/out"})
        for number, order in enumerate([patterns, patterns[::-1]])
    ]
    for manifest in manifests:
        assert [source.path for source in manifest.inputs] == [
            f"{tmp_path}/linked.tfrecord",
            f"{raw}/part-1.tfrecord.gz",
        ]
        assert manifest.counts.read == 40
    assert jobs.tree(tmp_path / "0" / "out") == jobs.tree(tmp_path / "1" / "out")


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_a_file_of_several_names_belongs_to_one_split(tmp_path, raw, name):
    inputs = {"files": (), "by_split": {"train": (f"{raw}/*",), "eval": (f"{tmp_path}/{name}",)}}
    config = jobs.job(tmp_path, words.COLUMNS, [], inputs=inputs)
    with pytest.raises(ConfigError) as caught:
        run(config, workers=1)
    names = " also called ".join(sorted([f"{tmp_path}/{name}", f"{raw}/part-0.tfrecord"], key=len))
    assert str(caught.value) == f"inputs.by_split: {names} belongs to two splits; give each file to one"


def test_a_vocabulary_that_has_changed_is_read_again(tmp_path):
    path = tmp_path / "words.txt"
    files = {"raw.tfrecord": [sequence_example({"word": ["a", "c"]})]}
    found = {}
    for time, entries in enumerate(["a b c", "c a b"]):  # of one size
        path.write_text("\n".join(entries.split()))
        os.utime(path, (time, time))
        column = lw.sequence_categorical_column_with_vocabulary_file("word", str(path))
        output = {"path": str(tmp_path / entries)}
        manifest = jobs.run(tmp_path, [column], files, output=output)
        [sequence] = jobs.sequences(output["path"], manifest)
        found[entries] = sequence.features["word"]
    assert found == {"a b c": [[0], [2]], "c a b": [[1], [0]]}
