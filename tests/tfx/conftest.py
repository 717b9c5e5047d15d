"""The example pipeline as a module, and whole runs of it on LocalDagRunner with a sqlite metadata store."""

import importlib.util
import os
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

EXAMPLE = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "tfx_pipeline.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "tfx":
            item.add_marker(pytest.mark.tfx)


@pytest.fixture(scope="session")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tfx_pipeline", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class PipelineRun:
    """The folder and the metadata store of a pipeline that has run."""

    root: str
    payload: str

    @property
    def store(self) -> Any:
        from ml_metadata import metadata_store
        from ml_metadata.proto import metadata_store_pb2

        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = os.path.join(self.root, "metadata.sqlite")
        return metadata_store.MetadataStore(config)

    def states(self) -> dict[str, list[str]]:
        """The states of each node's executions, in the order of the runs."""
        from ml_metadata.proto import metadata_store_pb2

        store = self.store
        names = {kind.id: kind.name.rsplit(".", 1)[-1] for kind in store.get_execution_types()}
        states: dict[str, list[str]] = {}
        for execution in sorted(store.get_executions(), key=lambda execution: execution.id):
            state = metadata_store_pb2.Execution.State.Name(execution.last_known_state)
            states.setdefault(names[execution.type_id], []).append(state)
        return states

    def artifacts(self, output: str) -> list[Any]:
        """Returns the artifacts of an output of a node, such as `SequencePrep/prepared_examples`."""
        folder = os.path.join(self.root, "artifacts", output)
        return [artifact for artifact in self.store.get_artifacts() if artifact.uri.startswith(folder + "/")]


class PipelineRuns:
    """Runs pipelines, and reads their results."""

    of = PipelineRun

    @staticmethod
    def run(pipeline: Any) -> None:
        from tfx import v1 as tfx

        tfx.orchestration.LocalDagRunner().run(pipeline)


@pytest.fixture(scope="session")
def pipeline_runs() -> PipelineRuns:
    return PipelineRuns()
