"""A data set that grows by parts: a week of days, a late file, a killed run, retention; and all errors."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

import lengthwise as lw
from faults.machine import environment
from lengthwise.errors import ConfigError, DatasetError
from lengthwise_cli.main import main
from prepare import jobs
from records.messages import sequence_example, write_records

COLUMNS: list[dict[str, Any]] = [
    {"kind": "vocabulary", "key": "word", "vocabulary_file": "", "num_oov_buckets": 1},
    {"kind": "numeric", "key": "price"},
    {"kind": "context", "key": "id", "dtype": "int64"},
    {"kind": "bucketized", "source_column": {"kind": "numeric", "key": "price"}, "boundaries": {"quantiles": 4}},
]


def day(number: int, *, price: float = 10.0, records: int = 60) -> list[bytes]:
    """Returns the records of a day; each has a distinct number, and up to 12 steps."""
    return [
        sequence_example(
            {
                "word": ["red", "green", "blue", "mauve"][: 1 + record % 4] * (1 + record % 3),
                "price": [price + 0.5 * step + record % 7 for step in range((1 + record % 4) * (1 + record % 3))],
            },
            {"id": [1000 * number + record]},
        )
        for record in range(records)
    ]


class Team:
    """A folder of raw files, and the job that is run every day."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.raw, self.data = folder, folder / "raw", folder / "data"
        self.raw.mkdir()
        (folder / "words.txt").write_text("red\ngreen\nblue\n")
        self.columns = [{**COLUMNS[0], "vocabulary_file": str(folder / "words.txt")}, *COLUMNS[1:]]

    def arrive(self, name: str, records: Iterable[bytes]) -> None:
        write_records(self.raw / f"{name}.tfrecord", records)

    def job(self, **sections: Any) -> dict[str, Any]:
        given: dict[str, Any] = {
            "inputs": {"files": f"{self.raw}/*.tfrecord"},
            "columns": self.columns,
            "splits": {"fractions": {"train": 0.8, "eval": 0.2}, "key": "id"},
            "output": {"layout": "example", "compression": "none", "path": str(self.data)},
        }
        return {**given, **sections}

    def prepare(self, part: str, **changes: Any) -> lw.DataSet:
        return lw.prepare(self.job(**changes), part=part, workers=1)


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path)


def records_of(data: lw.DataSet) -> Counter[str]:
    """The sequences of all folders, as multisets of their split, bucket and values."""
    found: Counter[str] = Counter()
    for folder, manifest in zip(data.folders, data.manifests, strict=True):
        found.update(f"{row.split} {row.boundary} {row.canonical()}" for row in jobs.sequences(folder, manifest))
    return found


KILLED = """
import json, os, signal, sys
from lengthwise.config import load_config
from lengthwise.job import run_by_plan
job, part = json.loads(sys.argv[1]), sys.argv[2]
def kill(event):
    if event.stage in ("read", "write"):
        os.kill(os.getpid(), signal.SIGKILL)
run_by_plan(load_config(job), part=part, workers=1, progress=kill)
"""


def kill_a_run(team: Team, part: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, json.dumps(team.job()), part], env=environment())
    assert done.returncode == -signal.SIGKILL


