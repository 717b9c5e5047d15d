"""Malicious or unusual YAML is read safely, or rejected with a message."""

import sys

import pytest

from lengthwise.config import load_config
from lengthwise.errors import ConfigError

GOOD = "columns: [{kind: numeric, key: a}]\n"


def _load(tmp_path, content: str | bytes):
    path = tmp_path / "job.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load_config(str(path))


def _bomb(levels: int, width: int) -> str:
    lines = [f"a0: &a0 [{', '.join(['lol'] * width)}]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]" for level in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_bomb(10, 9), "expected anchors that repeat at most 100000 values, received more"),
        (_bomb(60, 2), "expected anchors that repeat at most 100000 values, received more"),
        (_bomb(10, 9).replace("[", "{<<: [").replace("]", "]}"), "expected anchors that repeat at most"),
        ("columns: " + "[" * 5000, "nested too deeply"),
        ("columns: " + "{a: " * 5000, "nested too deeply"),
        ("a: &a {b: *a}", "an anchor that contains itself"),
        ("columns: !!python/name:os.system", "the tag 'tag:yaml.org,2002:python/name:os.system'"),
        ("columns: !!python/object/new:tuple [[1]]", "the tag 'tag:yaml.org,2002:python/object/new:tuple'"),
        ("columns: !include /etc/passwd", "the tag '!include'"),
        ('columns: "\x07"', "unacceptable character #x0007"),
        (b"columns: \xff\xff", "expected text in UTF-8"),
        (b"\x1f\x8b\x08\x00" + bytes(range(256)), "expected text in UTF-8"),
        ("? [a, b]\n: c", "unhashable key"),
        (b"# " + b"x" * (16 * 2**20), "expected at most 16777216 bytes, received 16777218"),
        ("", "received an empty file"),
        ("# only a comment", "received an empty file"),
    ],
)
def test_malicious_yaml_is_rejected_with_a_message(tmp_path, content, message) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, content)
    assert str(caught.value).startswith(f"{tmp_path}/job.yaml: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.encode("utf-16"),
        GOOD.replace("\n", "\r\n").encode(),
        ("%YAML 1.1\n---\n" + GOOD).encode(),
        (GOOD + "buckets:\n  # all commented out\n").encode(),
    ],
    ids=["UTF-8 BOM", "UTF-16", "CRLF", "directive", "empty section"],
)
def test_the_output_of_common_editors_is_accepted(tmp_path, content) -> None:
    assert _load(tmp_path, content).columns[0].name == "a"


def test_usual_anchors_and_merges_work(tmp_path) -> None:
    config = _load(
        tmp_path,
        "columns:\n"
        "  - &price {kind: numeric, key: price, min_value: 0}\n"
        "  - {<<: *price, key: cost}\n"
        "  - kind: shared_embedding\n"
        "    categorical_column: {kind: identity, key: a, num_buckets: 3}\n"
        "    shared: &table {name: items, num_buckets: 3, dimension: 2}\n"
        "  - kind: shared_embedding\n"
        "    categorical_column: {kind: identity, key: b, num_buckets: 3}\n"
        "    shared: *table\n",
    )
    price, cost, a, b = config.columns
    assert (price.key, cost.key, cost.min_value) == ("price", "cost", 0)
    assert a.shared == b.shared


def test_reading_a_configuration_leaves_the_recursion_limit_alone(tmp_path) -> None:
    before = sys.getrecursionlimit()
    with pytest.raises(ConfigError):
        _load(tmp_path, "a: " + "[" * 100_000)
    assert sys.getrecursionlimit() == before
