"""Dataflow and Dask: errors that can be detected without a cluster are reported immediately."""

import pytest

from runners.conftest import Setup, prepare

DATAFLOW = ("--runner=DataflowRunner", "--project=my-project", "--region=europe-west1", "--temp_location=gs://bkt/tmp")
DRY = ("--dry_run=True", "--no_auth", "--sdk_location=container")

MISTAKES = {
    "no project": (("--runner=DataflowRunner",), "--project: expected a project id", "received none"),
    "bad project": ((*DATAFLOW, "--project=P!"), "--project: expected a project id", "received 'P!'"),
    "no region": (DATAFLOW[:2], "--region: expected a region", "received none"),
    "bad region": ((*DATAFLOW, "--region=Europe"), "--region: expected a region", "received 'Europe'"),
    "no temporary folder": (DATAFLOW[:3], "--temp_location: expected a folder such as gs://", "received none"),
    "local temporary folder": ((*DATAFLOW, "--temp_location=/tmp/x"), "--temp_location: expected", "received '/tmp/x'"),
    "bad bucket": ((*DATAFLOW, "--temp_location=gs://B_/x"), "--temp_location: expected", "received 'gs://B_/x'"),
    "dask": (("--runner=DaskRunner",), "--runner=DaskRunner", "would lose records"),
}


def _remote(setup: Setup) -> str:
    text = (setup.folder / "job.yaml").read_text().replace("raw/*", "gs://bkt/raw/*")
    (setup.folder / "remote.yaml").write_text(text)
    return "remote.yaml"


@pytest.mark.parametrize("name", MISTAKES)
def test_wrong_options_are_one_message(setup: Setup, name: str) -> None:
    options, *expected = MISTAKES[name]
    done = prepare(setup.folder, _remote(setup), "--output", "gs://bkt/out", "--", *options, timeout=30)
    assert done.returncode == 2
    assert all(part in done.stderr for part in expected), done.stderr
    assert "Traceback" not in done.stderr


def test_paths_that_dataflow_cannot_reach_are_named(setup: Setup) -> None:
    local_output = prepare(setup.folder, _remote(setup), "--output", "here", "--", *DATAFLOW, timeout=30)
    assert local_output.returncode == 2
    assert "output.path: expected a gs:// path" in local_output.stderr
    local_input = prepare(setup.folder, "job.yaml", "--output", "gs://bkt/out", "--", *DATAFLOW, timeout=30)
    assert local_input.returncode == 2
    assert "inputs.files: expected a gs:// path" in local_input.stderr


def test_dataflow_accepts_the_job_in_a_dry_run(setup: Setup) -> None:
    done = prepare(setup.folder, _remote(setup), "--output", "gs://bkt/out", "--", *DATAFLOW, *DRY, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "dry run: DataflowRunner accepts the job" in done.stderr


def test_the_job_that_dataflow_gets_has_the_steps_of_the_flow(setup: Setup) -> None:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from lengthwise.config import load_config
    from lengthwise.job.reading.input_pieces import whole_files
    from lengthwise.job.running.beam_pipeline import build_steps
    from lengthwise.job.task_values import Input, Job

    config = load_config(str(setup.folder / "job.yaml"))
    job = Job(config, (Input("gs://bkt/raw/a", "a", 0, 1, None),), ((8,),), "", "gs://bkt/out/.work/x")
    pipeline = beam.Pipeline(options=PipelineOptions([*DATAFLOW, *DRY]))
    build_steps(pipeline, "prepare_shards", job, whole_files(job))
    steps = pipeline.run().job.proto_pipeline.components.transforms.values()
    names = {step.unique_name for step in steps}
    assert {"List tasks", "Spill rows", "Spill rows: summarise", "Write shards", "Write shards: summarise"} <= names
