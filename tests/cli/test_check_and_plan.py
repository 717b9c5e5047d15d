"""`lengthwise check` and `lengthwise plan`: what would happen, with nothing written."""

import gzip
import json
import os

import pytest

from cli.conftest import make_place
from lengthwise.manifest import load_manifest
from records.messages import sequence_example, write_records


def _files(place) -> list[str]:
    return sorted(os.path.join(parent, name) for parent, _, names in os.walk(place.folder) for name in names)


def test_check_says_what_prepare_would_reject(place, lengthwise) -> None:
    before = _files(place)
    result = lengthwise("check", place.job, "--workers", "1", "--json")
    assert _files(place) == before
    outcome = json.loads(result.stdout.splitlines()[-1])
    lengthwise("prepare", place.job, "--workers", "1", "-q")
    counts = load_manifest(str(place.prepared)).counts
    assert outcome["passed"] is True
    assert (outcome["read"], outcome["valid"], outcome["sequences"]) == (counts.read, counts.written, counts.sequences)
    assert (outcome["rejected"], outcome["repaired"]) == (counts.rejected, counts.repaired)


def test_check_shows_examples_and_fails_beyond_the_limits(tmp_path, lengthwise) -> None:
    place = make_place(tmp_path, bad=20)
    result = lengthwise("check", place.job, "--workers", "1", code=1)
    assert "20 of 200 records were rejected (not_finite 20), limits.rejected_fraction allows 1.000%" in result.stderr
    assert result.stdout.count("expected a finite number, received nan") == 3
    outcome = json.loads(lengthwise("check", place.job, "--json", code=1).stdout.splitlines()[-1])
    assert outcome["passed"] is False
    assert [example["index"] for example in outcome["examples"]] == [0, 1, 2]


def test_check_counts_what_is_too_long_for_the_boundaries(place, lengthwise) -> None:
    options = ["--set", "buckets.boundaries=[4]", "--set", "limits.rejected_fraction=1", "--workers", "1", "--json"]
    outcome = json.loads(lengthwise("check", place.job, *options).stdout.splitlines()[-1])
    assert outcome["rejected"]["over_long"] > 100


def test_check_looks_at_everything_also_where_planning_samples(place, lengthwise) -> None:
    options = [
        "--set",
        "buckets.count=2",
        "--set",
        "buckets.sample=0.0001",
        "--set",
        "buckets.max_length=16",
        "--workers",
        "1",
        "--json",
    ]
    assert json.loads(lengthwise("check", place.job, *options).stdout.splitlines()[-1])["read"] == 200


def test_plan_shows_the_optimum_beside_the_usual_plans(place, lengthwise) -> None:
    content = json.loads(lengthwise("plan", place.job, "--count", "3", "--workers", "1", "--json").stdout)
    shares = {plan["name"]: plan["padding_share"] for plan in content["plans"]}
    assert list(shares) == ["optimal", "quantile", "geometric", "powers of two", "one bucket"]
    assert shares["optimal"] <= min(shares[name] for name in ("quantile", "geometric"))
    assert sum(content["lengths"]["counts"]) == 199
    text = lengthwise("plan", place.job, "--count", "3", "--workers", "1").stdout
    boundaries = content["plans"][0]["boundaries"]
    assert f"buckets: {{boundaries: {boundaries}}}" in text
    assert f"{shares['optimal']:.1%}" in text


def test_plan_shows_the_price_of_each_multiple_on_80_columns(place, lengthwise) -> None:
    settings = ["--count", "2", "--workers", "1"]
    content = json.loads(lengthwise("plan", place.job, *settings, "--json").stdout)
    prices = {price["multiple_of"]: price for price in content["multiples"]}
    assert list(prices) == [64, 32, 16, 8, 4, 2, 1]
    assert prices[1]["added"] == 0
    text = lengthwise("plan", place.job, *settings).stdout
    taken = [line.split() for line in text.splitlines() if line.endswith("taken")]
    assert max(map(len, text.splitlines()[:-1])) <= 80
    assert len(taken) == 1
    price = prices[int(taken[0][0])]
    assert price["boundaries"] == content["plans"][0]["boundaries"]
    assert taken[0][2:4] == [f"{price['padded_steps']:,}", f"{price['added']:+.1%}"]
    text = lengthwise("plan", place.job, *settings, "--set", "buckets.multiple_of=8").stdout
    assert [line.split()[0] for line in text.splitlines() if line.endswith("taken")] == ["8"]


