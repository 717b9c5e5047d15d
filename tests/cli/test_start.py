"""Starting: fast, with nothing imported that the command does not need."""

import subprocess
import sys

import pytest

from lengthwise_cli.command_group import COMMANDS

HEAVY = ("apache_beam", "tensorflow", "tfx_bsl", "keras", "pyarrow", "numpy", "pydantic", "rich", "matplotlib")
PROBE = """
import sys
from lengthwise_cli.main import main
for arguments in {calls}:
    try:
        main(arguments)
    except SystemExit as end:
        assert end.code == 0, end.code
print("LOADED", *[name for name in {heavy} if name in sys.modules])
"""


@pytest.mark.parametrize(
    "calls",
    [[["--help"]], [["--version"]], [[name, "--help"] for name in COMMANDS]],
    ids=["help", "version", "each command's help"],
)
def test_help_loads_none_of_the_heavy_libraries(calls: list[list[str]]) -> None:
    program = PROBE.format(calls=calls, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["LOADED"]


def test_a_wrong_configuration_is_reported_before_beam_is_loaded(tmp_path) -> None:
    (tmp_path / "job.yaml").write_text("columns: []")
    program = (
        "import sys\nfrom lengthwise_cli.main import main\ntry:\n    main(['prepare', 'job.yaml'])\n"
        "except SystemExit as end:\n    print(end.code, 'apache_beam' in sys.modules, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout.split() == ["2", "False", "False"], done.stderr


def test_an_older_click_whose_types_take_no_parameters_is_enough() -> None:
    program = (
        "import click\nclick.ParamType.__class_getitem__ = None\n"
        "from lengthwise_cli.main import main\nmain(['verify', '--help'])"
    )
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)


def test_the_module_runs_as_the_script_does() -> None:
    command = [sys.executable, "-m", "lengthwise_cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("lengthwise, version ")
