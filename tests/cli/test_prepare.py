"""`lengthwise prepare`: what it says, its exit codes, and how it is stopped."""

import json
import os
import re
import signal
import time
from typing import Any

import pytest

import lengthwise as lw
from cli.conftest import make_place, start
from lengthwise.manifest import load_manifest


def test_it_says_what_it_did(place, lengthwise) -> None:
    result = lengthwise("prepare", place.job, "--workers", "1")
    text = result.stdout
    assert "200 records read, 199 written, 1 rejected" in text
    assert re.search(r"not_finite +1\n", text)
    manifest = load_manifest(str(place.prepared))
    for boundary in manifest.boundaries:
        sequences = sum(s.sequences for s in manifest.shards if manifest.boundaries[s.bucket] == boundary)
        assert re.search(rf"\n +{boundary} +{sequences} ", text)
    steps, padded = (sum(getattr(s, name) for s in manifest.shards) for name in ("steps", "padded_steps"))
    assert f"padding: {1 - steps / padded:.1%} of all steps" in text
    assert f"next: open {place.prepared}/report.html, or train:\n" in text
    assert "1 worker in this process" in result.stderr


def test_it_says_that_blocks_hold_no_padding(place, lengthwise) -> None:
    note = "(blocks contain no padding"
    assert note not in lengthwise("prepare", place.job, "--workers", "1", "--set", "output.layout=example").stdout
    output = place.folder / "blocks"
    blocks = lengthwise("prepare", place.job, "--workers", "1", "--set", "output.layout=block", "--output", output)
    assert note in blocks.stdout


def test_what_it_says_next_can_be_opened_and_pasted_into_python(place, lengthwise) -> None:
    output = place.folder / "out [1] 50% 'x'"
    text = lengthwise("prepare", place.job, "--output", output, "--workers", "1").stdout
    *_, report, call = text.splitlines()
    [path] = re.findall("^next: open (.*), or train:$", report)
    assert path == f"{output}/report.html"
    assert os.path.exists(path)
    batches = eval(call, {"lengthwise": lw})  # noqa: S307 (what the command printed)
    assert sum(int(features["sequence_length"].shape[0]) for features in batches) > 100


def test_quiet_says_nothing(place, lengthwise) -> None:
    result = lengthwise("prepare", place.job, "--workers", "1", "--quiet")
    assert result.output == ""
    assert place.prepared.joinpath("manifest.json").exists()


