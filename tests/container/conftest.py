"""The engine and the image, found and built once for all container tests."""

import os

import pytest

from container.engine import Engine, find_engine

TAG = "localhost/lengthwise:test"


@pytest.fixture(scope="session")
def engine() -> Engine:
    found = find_engine()
    if isinstance(found, str):
        pytest.skip(f"NO CONTAINER ENGINE: {found}")
    return found


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The `runtime` image; LENGTHWISE_IMAGE names one that is already built."""
    ready = os.environ.get("LENGTHWISE_IMAGE")
    return ready or engine.build_image(TAG, "runtime")
