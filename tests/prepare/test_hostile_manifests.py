"""A manifest from others: models of its columns open no file. The job's manifests name only files of the data set."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest

import lengthwise as lw
from lengthwise.errors import DatasetError
from prepare.jobs import run
from records.messages import sequence_example

opened: list[str] = []
watched: list[str] = []


def _note(event, arguments):
    if watched and event == "open" and str(arguments[0]).startswith(watched[0]):
        opened.append(str(arguments[0]))


sys.addaudithook(_note)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    (root / "words.txt").write_text("a\nb\nc\n")
    words = lw.sequence_categorical_column_with_vocabulary_file("w", str(root / "words.txt"), default_value=1)
    table = {"dimension": 2, "ckpt_to_load_from": "nowhere/model.ckpt", "tensor_name_in_ckpt": "t"}
    columns = (
        lw.embedding_column(words, **table),
        lw.indicator_column(words),
        *lw.shared_embedding_columns([lw.sequence_categorical_column_with_identity("k", 5)], **table),
    )
    records = {"part.tfrecord": [sequence_example({"w": ["a", "c"], "k": [1, 2]}, {})] * 3}
    run(root, columns, records, buckets={"boundaries": [4]})
    [manifest] = root.rglob("manifest.json")
    return manifest.parent


@pytest.fixture
def copy(data, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(data, folder)
    return folder


def test_the_columns_of_a_model_open_no_file(copy):
    shutil.rmtree(copy / "vocabulary")
    opened.clear()
    watched[:] = [str(copy)]
    manifest = lw.load_manifest(copy)
    columns = manifest.model_columns
    watched.clear()
    assert {Path(path).name for path in opened} == {"manifest.json"}
    sizes = {column.name: column.categorical_column.num_buckets for column in columns}
    assert sizes == {"w_embedding": 3, "w_indicator": 3, "k_shared_embedding": 5}
    layer = lw.SequenceFeatures(columns, return_lengths=True)  # its checkpoint does not exist
    assert sorted(layer.tables) == ["k_shared_embedding", "w_embedding"]


def _edited(folder, change):
    """Returns the folder of the data set with an edited manifest whose digest is correct."""
    path = Path(folder, "manifest.json")
    content = json.loads(path.read_text())
    del content["digest"]
    for column in content["columns"]:
        change(column)
    content["digest"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(content))
    return folder


def _checkpoint(column):
    for table in (column, column.get("shared", {})):
        if "ckpt_to_load_from" in table:
            table.update(ckpt_to_load_from="/etc/passwd", tensor_name_in_ckpt="x")


def _shared_checkpoint(column):
    if "shared" in column:
        _checkpoint(column)


def _vocabulary(path, **fields):
    def change(column):
        if "vocabulary_file" in column["categorical_column"]:
            column["categorical_column"].update(vocabulary_file=path, **fields)

    return change


def _code(column):
    column["normalizer_fn"] = {"module": "os", "class_name": "function", "config": "system"}


def _rows(column):
    column["categorical_column"] = {"kind": "identity", "key": "k", "num_buckets": 2**40}
    column.get("shared", {})["num_buckets"] = 2**40


HARMS = {
    "a checkpoint": (_checkpoint, r"columns\.?.*refused: expected no ckpt_to_load_from in a manifest"),
    "a shared checkpoint": (_shared_checkpoint, "refused: expected no ckpt_to_load_from in a manifest"),
    "a file elsewhere": (_vocabulary("/etc/passwd"), "expected a path within the data set's folder"),
    "a file above": (_vocabulary("../../etc/passwd"), "expected a path within the data set's folder"),
    "a remote file": (_vocabulary("http://host/x"), "expected a path within the data set's folder"),
    "a file of no size": (_vocabulary("manifest.json", vocabulary_size=None), "expected a vocabulary_size with"),
    "code": (_code, "normalizer_fn"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_harmful_manifest_is_refused(harm, copy):
    change, message = HARMS[harm]
    opened.clear()
    with pytest.raises(DatasetError, match=f"(?s){message}"):
        lw.load_manifest(_edited(copy, change))


def test_a_manifest_with_huge_tables_is_refused_by_the_layer(copy):
    columns = lw.load_manifest(_edited(copy, _rows)).model_columns
    for column in columns:
        with pytest.raises(ValueError, match=r"embedding tables: expected at most|numbers per step"):
            lw.SequenceFeatures([column], return_lengths=True)