def test_a_week(team: Team) -> None:
    for number in range(1, 8):
        if number == 7:
            team.arrive("2026-11-07", day(7, price=90.0))
        else:
            team.arrive(f"2026-11-0{number}", day(number))
        if number == 4:
            team.arrive("2026-11-02-late", day(20, records=5))
        if number == 5:
            before = jobs.tree(team.data)
            kill_a_run(team, "2026-11-05")
            assert lw.open(team.data).folders == tuple(f"{team.data}/2026-11-0{earlier}" for earlier in range(1, 5))
            assert {name: content for name, content in jobs.tree(team.data).items() if ".work" not in name} == before
        prepared = team.prepare(f"2026-11-0{number}")
        (manifest,) = prepared.manifests
        read = {os.path.basename(source.path): source.records for source in manifest.inputs}
        late = {"2026-11-02-late.tfrecord": 5} if number == 4 else {}
        assert read == {f"2026-11-0{number}.tfrecord": 60, **late}
        jobs.balance(manifest)

    data = lw.open(team.data)
    assert len(data.folders) == 7
    assert {manifest.boundaries for manifest in data.manifests} == {data.manifests[0].boundaries}
    assert len({manifest.columns[3] for manifest in data.manifests}) == 1  # the first day's quantiles, not another's
    assert len(data.columns[3].boundaries) == 3
    assert sum(data.splits.values()) == 7 * 60 + 5
    lw.verify(team.data)

    last = lw.open([f"{team.data}/2026-11-0{number}" for number in (5, 6, 7)])
    rows = sum(batch["id"].shape[0] for split in ("train", "eval") for batch in last.read(split, batch_size=16))
    assert rows == 180

    assert lw.drop(team.data, before="2026-11-02") == [f"{team.data}/2026-11-01"]
    assert not (team.data / "2026-11-01").exists()
    (team.raw / "2026-11-01.tfrecord").unlink()
    lw.verify(team.data)
    whole = lw.prepare(team.job(output={"layout": "example", "path": str(team.folder / "whole")}), like=team.data)
    assert (whole.manifest.boundaries, whole.columns) == (data.manifests[0].boundaries, data.columns)
    assert records_of(lw.open(team.data)) == records_of(whole)
    assert len(whole.manifest.shards) < sum(len(manifest.shards) for manifest in lw.open(team.data).manifests)

    limits = team.folder / "drift.yaml"
    limits.write_text("columns: {id: {ignore: true}}")
    for day_after, moved in ((6, []), (7, ["price"])):
        folders = [f"{team.data}/2026-11-0{number}" for number in (day_after, day_after - 1)]
        compared = CliRunner().invoke(main, ["compare", *folders, "--limits", str(limits), "--json"])
        assert compared.exit_code == len(moved)
        assert json.loads(compared.stdout)["moved"] == moved


def test_the_same_command_again_changes_nothing(team: Team) -> None:
    team.arrive("a", day(1))
    team.prepare("one")
    team.arrive("b", day(2))
    team.prepare("two")
    before = jobs.tree(team.data)
    for part in ("one", "two"):
        team.prepare(part)
    assert jobs.tree(team.data) == before
    assert not (team.data / ".work").exists()


def test_a_data_set_that_is_moved_into_the_folder_is_the_first_part(team: Team) -> None:
    team.arrive("a", day(1))
    lw.prepare(team.job(output={"path": str(team.data / "one")}), workers=1)
    with pytest.raises(DatasetError, match=r"no manifest, but in 1 folders below \(one\)"):
        lw.open(team.data)
    team.arrive("b", day(2))
    assert [source.records for source in team.prepare("two").manifest.inputs] == [60]
    assert len(lw.open(team.data).folders) == 2


def test_parts_have_the_vocabulary_and_the_ids_of_the_first(team: Team) -> None:
    team.arrive("a", day(1))
    team.prepare("one")
    (team.folder / "words.txt").write_text("mauve\nred\ngreen\nblue\n")
    team.arrive("b", day(2))
    team.prepare("two")
    vocabularies = [(team.data / part / "vocabulary" / "word.txt").read_text() for part in ("one", "two")]
    assert vocabularies == ["red\ngreen\nblue\n"] * 2
    sequences = jobs.sequences(team.data / "two", lw.load_manifest(team.data / "two"))
    assert {tuple(row.features["id"]): row.features["word"] for row in sequences}[2000,] == [[0]]  # red
    assert len(lw.open(team.data).folders) == 2


def changed(team: Team) -> None:
    team.arrive("a", day(1, records=61))


def moved(team: Team) -> None:
    for path in team.raw.iterdir():
        path.rename(team.folder / path.name)
    os.rmdir(team.raw)
    (team.folder / "elsewhere").mkdir()
    for path in team.folder.glob("*.tfrecord"):
        path.rename(team.folder / "elsewhere" / path.name)
    team.raw = team.folder / "elsewhere"


def late(team: Team) -> None:
    team.arrive("c", day(3))


