"""Output that is not read, is closed, or fills the disk: only the printing stops, and the exit code is unchanged."""

import os
import subprocess
import sys

import pytest

from cli.conftest import Place, make_place

PROGRAM = f"{sys.executable} -m lengthwise_cli"


def bash(script: str, place: Place) -> subprocess.CompletedProcess[str]:
    """Runs a script in the folder, `$L` being the command; its exit code is that of the first command of a pipe."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "L": PROGRAM}
    command = ["bash", "-c", f"{script}; exit ${{PIPESTATUS[0]}}"]
    return subprocess.run(
        command, cwd=place.folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("raw"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        "--json | head -1", "2>&1 | grep -m1 embedded", "--json 2>&1 >/dev/full | true", ">&-", "2>&-", "<&- >&- 2>&-",
        "2>/dev/full", "--json >/dev/full 2>&1",
    ],
)  # fmt: skip
def test_a_run_whose_output_is_lost_continues_to_its_end(raw: Place, tmp_path, how: str) -> None:
    done = bash(f"$L prepare job.yaml --workers 1 -o {tmp_path}/out {how}", raw)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert sorted(os.listdir(tmp_path / "out"))[:2] == ["Split-eval", "Split-train"]
    assert (tmp_path / "out" / "manifest.json").exists()
    assert not (tmp_path / "out" / ".work").exists()
    assert "bug in lengthwise" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("how", ["--json 2>&1 | true", ">&- 2>&-"])
def test_the_exit_code_of_a_failed_run_stays(raw: Place, tmp_path, how: str) -> None:
    strict = "--set limits.rejected_fraction=0 --workers 1"
    done = bash(f"$L prepare job.yaml {strict} -o {tmp_path}/out {how}", raw)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.slow
def test_output_to_closed_streams_reaches_no_file_of_the_data_set(raw: Place, tmp_path) -> None:
    """Files get the descriptors of closed streams, to which native code writes its first messages."""
    clean, closed = (bash(f"$L prepare job.yaml -o {tmp_path}/{name}/out {how}", raw) for name, how in
                     (("clean", ""), ("closed", "<&- >&- 2>&-")))  # fmt: skip
    assert (clean.returncode, closed.returncode) == (0, 0)
    names = sorted(path.relative_to(tmp_path / "clean") for path in (tmp_path / "clean").rglob("*") if path.is_file())
    for name in names:
        assert (tmp_path / "clean" / name).read_bytes() == (tmp_path / "closed" / name).read_bytes(), name


@pytest.mark.parametrize("command", ["--help", "schema", "inspect raw/a.tfrecord"])
def test_a_listing_ends_quietly_when_its_reader_leaves_and_says_when_it_is_cut(raw: Place, command: str) -> None:
    for how, expected in ((" | true", 0), (" | head -1 >&2", 0), (" >&-", 0), (" >/dev/full", 3)):
        done = bash(f"$L {command}{how}", raw)
        assert done.returncode == expected, (how, done.stderr)
        assert ("standard output: No space left on device" in done.stderr) == (expected == 3)
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr


def test_wrong_usage_keeps_its_exit_code_without_a_reader(raw: Place) -> None:
    for how in ("2>&-", "2>/dev/full", "2>&1 | true", ">&- 2>&-"):
        assert bash(f"$L prepare nowhere.yaml {how}", raw).returncode == 2


def test_a_pipe_that_does_not_block_loses_nothing(tmp_path) -> None:
    program = (
        "import os, sys\nfrom lengthwise_cli.standard_streams import install\nos.set_blocking(1, False)\ninstall()\n"
        "sys.stdout.write('x' * 1_000_000)\nsys.stdout.flush()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert len(process.stdout.read()) == 1_000_000
    assert process.returncode == 0
