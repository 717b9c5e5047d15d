"""Every mistake gives errors that name file, path, what was expected, what was received, and what to do."""

import os

import pytest

from config.mistakes import MISTAKES, Mistake
from lengthwise.config import load_config, parse_config
from lengthwise.errors import ConfigError


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_has_this_message(mistake: Mistake, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(mistake.yaml)
    with pytest.raises(ConfigError) as caught:
        load_config("job.yaml")
    assert str(caught.value) == mistake.message.replace("FILE", "job.yaml")
    assert sorted(os.listdir(tmp_path)) == ["job.yaml"]


def test_there_are_enough_mistakes() -> None:
    assert len(MISTAKES) > 80
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES)


def test_ten_of_many_mistakes_are_reported(tmp_path) -> None:
    columns = [{"kind": "numeric", "key": f"k{index}", "shape": 0} for index in range(14)]
    with pytest.raises(ConfigError) as caught:
        parse_config({"columns": columns}, source="job")
    lines = str(caught.value).splitlines()
    assert len(lines) == 11
    assert lines[0] == "job: columns[0].shape: expected a shape of positive sizes, such as [1], received [0]"
    assert lines[-1] == "job: and 4 more mistakes"


def test_a_missing_file_is_named_with_its_neighbour(tmp_path) -> None:
    (tmp_path / "job.yaml").touch()
    with pytest.raises(ConfigError) as caught:
        load_config(f"{tmp_path}/jop.yaml")
    assert str(caught.value) == (
        f"{tmp_path}/jop.yaml: expected a YAML file, received no such file; did you mean {tmp_path}/job.yaml?"
    )


def test_a_folder_is_no_file(tmp_path) -> None:
    with pytest.raises(ConfigError, match="expected a YAML file, received a folder"):
        load_config(str(tmp_path))
