"""Reads a YAML file as a mapping: without tags that run code, duplicate keys, or anchors that expand without limit."""

import difflib
import os
from collections.abc import Hashable
from typing import Any

import yaml

from lengthwise.columns.field_errors import show
from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.storage.files import is_remote, read_bytes

MAX_BYTES = 16 * 2**20
MAX_REPEATED = 100_000
"""The maximum number of values that all uses of anchors may repeat."""


def read_mapping(path: str) -> dict[str, Any]:
    """The YAML document of the file.

    Raises:
        ConfigError: the file is missing, too large, not YAML or not a mapping, has a key twice, or repeats too many
            values by anchors; the message names file and line.
    """
    return mapping_of(_read_text(path), path)


def mapping_of(text: str, path: str) -> dict[str, Any]:
    """The YAML document of a text, whose name in messages is `path`; see `read_mapping`."""
    try:
        content = _load(text, path)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_explain(path, error)) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: expected YAML, received {str(error).splitlines()[0]}") from error
    except RecursionError:
        raise ConfigError(f"{path}: expected YAML of a few levels, received one nested too deeply") from None
    if content is None:
        raise ConfigError(f"{path}: expected a mapping of fields, received an empty file; start with `columns:`")
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of fields, received {show(content)}; start with `columns:`")
    return content


def _read_text(path: str) -> str:
    if not is_remote(path) and not os.path.isfile(path):
        what = "a folder" if os.path.isdir(path) else f"no such file{_nearby(path)}"
        raise ConfigError(f"{path}: expected a YAML file, received {what}")
    try:
        data = read_bytes(path)
    except EnvironmentFailure as error:
        raise ConfigError(f"{path}: expected a readable YAML file: {error}") from error
    if len(data) > MAX_BYTES:
        raise ConfigError(
            f"{path}: expected at most {MAX_BYTES} bytes, received {len(data)}; write long vocabularies to files"
        )
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected text in UTF-8, received {error}; save the file as UTF-8") from error


def _nearby(path: str) -> str:
    folder = os.path.dirname(path) or "."
    names = os.listdir(folder) if os.path.isdir(folder) else []
    near = difflib.get_close_matches(os.path.basename(path), names, n=1)
    return f"; did you mean {os.path.join(os.path.dirname(path), near[0])}?" if near else ""


class _Loader(yaml.SafeLoader):
    """Safe, and strict about keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys: set[object] = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else id(key_node)
            if key in keys and key != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} a second time in one mapping", key_node.start_mark
                )
            keys.add(key)
        return super().construct_mapping(node, deep)


def _load(text: str, path: str) -> Any:
    loader = _Loader(text)
    loader.name = path
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        sizes: dict[int, int] = {}
        if _size(node, sizes, set()) - len(sizes) > MAX_REPEATED:
            raise ConfigError(
                f"{path}: expected anchors that repeat at most {MAX_REPEATED} values, received more; use fewer aliases"
            )
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, sizes: dict[int, int], open_nodes: set[int]) -> int:
    """The number of values that the node has if every alias is expanded."""
    if id(node) in sizes:
        return sizes[id(node)]
    if id(node) in open_nodes:
        raise yaml.constructor.ConstructorError(None, None, "an anchor that contains itself", node.start_mark)
    open_nodes.add(id(node))
    parts: list[yaml.Node] = []
    if isinstance(node, yaml.SequenceNode):
        parts = node.value
    elif isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    sizes[id(node)] = 1 + sum(_size(part, sizes, open_nodes) for part in parts)
    open_nodes.discard(id(node))
    return sizes[id(node)]


def _explain(path: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    problem = error.problem or "something else"
    received = problem.rpartition("found ")[2]
    advice = ""
    if "'\\t'" in problem:
        advice = "indent with spaces, not tabs"
    elif "constructor for the tag" in problem:
        received, advice = problem.rpartition("for ")[2], "write plain values, without a tag"
    elif "mapping values are not allowed" in problem:
        received, advice = "a second ': ' in one value", "put text with ': ' in quotes"
    elif "undefined alias" in problem or error.context == "while scanning an alias":
        received = received.removeprefix("found ")
        advice = "put text that starts with '*', including glob patterns, in quotes"
    elif "second time" in problem:
        advice = "keep one of the two"
    elif "stream end" in problem:
        received, advice = "the end of the file", "close the open bracket, brace or quote"
    elif "another document" in problem:
        advice = "keep one document per file"
    return f"{path}: {where}expected YAML, received {received}{'; ' if advice else ''}{advice}"