def test_plan_puts_configured_boundaries_first(place, lengthwise) -> None:
    content = json.loads(lengthwise("plan", place.job, "--workers", "1", "--json").stdout)
    assert content["multiples"] == []
    assert content["plans"][0]["name"] == "chosen"
    assert content["plans"][0]["boundaries"] == [4, 8, 16]


def test_plan_counts_and_pads_for_configured_boundaries_as_prepare_does(place, lengthwise) -> None:
    settings = ["--set", "buckets.boundaries=[3, 9]", "--set", "limits.rejected_fraction=1", "--workers", "1"]
    planned = json.loads(lengthwise("plan", place.job, *settings, "--json").stdout)
    lengthwise("prepare", place.job, *settings, "-q")
    manifest = load_manifest(str(place.prepared))
    assert sum(planned["lengths"]["counts"]) == manifest.counts.sequences < 150
    steps, padded = (sum(getattr(shard, name) for shard in manifest.shards) for name in ("steps", "padded_steps"))
    assert planned["plans"][0]["padding_share"] == (padded - steps) / padded


def test_plan_of_two_groups_gives_the_pairs_that_prepare_takes(tmp_path, lengthwise) -> None:
    lengths = [(1 + number % 13, 1 + (number * 7) % 11 + number % 13) for number in range(400)]
    records = [sequence_example({"a": [[1]] * first, "b": [[2]] * second}) for first, second in lengths]
    write_records(tmp_path / "raw.tfrecord", records)
    columns = [{"kind": "identity", "key": key, "num_buckets": 3, "group": f"of_{key}"} for key in "ab"]
    job = {"inputs": {"files": str(tmp_path / "raw.tfrecord")}, "columns": columns, "buckets": {"count": 5}}
    (tmp_path / "job.yaml").write_text(json.dumps(job))
    content = json.loads(lengthwise("plan", tmp_path / "job.yaml", "--json").stdout)
    best, *others = content["plans"]
    assert sum(count for *_, count in content["pairs"]) == 400
    assert [plan["name"] for plan in others] == [
        "by the first length", "by the second length", "nested quantiles", "one bucket",
    ]  # fmt: skip
    assert best["padding_share"] < min(plan["padding_share"] for plan in others)
    lengthwise("prepare", tmp_path / "job.yaml", "--output", tmp_path / "prepared", "-q")
    assert [list(pair) for pair in load_manifest(tmp_path / "prepared").buckets] == best["boundaries"]
    given = f"buckets.pairs={best['boundaries']}"
    text = lengthwise("plan", tmp_path / "job.yaml", "--set", given).stdout
    assert f"buckets: {{pairs: {best['boundaries']}}}" in text
    assert f"{best['padding_shares'][0]:.1%}" in text.split("chosen")[1].splitlines()[0]
    assert "of_a" in lengthwise("inspect", tmp_path / "prepared").stdout


def test_plan_is_what_prepare_takes(place, lengthwise) -> None:
    planned = json.loads(lengthwise("plan", place.job, "--count", "2", "--workers", "1", "--json").stdout)
    lengthwise("prepare", place.job, "--set", "buckets.count=2", "--workers", "1", "-q")
    assert list(load_manifest(str(place.prepared)).boundaries) == planned["plans"][0]["boundaries"]


PLANNED = ["--set", "buckets.count=4", "--workers", "1"]


@pytest.mark.parametrize(
    "settings",
    [[], ["--set", "buckets.max_length=4"], ["--set", "buckets.max_length=4", "--set", "buckets.sample=0.000001"]],
)
def test_rejects_and_report_are_written_if_all_records_are_rejected_and_nothing_can_be_planned(
    settings: list[str], place, lengthwise
) -> None:
    settings = [*PLANNED, *settings, "--set", "inputs.format=example"]
    error = lengthwise("prepare", place.job, *settings, "-q", code=1).stderr
    assert "200 of 200 records were rejected (wrong_format 200), limits.rejected_fraction allows 1.000%" in error
    listed = json.loads(lengthwise("rejects", place.prepared, "--json").stdout)
    assert listed["rejects"] == [{"reason": "wrong_format", "column": "box", "records": 200}]
    assert "wrong_format" in (place.prepared / "report.html").read_text()
    allowed = ["--set", "limits.rejected_fraction=1", "-q"]
    error = lengthwise("prepare", place.job, *settings, *allowed, code=1).stderr
    assert "all 200 records were rejected (wrong_format 200), so there is nothing to plan buckets from" in error


