"""Vocabulary files: one entry per line; files that TensorFlow would read differently are refused."""

import os
import time

import pytest
import tensorflow as tf
from pydantic import TypeAdapter

from faults import remote
from lengthwise import columns as lw
from lengthwise.config import load_config
from lengthwise.errors import ConfigError

FILE = lw.sequence_categorical_column_with_vocabulary_file


def _path(tmp_path, content: bytes) -> str:
    (tmp_path / "v.txt").write_bytes(content)
    return f"{tmp_path}/v.txt"


@pytest.mark.parametrize(
    ("content", "arguments", "entries"),
    [
        (b"a\nb\n", {}, ("a", "b")),
        (b"a\nb", {}, ("a", "b")),
        (b"a\r\nb\r\n", {}, ("a", "b")),
        ("ü\n日本\n".encode(), {}, ("ü", "日本")),
        (b" a\na \n", {}, (" a", "a ")),
        (b"a\nb\nc\n", {"vocabulary_size": 2}, ("a", "b")),
        (b"a\nb\na\n", {"vocabulary_size": 2}, ("a", "b")),
        (b"3\n-7\n", {"dtype": "int64"}, (3, -7)),
        (b"3\r\n9223372036854775807\r\n", {"dtype": "int64"}, (3, 2**63 - 1)),
    ],
)
def test_entries_are_lines(tmp_path, content, arguments, entries) -> None:
    column = FILE("k", _path(tmp_path, content), **arguments)
    assert column.vocabulary == entries
    assert column.num_buckets == len(entries)


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (b"\xef\xbb\xbfa\n", {}, "starts with a byte order mark; save it as UTF-8 without BOM"),
        (b"a\nb\r\na\n", {}, "line 3 repeats 'a' of line 1; an entry has one id"),
        (b"7\n07\n", {"dtype": "int64"}, "line 2 repeats 7 of line 1; an entry has one id"),
        (b"a\n\xc3\x28\n", {}, "line 2 is not UTF-8; save the file as UTF-8"),
        (b"a\rb\n", {}, "line 1 contains a carriage return; end lines with LF or CRLF"),
        (b"a\n\nb\n", {}, "line 2 is empty; give each line an entry"),
        (b"", {}, "expected one entry per line, found an empty file"),
        (b"a\n", {"vocabulary_size": 2}, "expected 2 lines (vocabulary_size), found 1"),
        (
            b"1\nx\n",
            {"dtype": "int64"},
            "expected an integer of 64 bits on each line (dtype int64), received 'x' on line 2",
        ),
        (
            b"1_0\n",
            {"dtype": "int64"},
            "expected an integer of 64 bits on each line (dtype int64), received '1_0' on line 1",
        ),
        (
            b"9223372036854775808\n",
            {"dtype": "int64"},
            "expected an integer of 64 bits on each line (dtype int64), received '9223372036854775808' on line 1",
        ),
    ],
)
def test_bad_files_are_refused_with_their_line(tmp_path, content, arguments, message) -> None:
    path = _path(tmp_path, content)
    with pytest.raises(ConfigError) as caught:
        FILE("k", path, **arguments).vocabulary  # noqa: B018 (the file is read at the first use)
    assert str(caught.value) == f"vocabulary_file {path}: {message}"


@pytest.mark.parametrize("name", ["missing.txt", "", "$(touch pwned)", "../missing/v.txt"])
def test_a_missing_file_is_named(tmp_path, name) -> None:
    path = f"{tmp_path}/{name}"
    received = "a directory" if name == "" else "no such file"
    with pytest.raises(ConfigError) as caught:
        FILE("k", path).vocabulary  # noqa: B018
    assert str(caught.value) == f"vocabulary_file {path}: expected a readable text file, received {received}"


def test_a_default_beyond_the_file_is_refused(tmp_path) -> None:
    with pytest.raises(ConfigError) as caught:
        FILE("k", _path(tmp_path, b"a\nb\n"), default_value=2)
    assert str(caught.value) == "VocabularyColumn: default_value: expected an id in [0, 2), received 2"


DEFAULTS = {
    "function": lambda path, default: FILE("w", path, default_value=default),
    "function with a size": lambda path, default: FILE("w", path, vocabulary_size=2, default_value=default),
    "class": lambda path, default: lw.VocabularyColumn(key="w", vocabulary_file=path, default_value=default),
    "plain fields": lambda path, default: TypeAdapter(lw.Column).validate_python(
        {"kind": "vocabulary", "key": "w", "vocabulary_file": path, "default_value": default}
    ),
    "list": lambda path, default: lw.VocabularyColumn(key="w", vocabulary_list=("a", "b"), default_value=default),
    "TensorFlow's": lambda path, default: lw.from_feature_column(
        tf.feature_column.sequence_categorical_column_with_vocabulary_file("w", path, default_value=default)
    ),
    "TensorFlow's with a size": lambda path, default: lw.from_feature_column(
        tf.feature_column.sequence_categorical_column_with_vocabulary_file("w", path, 2, default_value=default)
    ),
    "TensorFlow's list": lambda path, default: lw.from_feature_column(
        tf.feature_column.sequence_categorical_column_with_vocabulary_list("w", ["a", "b"], default_value=default)
    ),
}


@pytest.mark.parametrize("way", DEFAULTS)
def test_a_default_outside_the_vocabulary_is_refused_by_every_way_to_create_a_column(tmp_path, way) -> None:
    path = _path(tmp_path, b"a\nb\n")
    assert DEFAULTS[way](path, 1).default_value == 1
    for outside in (2, 99):
        with pytest.raises(ValueError, match=rf"expected an id in \[0, 2\), received {outside}|default_value"):
            DEFAULTS[way](path, outside)


@pytest.mark.parametrize("default", [2, 99])
def test_a_default_outside_the_vocabulary_is_refused_in_yaml(tmp_path, default) -> None:
    _path(tmp_path, b"a\nb\n")
    job = tmp_path / "job.yaml"
    column = f"{{kind: vocabulary, key: w, vocabulary_file: v.txt, default_value: {default}}}"
    for written in (column, f"{{kind: indicator, categorical_column: {column}}}"):
        job.write_text(f"inputs: {{files: x}}\ncolumns: [{written}]\n")
        with pytest.raises(ConfigError, match=rf"expected an id in \[0, 2\), received {default}"):
            load_config(str(job))


def test_a_changed_file_is_read_again(tmp_path) -> None:
    column = FILE("k", _path(tmp_path, b"a\nb\nc\n"))
    assert column.vocabulary == ("a", "b", "c")
    os.utime(_path(tmp_path, b"c\na\nb\n"), (1, 1))
    assert column.vocabulary == ("c", "a", "b")
    _path(tmp_path, b"c\na\nb\nd\n")
    assert column.num_buckets == 4


@pytest.mark.parametrize("has_checksum", [True, False])
def test_a_changed_remote_file_is_read_again(tmp_path, has_checksum) -> None:
    path = f"memory://{tmp_path.name}-{os.getpid()}/v.txt"
    for number, content in enumerate([b"a\nb\n", b"b\na\n"]):
        remote.FILES[path] = content
        if has_checksum:
            remote.CHECKSUMS[path] = str(number)
        assert FILE("k", path).vocabulary == tuple(content.decode().split())
        time.sleep(1)  # the version is requested at most once per second
    del remote.FILES[path]
    remote.CHECKSUMS.pop(path, None)
