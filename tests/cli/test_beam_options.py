"""Options after `--`: Beam receives its options, and other options are refused."""

import json

import pytest

from lengthwise.job.running.beam_options import check_runner, is_embedded

FLINK = ("--runner=FlinkRunner", "--flink_master=localhost:8081")

WRONG = {
    "a file": (
        ("raw/a.tfrecord",),
        "raw/a.tfrecord: expected an option of Beam's, such as --runner=..., received a word",
    ),
    "a word after an option": (("--streaming", "stray"), "stray: expected an option of Beam's"),
    "nonsense": (
        ("--nonsense=3",),
        "--nonsense: Beam has no such option; options of lengthwise itself must precede --",
    ),
    "a slip": (
        ("--direct_num_worker=2",),
        "--direct_num_worker: Beam has no such option; did you mean --direct_num_workers?",
    ),
    "an option of lengthwise": (("--workers", "2"), "--workers: Beam has no such option"),
    "help": (("--help",), "--help: Beam has no such option"),
    "a wrong value": (
        ("--direct_running_mode=bogus",),
        "an option of Beam's is wrong: --direct_running_mode: invalid choice: 'bogus'",
    ),
    "an unknown runner": (
        ("--runner=Nope",),
        "--runner=Nope: expected a runner of Beam's, received an unknown one; there",
    ),
    "a runner nearly": (("--runner", "FlinkRuner"), "did you mean FlinkRunner?"),
    "a slip beside a job server": (
        (*FLINK, "--flink_mater=x"),
        "--flink_mater: Beam has no such option; did you mean --flink",
    ),
    "a word beside a job server": ((*FLINK, "--parallelism=2", "stray"), "stray: expected an option of Beam's"),
    "a slip to Dataflow": (("--runner=DataflowRunner", "--max_num_worker=3"), "did you mean --max_num_workers?"),
}

RIGHT = {
    "none": (),
    "the embedded runner": ("--runner=DirectRunner", "--direct_num_workers", "2", "--direct_running_mode=in_memory"),
    "its short name": ("--runner=direct",),
    "several experiments": ("--experiments=a", "--experiments", "b=c", "--experiments=d"),
    "packages and images": ("--extra_package=a.whl", "--sdk_container_image=x/y", "--setup_file", "./setup.py"),
    "a pool of workers": (
        "--runner=PortableRunner", "--job_endpoint=localhost:8099", "--environment_type=EXTERNAL",
        "--environment_config=localhost:50000",
    ),
    "a job server's own": (*FLINK, "--parallelism=4", "--fasterCopy=true", "--objectReuse", "--rockets", "3"),
    "Dataflow": (
        "--runner=DataflowRunner", "--project=p", "--region=r", "--temp_location=gs://b/t", "--no_auth",
        "--dry_run=True", "--dataflow_service_options=enable_prime", "--labels=a=b", "--labels", "c=d",
        "--max_num_workers=3",
        "--sdk_location=container", "--service_account_email=x", "--no_use_public_ips", "--worker_machine_type=n1",
    ),
    "S3": ("--s3_endpoint_url=http://localhost:1", "--s3_access_key_id=x", "--s3_secret_access_key", "y"),
    "a class": ("--runner=somewhere.else.Runner", "--whatever=1"),
}  # fmt: skip


@pytest.mark.parametrize("command", ["check", "plan", "prepare"])
def test_a_file_after_the_dashes_is_not_ignored(command: str, place, lengthwise) -> None:
    error = lengthwise(command, place.job, "--", place.raw / "a.tfrecord", code=2).stderr
    assert "input files and options of lengthwise itself must precede --" in error
    assert not place.prepared.exists()


@pytest.mark.parametrize("name", WRONG)
def test_an_argument_that_beam_does_not_know_is_one_message(name: str, place, lengthwise) -> None:
    options, message = WRONG[name]
    result = lengthwise("check", place.job, "--json", "--", *options, code=2)
    event = json.loads(result.stdout)
    assert message in event["message"]
    assert event["exit_code"] == 2
    assert result.stderr == ""


@pytest.mark.parametrize("name", RIGHT)
def test_options_of_beam_and_its_runners_pass(name: str) -> None:
    check_runner(RIGHT[name])


def test_the_embedded_runner_has_short_names_too(place, lengthwise) -> None:
    assert is_embedded(["--runner=direct"])
    lengthwise("prepare", place.job, "--workers", "1", "-q", "--", "--runner=directrunner", "--experiments=x")
    assert place.manifest["counts"]["read"] == 200
