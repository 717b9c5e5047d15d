"""Raw files and prepared data sets, created once by the real job."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from feed.grouped_data import data_sets, made  # noqa: F401
from feed.samples import Sample, all_columns, make_samples, write_files
from lengthwise.config import Buckets, Inputs, JobConfig, Output, Sequences

BOUNDARIES = (5, 8, 13, 40)


@dataclass(frozen=True)
class Source:
    """A way to read the samples: a reader without its options."""

    name: str
    read: Callable[..., Any]


@dataclass(frozen=True)
class Data:
    samples: list[Sample]
    files: list[str]
    flat_files: list[str]
    folders: dict[str, str]


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    from lengthwise.job import run

    root = tmp_path_factory.mktemp("feed")
    samples = make_samples(700, whole_steps=True)
    files = write_files(str(root / "raw"), samples, 3)
    flat_files = write_files(str(root / "flat"), samples, 3, "example")
    folders = {}
    for layout in ("example", "block"):
        folders[layout] = str(root / layout)
        config = JobConfig(
            inputs=Inputs(files=tuple(files)),
            columns=tuple(all_columns()),
            sequences=Sequences(),
            buckets=Buckets(boundaries=BOUNDARIES),
            output=Output(path=folders[layout], layout=layout, block_sequences=16, shard_bytes=20_000),
        )
        run(config, workers=1)
    return Data(samples, files, flat_files, folders)


SOURCES = ("example", "block", "raw")


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, data: Data) -> Source:
    return make_source(request.param, data)


@pytest.fixture(params=(*SOURCES, "flat"))
def every_source(request: pytest.FixtureRequest, data: Data) -> Source:
    """Includes raw tf.Examples, which differ from raw tf.SequenceExamples only in their parsing."""
    return make_source(request.param, data)


def make_source(name: str, data: Data) -> Source:
    from lengthwise.feed import read_prepared, read_raw

    def read(**options: Any) -> Any:
        if name in data.folders:
            return read_prepared(data.folders[name], "train", **options)
        files, container = (data.files, "sequence_example") if name == "raw" else (data.flat_files, "example")
        job = {
            "inputs": {"files": files, "format": container},
            "columns": all_columns(),
            "buckets": {"boundaries": options.pop("boundaries", None)},
        }
        return read_raw(job, **options)

    return Source(name, read)
