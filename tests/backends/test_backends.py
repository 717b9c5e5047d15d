"""The layer on each Keras backend, dense inputs, without TensorFlow: the cases of `cases.py` in a separate process.

A process has one Keras backend.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = Path(__file__).with_name("cases.py")


@pytest.mark.backends
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_layer_works_on(backend):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(CASES)]
    completed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout[-5000:] + completed.stderr[-2000:]
