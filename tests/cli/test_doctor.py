"""`lengthwise doctor`: what it checks, and what makes it fail."""

import json

import pytest

from lengthwise_cli import doctor_checks
from lengthwise_cli.commands import doctor


@pytest.fixture
def light(monkeypatch) -> None:
    """Without the checks that load Beam and TensorFlow."""
    monkeypatch.setattr(doctor_checks, "embedded_runner", lambda: iter(()))
    monkeypatch.setattr(doctor_checks, "tensorflow", lambda: iter(()))


@pytest.mark.slow
def test_it_finds_this_machine_well(lengthwise) -> None:
    result = lengthwise("doctor")
    assert "all required parts work" in result.stdout
    for what in ("tfx-bsl", "cores", "memory", "embedded runner", "PortableRunner", "DaskRunner", "tensorflow", "GPU"):
        assert what in result.stdout


def test_json_lists_the_findings(light, lengthwise) -> None:
    findings = json.loads(lengthwise("doctor", "--json").stdout)
    assert {finding["status"] for finding in findings} <= {"ok", "note"}
    assert [finding for finding in findings if finding["status"] == "note" and not finding["advice"]] == []
    assert {"python", "apache-beam", "cores"} <= {finding["what"] for finding in findings}


def test_paths_are_tried(light, tmp_path, lengthwise) -> None:
    (tmp_path / "file").write_text("x")
    paths = [tmp_path, tmp_path / "file", tmp_path / "new" / "folder", tmp_path / "file" / "below"]
    findings = json.loads(lengthwise("doctor", *paths, "--json", code=3).stdout)
    found = {finding["what"]: (finding["status"], finding["found"]) for finding in findings}
    assert found[str(paths[0])] == ("ok", "a folder that can be written")
    assert found[str(paths[1])] == ("ok", "readable, 1 files")
    assert found[str(paths[2])][0] == "note"
    assert found[str(paths[3])][0] == "bad"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize(
    ("name", "specifier", "found"),
    [("click", "<1", ", expected <1"), ("no-such-package", ">=2", "not installed")],
)
def test_a_wrong_version_is_bad_and_the_fix_is_shown(name: str, specifier: str, found: str) -> None:
    finding = doctor_checks._version(name, specifier)
    assert finding.status == "bad"
    assert found in finding.found
    assert finding.advice == f"pip install '{name}{specifier}'"


def test_a_job_endpoint_where_nothing_listens_is_bad(light, lengthwise) -> None:
    options = ("--runner=PortableRunner", "--job_endpoint=localhost:1", "--environment_type=LOOPBACK")
    result = lengthwise("doctor", "--", *options, code=3)
    assert "job endpoint localhost:1" in result.stdout
    assert "start the engine's job server there" in " ".join(result.stdout.split())


def test_the_chosen_runner_runs_a_job(light, tmp_path, lengthwise) -> None:
    result = lengthwise("doctor", tmp_path, "--json", "--", "--runner=FnApiRunner")
    [finding] = [finding for finding in json.loads(result.stdout) if finding["what"] == "FnApiRunner"]
    assert finding["status"] == "ok"
    assert finding["found"].endswith(f"reaches {tmp_path}")
    assert not [*tmp_path.iterdir()]


def test_something_bad_is_exit_code_3(light, monkeypatch, lengthwise) -> None:
    bad = doctor_checks.Finding("memory", "bad", "none", "buy some")
    monkeypatch.setattr(doctor_checks, "machine", lambda: iter([bad]))
    result = lengthwise("doctor", code=3)
    assert "buy some" in result.stdout
    assert "checks failed: memory" in result.stderr
    assert doctor.command.name == "doctor"