def test_json_is_one_object_per_event(place, lengthwise) -> None:
    result = lengthwise("prepare", place.job, "--workers", "1", "--json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.stderr == ""
    assert {event["event"] for event in events} == {"log", "progress", "result"}
    for event in events:
        if event["event"] == "progress":
            assert set(event) == {"event", "stage", "done", "total", "records", "rejected", "seconds"}
    last = events[-1]
    assert last["event"] == "result"
    assert (last["read"], last["written"], last["rejected"]) == (200, 199, {"not_finite": 1})
    assert last["sequences"] == sum(bucket["sequences"] for bucket in last["buckets"]) == sum(last["splits"].values())
    read = [event for event in events if event.get("stage") == "read"]
    assert all(event["total"] == sum(file.stat().st_size for file in place.raw.iterdir()) for event in read)


def test_files_and_output_of_the_command_line_count(place, lengthwise, tmp_path) -> None:
    lengthwise("prepare", place.job, place.raw / "b.tfrecord", "--output", tmp_path / "other", "--workers", "1", "-q")
    manifest = load_manifest(str(tmp_path / "other"))
    assert [source.path for source in manifest.inputs] == [str(place.raw / "b.tfrecord")]
    assert manifest.counts.read == 100
    assert not place.prepared.exists()


def test_settings_replace_fields(place, lengthwise) -> None:
    settings = ["--set", "buckets.count=2", "--set", "output.layout=block", "--set", "splits.fractions={all: 1}"]
    lengthwise("prepare", place.job, *settings, "--workers", "1", "-q")
    manifest = load_manifest(str(place.prepared))
    assert (len(manifest.boundaries), manifest.layout, manifest.splits) == (2, "block", ("all",))


def test_the_same_command_again_says_that_it_is_done(place, lengthwise) -> None:
    lengthwise("prepare", place.job, "--workers", "1", "-q")
    before = place.prepared.joinpath("manifest.json").stat().st_mtime_ns
    again = lengthwise("prepare", place.job, "--workers", "1")
    assert "is complete already; --overwrite prepares it again" in again.stderr
    assert place.prepared.joinpath("manifest.json").stat().st_mtime_ns == before


def test_another_data_set_is_replaced_only_with_overwrite(place, lengthwise) -> None:
    lengthwise("prepare", place.job, "--workers", "1", "-q")
    other = ["prepare", place.job, "--set", "shuffle.seed=7", "--workers", "1", "-q"]
    assert "replace it with --overwrite" in lengthwise(*other, code=2).stderr
    lengthwise(*other, "--overwrite")
    assert place.manifest["config"]["shuffle"]["seed"] == 7


def test_too_many_rejects_are_exit_code_1_and_the_rejects_stay(tmp_path, lengthwise) -> None:
    place = make_place(tmp_path, bad=20)
    result = lengthwise("prepare", place.job, "--workers", "1", code=1)
    assert "20 of 200 records were rejected (not_finite 20), limits.rejected_fraction allows 1.000%" in result.stderr
    assert not place.prepared.joinpath("manifest.json").exists()
    assert "20" in lengthwise("rejects", place.prepared).stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_exit_code_3(place, lengthwise) -> None:
    locked = place.folder / "locked"
    locked.mkdir(mode=0o500)
    assert "cannot write" in lengthwise("prepare", place.job, "-o", locked / "x", "--workers", "1", code=3).stderr


def test_a_file_in_the_way_of_the_folder_is_exit_code_3(place, lengthwise) -> None:
    (place.folder / "file").write_text("")
    result = lengthwise("prepare", place.job, "-o", place.folder / "file" / "x", "--workers", "1", code=3)
    assert str(place.folder / "file") in result.stderr


def test_beam_options_reach_beam(place, lengthwise) -> None:
    result = lengthwise("prepare", place.job, "--", "--runner=no_such_module.Runner", code=3)
    assert "no_such_module" in result.stderr


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_run_says_how_to_resume_and_resumes(number: signal.Signals, workers: int, place, lengthwise) -> None:
    (place.raw / "b.tfrecord").write_bytes((place.raw / "b.tfrecord").read_bytes() * 600)  # some seconds of work
    process = start("prepare", place.job, "--workers", workers)
    with process:
        assert process.stderr is not None
        while "read: " not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == "stopped; run the same command to resume"
    assert "Traceback" not in errors
    assert not place.prepared.joinpath("manifest.json").exists()
    lengthwise("prepare", place.job, "--workers", "1", "-q")
    assert load_manifest(str(place.prepared)).counts.read == 100 + 100 * 600


@pytest.mark.slow
def test_a_stopped_run_ends_its_worker_processes(place) -> None:
    command = ["prepare", place.job, "--workers", "2"]
    with start(*command, start_new_session=True) as process:
        assert process.stderr is not None
        while "read: " not in process.stderr.readline():
            assert process.poll() is None
        while not (workers := _workers_of(process.pid)):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    deadline = time.monotonic() + 30
    while alive := workers & _workers_of(process.pid):
        assert time.monotonic() < deadline, alive
        time.sleep(0.1)


def _workers_of(session: int) -> set[int]:
    """The worker processes in a session."""
    workers = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat, open(f"/proc/{name}/cmdline") as line:
                mine = int(stat.read().rpartition(")")[2].split()[3]) == session
                if mine and "lengthwise.job.running.worker_process" in line.read():
                    workers.add(int(name))
        except OSError:  # it has ended
            continue
    return workers


def test_a_second_run_in_the_same_folder_is_refused(place, lengthwise) -> None:
    import fcntl

    (place.prepared / ".work").mkdir(parents=True)
    with open(place.prepared / ".work" / "lock", "a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert "another run is writing" in lengthwise("prepare", place.job, code=2).stderr


def _fail(*_: object, **__: Any) -> None:
    raise ZeroDivisionError("nobody thought of this")


def test_an_unforeseen_failure_is_exit_code_3_and_says_what_to_report(place, lengthwise, monkeypatch) -> None:
    monkeypatch.setattr("lengthwise.job.run_by_plan", _fail)
    message = lengthwise("prepare", place.job, code=3).stderr
    assert "unexpected error: ZeroDivisionError" in message
    assert "lengthwise --debug" in message
    assert "lengthwise doctor" in message


def test_debug_shows_the_traceback(place, monkeypatch) -> None:
    from click.testing import CliRunner

    from lengthwise_cli.main import main

    monkeypatch.setattr("lengthwise.job.run_by_plan", _fail)
    result = CliRunner().invoke(main, ["--debug", "prepare", place.job])
    assert result.exit_code == 3
    assert "ZeroDivisionError" in result.stderr
    assert "Traceback" in result.stderr


def test_a_reader_that_leaves_is_not_a_failure(original) -> None:
    with start("inspect", original.prepared, "--json", "-n", "200") as process:
        assert process.stdout is not None
        process.stdout.close()
        time.sleep(0.1)
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0
