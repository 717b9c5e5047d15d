"""The example's pipeline as a Kubeflow pipeline specification."""

import json

import pytest


def test_the_pipeline_compiles_to_a_kubeflow_specification(example, tmp_path):
    pytest.importorskip("kfp", reason="kfp is not installed beside tfx: nothing was compiled for Kubeflow")
    from tfx import v1 as tfx

    runner = tfx.orchestration.experimental.KubeflowV2DagRunner(
        config=tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(default_image="example.org/lengthwise-tfx:1"),
        output_dir=str(tmp_path),
        output_filename="pipeline.json",
    )
    runner.run(example.make_pipeline(str(tmp_path), "gs://bucket/raw"))
    spec = json.loads((tmp_path / "pipeline.json").read_text())["pipelineSpec"]
    assert {"ImportExampleGen", "SequencePrep", "StatisticsGen", "Trainer"} <= spec["root"]["dag"]["tasks"].keys()
    component = spec["components"]["SequencePrep"]
    assert component["inputDefinitions"]["artifacts"].keys() == {"examples"}
    assert component["outputDefinitions"]["artifacts"].keys() == {"prepared_examples", "prepared_schema", "preparation"}
    executor = spec["deploymentSpec"]["executors"][component["executorLabel"]]
    assert "lengthwise.tfx.prep_executor.Executor" in json.dumps(executor)