def nothing(team: Team) -> None:
    pass


@pytest.mark.parametrize(
    ("happens", "part", "sections", "message"),
    [
        (nothing, "three", {}, r"part: expected input files that are in no part, all 2 are already in parts"),
        (changed, "three", {}, r"inputs\.files: .*/a\.tfrecord was changed, or was copied, since .*/one was"),
        (moved, "three", {}, r"has the name and the size of .*/raw/a\.tfrecord, which .*/one was prepared from"),
        (late, "two", {}, r"part: .*/two is complete, and has different input files: .*/c\.tfrecord is new"),
        (late, "three", {"sequences": {"empty": "keep"}}, r"sequences\.empty: expected 'reject', as in .*/two"),
        (late, "three", {"splits": {"fractions": {"train": 1.0}}}, r"splits\.fractions\.(eval|train): expected 0\.\d"),
        (late, "../three", {}, r"part: expected a name of letters, digits.* received '\.\./three'"),
        (late, "Split-x", {}, r"part: expected a name of letters"),
        (late, ".work", {}, r"part: expected a name of letters"),
    ],
)  # fmt: skip
def test_a_part_that_does_not_fit_is_refused_and_nothing_changes(
    team: Team, happens: Callable[[Team], None], part: str, sections: dict[str, Any], message: str
) -> None:
    for name, number in (("a", 1), ("b", 2)):
        team.arrive(name, day(number))
        team.prepare("one" if name == "a" else "two")
    happens(team)
    before = jobs.tree(team.data)
    with pytest.raises(ConfigError, match=message):
        team.prepare(part, **sections)
    assert jobs.tree(team.data) == before


def test_a_file_that_is_gone_is_named(team: Team) -> None:
    team.arrive("a", day(1))
    team.prepare("one")
    (team.raw / "a.tfrecord").unlink()
    team.arrive("b", day(2))
    config = team.folder / "job.yaml"
    config.write_text(yaml.safe_dump(team.job()))
    shown = CliRunner().invoke(main, ["prepare", str(config), "--part", "two", "--workers", "1"])
    assert shown.exit_code == 0, shown.output
    assert f"input files that no longer exist, their sequences stay: {team.raw}/a.tfrecord" in shown.output
    assert f"{team.data}/two" in shown.output
    listed = CliRunner().invoke(main, ["inspect", str(team.data)])
    assert "120 sequences" in listed.output
    assert CliRunner().invoke(main, ["verify", str(team.data)]).exit_code == 0
    (team.data / "two" / "report.html").write_text("edited")
    (team.data / "two" / "notes.txt").write_text("ours")
    with pytest.raises(DatasetError, match=r"two/notes\.txt: the manifest does not know this file"):
        lw.verify(team.data)
    dropped = CliRunner().invoke(main, ["drop", str(team.data), "two"])
    assert (dropped.exit_code, dropped.output) == (0, f"{team.data}/two removed\n")
    assert jobs.tree(team.data / "two") == {"notes.txt": b"ours"}
    for arguments, code, message in (
        (["drop", str(team.data), "two"], 2, "available: one"),
        (["drop", str(team.data)], 2, "received neither"),
        (["drop", str(team.data), "--before", "a"], 0, "has no part before a"),
        (
            ["report", str(team.data), "-o", str(team.folder / "x.html")],
            1,
            "no manifest, but in 1 folders below (one); name one of these",
        ),
        (["prepare", str(config), "--output", f"{team.data}/one", "--part", "x"], 2, "is a data set by itself"),
    ):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == code, result.output
        assert message in result.output


def test_the_message_names_the_fields_of_a_different_configuration(team: Team) -> None:
    team.arrive("a", day(1))
    lw.prepare(team.job(), workers=1)
    team.arrive("b", day(2))
    other = team.job(buckets={"count": 2}, shuffle={"seed": 5})
    with pytest.raises(ConfigError) as caught:
        lw.prepare(other, workers=1)
    for part in ("buckets.count was null, is 2", "shuffle.seed was 0, is 5", f"{team.raw}/b.tfrecord is new"):
        assert part in str(caught.value)
