"""Finds the example configurations: in the package, or next to it in a checkout."""

from pathlib import Path

from lengthwise.errors import EnvironmentFailure


def example_config(name: str) -> str:
    """The path of a file of `configs/`.

    Raises:
        EnvironmentFailure: the file is not installed.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "configs", package.parents[1] / "configs"):
        if (folder / name).is_file():
            return str(folder / name)
    raise EnvironmentFailure(f"configs/{name} is not installed; reinstall lengthwise, or run from a checkout")