def test_a_sample_without_a_valid_sequence_is_made_larger(place, lengthwise) -> None:
    settings = ["--set", "buckets.max_length=16", "--set", "buckets.sample=0.000001", "--json"]
    planned = json.loads(lengthwise("plan", place.job, *PLANNED, *settings).stdout)
    assert sum(planned["lengths"]["counts"]) == 199


@pytest.mark.parametrize("command", ["check", "plan", "prepare"])
@pytest.mark.parametrize("setting", ["buckets.count=4", "buckets.boundaries=[4]"])
def test_an_input_without_records_is_an_error(command: str, setting: str, place, lengthwise) -> None:
    (place.raw / "a.tfrecord").write_bytes(b"")
    (place.raw / "b.tfrecord").write_bytes(gzip.compress(b""))
    error = lengthwise(command, place.job, "--set", setting, "-q", code=1).stderr
    assert "the input contains no record; check that inputs.files names the raw data" in error
    assert "reject" not in error
    assert not (place.prepared / "manifest.json").exists()


def test_plan_reports_that_no_sequence_is_valid(tmp_path, lengthwise) -> None:
    place = make_place(tmp_path, bad=200)
    message = lengthwise("plan", place.job, "--workers", "1", code=1).stderr
    assert "no valid sequence was found to plan from" in message


def test_the_name_of_a_file_means_that_file_whatever_is_in_it(place, lengthwise, monkeypatch) -> None:
    monkeypatch.chdir(place.raw)
    (place.raw / "b.tfrecord").rename("a[1].tfrecord")
    (place.raw / "a.tfrecord").rename("a1.tfrecord")
    (place.raw / "c.tfrecord").write_bytes((place.raw / "a1.tfrecord").read_bytes())
    for files, records in (
        (["a1.tfrecord", "a[1].tfrecord", "c.tfrecord"], 300),
        (["*"], 300),
        (["a[1].tfrecord"], 100),
    ):
        outcome = lengthwise("check", place.job, *files, "--workers", "1", "--json").stdout.splitlines()[-1]
        assert json.loads(outcome)["read"] == records


def test_a_draft_passes_the_check_of_its_own_data(place, lengthwise) -> None:
    lengthwise("init", place.raw / "b.tfrecord", "-o", place.folder / "draft.yaml")
    outcome = lengthwise("check", place.folder / "draft.yaml", "--workers", "1", "--json").stdout.splitlines()[-1]
    assert json.loads(outcome)["rejected"] == {}
    assert lengthwise("init", place.raw / "b.tfrecord").stdout == (place.folder / "draft.yaml").read_text()


DATAFLOW = (
    "--runner=DataflowRunner",
    "--project=my-project",
    "--region=europe-west1",
    "--temp_location",
    "gs://bkt/tmp",
)
REFUSED = {
    "a runner named after a space": (
        ("--runner", "PortableRunner", "--job_endpoint=localhost:1"),
        "--runner=PortableRunner: expected --temp_location=... too, a folder that its workers reach",
    ),
    "dask": (("--runner=DaskRunner",), "would lose records"),
    "no project": (("--runner=DataflowRunner", "--temp_location=gs://bkt/tmp"), "--project: expected a project id"),
    "a bad region": ((*DATAFLOW, "--region=Europe"), "--region: expected a region"),
    "a local folder": ((*DATAFLOW[:3], "--temp_location=/tmp/x"), "--temp_location: expected a folder such as gs://"),
    "local input": (DATAFLOW, "inputs.files: expected a gs:// path, which Dataflow's workers reach"),
}


@pytest.mark.parametrize("command", ["check", "plan"])
@pytest.mark.parametrize("name", REFUSED)
def test_options_that_cannot_work_are_refused(command: str, name: str, place, lengthwise) -> None:
    options, message = REFUSED[name]
    assert message in lengthwise(command, place.job, "--", *options, code=2).stderr


@pytest.mark.parametrize("kept", [0, 1])
def test_missing_results_are_an_error(kept: int, place, lengthwise, monkeypatch) -> None:
    from lengthwise.job.running import job_steps

    write = job_steps.write_summary
    monkeypatch.setattr(
        job_steps, "write_summary", lambda *given: write(*given[:-1], given[-1][:kept]) if kept else None
    )
    for command in ("check", "plan"):
        message = lengthwise(command, place.job, "--workers", "1", code=3).stderr
        assert f"expected the results of 2 pieces of the input, received {kept}" in message
