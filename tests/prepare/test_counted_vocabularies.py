"""Vocabularies that a job counts in its training split: exact, ordered, and the same for any number of workers."""

import json
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lengthwise as lw
from faults.runs import Runs
from lengthwise.columns import VocabularyColumn
from lengthwise.config import JobConfig, load_config
from lengthwise.errors import ConfigError, DataLimitError
from lengthwise.job import run as run_job
from lengthwise.job.planning import value_counting
from lengthwise.job.reading import input_pieces
from lengthwise.job.verification.data_set_verification import verify_data_set
from lengthwise.manifest import Manifest
from lengthwise.report import compare_manifests
from lengthwise_cli.main import main
from prepare import jobs
from records.messages import sequence_example, write_records

WORDS = [b"a", b"b", b"ab", b"a b", "ü".encode(), b"\xff", b"", b"a\nb", b"\r", b"\xef\xbb\xbfa", b"\0"]
LINES = [b"a", b"b", b"ab", b"a b", "ü".encode(), b"\0"]


def columns(top: int = 4, min_count: int = 1, **word: Any) -> list[Any]:
    """A vocabulary of the steps' words that the record's device shares, and one of integers."""
    sizes = {"dtype": "int64", "from_data": {"top": 3}, "values_per_step": 2, "oov": "default", "default_value": 0}
    return [
        VocabularyColumn(key="word", from_data={"top": top, "min_count": min_count}, **word),
        VocabularyColumn.make(key="size", **sizes),
        VocabularyColumn(key="device", per="record", required=False, from_data={"same_as": "word"}, num_oov_buckets=2),
        lw.context_column("id", dtype="int64"),
    ]


def record(number: int, words: list[bytes], sizes: list[list[int]], device: bytes | None) -> bytes:
    context = {"id": number} if device is None else {"id": number, "device": [device]}
    return sequence_example({"word": words, "size": sizes}, context)


Rows = list[tuple[list[tuple[bytes, list[int]]], bytes | None]]
STEP = st.tuples(st.sampled_from(WORDS), st.lists(st.integers(-3, 3), max_size=2))
ROWS = st.lists(st.tuples(st.lists(STEP, max_size=9), st.none() | st.sampled_from(WORDS)), min_size=1, max_size=8)


def ranked(counts: Counter[bytes], top: int, min_count: int) -> list[tuple[bytes, int]]:
    fit = [(value, count) for value, count in counts.items() if count >= min_count and value in LINES]
    return sorted(fit, key=lambda pair: (-pair[1], pair[0]))[:top]


def counted_in(folder: Path, key: str) -> list[tuple[bytes, int]]:
    entries = (folder / "vocabulary" / f"{key}.txt").read_bytes().split(b"\n")[:-1]
    counts = (folder / "vocabulary" / f"{key}.counts.txt").read_text().split()
    return list(zip(entries, map(int, counts), strict=True))


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(ROWS, ROWS, st.integers(1, 7), st.integers(1, 3), st.sampled_from(["truncate_right", "reject"]))
def test_the_vocabulary_is_that_of_a_counter(train: Rows, held_out: Rows, top, min_count, over_long) -> None:
    words, sizes = Counter[bytes](), Counter[bytes]()
    for steps, device in train:
        if 0 < len(steps) <= (9 if over_long == "truncate_right" else 8):
            words.update([*(word for word, _ in steps[:8]), *([] if device is None else [device])])
            sizes.update(str(number).encode() for _, numbers in steps[:8] for number in numbers)
    expected = ranked(words, top, min_count)
    integers = sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "out"
        for split, rows in (("train", train), ("eval", held_out)):
            records = [
                record(place, *zip(*steps, strict=True) if steps else ([], []), device)
                for place, (steps, device) in enumerate(rows)
            ]
            write_records(Path(temporary) / split, records)
        by_split = {split: f"{temporary}/{split}" for split in ("train", "eval")}
        sections = {"sequences": {"over_long": over_long}, "inputs": {"files": (), "by_split": by_split}}
        job = jobs.job(Path(temporary), columns(top, min_count), [], **sections)
        if not expected or not integers:
            with pytest.raises(DataLimitError, match="found none among|nothing to count"):
                run_job(job, workers=1)
            return
        manifest = run_job(job, workers=1)
        assert counted_in(out, "word") == counted_in(out, "device") == expected
        assert counted_in(out, "size") == integers
        counted = manifest.vocabularies["word"]
        unfit = sum(count for value, count in words.items() if value not in LINES)
        assert (counted.values, counted.distinct, counted.unfit) == (words.total(), len(words), unfit)
        assert counted.covered == sum(count for _, count in expected)
        ids = {value: place for place, (value, _) in enumerate(expected)}
        numbers = {int(value): place for place, (value, _) in enumerate(integers)}
        for row in jobs.sequences(out, manifest):
            steps, device = (train if row.split == "train" else held_out)[row.features["id"][0]]
            assert row.features["word"] == [[ids.get(word, -1)] for word, _ in steps[:8]]
            known = [[numbers.get(size, 0) for size in sizes] for _, sizes in steps[:8]]
            assert row.features["size"] == [step + [-1] * (2 - len(step)) for step in known]
            [found] = row.features["device"]
            assert found == (-1 if device is None else ids[device]) if device in (None, *ids) else found >= len(ids)


def files(count: int = 3) -> dict[str, list[bytes]]:
    words = [f"w{number}" for number in range(70)]
    return {
        f"part-{file}": [
            record(
                100 * file + place,
                [words[(place * step + file) % (7 + place % 60)].encode() for step in range(1 + place % 7)],
                [[place % 5, file]] * (1 + place % 7 + (place == 50)),
                [b"w1", b"tv\n"][place % 2],
            )
            for place in range(90)
        ]
        for file in range(count)
    }


SECTIONS: dict[str, Any] = {"buckets": {"count": 2}, "splits": {"fractions": {"train": 0.7, "eval": 0.3}}}


def tree(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in jobs.tree(folder).items() if name.startswith("Split-")}


def facts(manifest: Manifest) -> dict[str, Any]:
    """The parts of the manifest that do not depend on how the vocabulary was given."""
    exclude = {"fingerprint", "config", "columns", "vocabularies", "side_files"}
    return {**manifest.model_dump(mode="json", exclude=exclude), "crc32c": manifest.side_files["schema.pbtxt"]}


def test_a_job_with_the_files_that_were_counted_writes_the_same(tmp_path: Path) -> None:
    """Also with windows: repaired values count once per record, values of a vocabulary each time they are written."""
    windows = {**SECTIONS, "buckets": {"boundaries": (2, 4)}, "sequences": {"over_long": "window", "window_overlap": 1}}
    for number, sections in enumerate((SECTIONS, windows, {**windows, "splits": {"key": "id"}})):
        folder = tmp_path / str(number)
        folder.mkdir()
        counted = jobs.run(folder, columns(), files(), **sections)
        jobs.balance(counted)
        assert counted.counts.rejected == {"length_mismatch": 3}
        assert counted.counts.repaired["word"] > 50
        paths = {column.key: str(folder / "out" / "vocabulary" / f"{column.key}.txt") for column in columns()[:3]}
        named = [
            column.model_copy(update={"vocabulary_file": paths[column.key], "from_data": None})
            for column in columns()[:3]
        ]
        raw = [source.path for source in counted.inputs]
        again = jobs.run(folder, [*named, columns()[3]], raw, **sections, output={"path": str(folder / "again")})
        assert facts(again) == facts(counted)
        written, expected = tree(folder / "again"), tree(folder / "out")
        assert {name: expected[name] for name in written} == written
        found = Counter[int]()
        for row in jobs.sequences(folder / "out", counted):
            if row.split == "train":
                found.update([*row.features["device"], *(word for step in row.features["word"] for word in step)])
        counts = [count for _, count in counted_in(folder / "out", "word")]
        assert counts == [found[place] for place in range(len(counts))]
        assert verify_data_set(str(folder / "out")).faults == []


def test_workers_pieces_and_memory_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = jobs.run(tmp_path, columns(top=30, num_oov_buckets=3), files(9), **SECTIONS)
    expected = jobs.tree(tmp_path / "out")
    assert once.columns[0].size == 30  # type: ignore[union-attr]
    monkeypatch.setattr(value_counting, "MOST_FILES", 2)
    monkeypatch.setattr(value_counting, "MOST_BYTES", 400)
    monkeypatch.setattr(input_pieces, "PIECE_BYTES", 3000)
    raw = [source.path for source in once.inputs]
    for workers, options in ((1, ()), (2, ()), (1, ["--runner=DirectRunner"])):
        config = jobs.job(tmp_path, columns(top=30, num_oov_buckets=3), raw, **SECTIONS)
        run_job(config, workers=workers, runner_options=options, overwrite=True)
        assert jobs.tree(tmp_path / "out") == expected


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    with Runs() as running:
        yield running


@pytest.mark.slow
def test_runs_that_are_killed_end_with_the_same_bytes(runs: Runs, tmp_path: Path) -> None:
    raw = list(jobs.job(tmp_path, columns(), files()).inputs.files)

    def config(name: str) -> JobConfig:
        (tmp_path / name).mkdir(exist_ok=True)
        return jobs.job(tmp_path / name, columns(), raw, **SECTIONS)

    once = runs.run(config("once"))
    assert (once.code, once.message) == (0, "")
    expected = jobs.tree(tmp_path / "once" / "out")
    for point in range(3, once.points, once.points // 8):
        name = str(point)
        assert runs.run(config(name), die_at=point).code == -signal.SIGKILL
        assert runs.run(config(name)).code == 0
        assert jobs.tree(tmp_path / name / "out") == expected, name


def test_parts_have_the_vocabulary_of_the_first_and_count_values_outside_it(tmp_path: Path) -> None:
    def day(name: str, words: list[bytes]) -> lw.DataSet:
        write_records(
            tmp_path / f"{name}.tfrecord", [record(one, words, [[1]] * len(words), None) for one in range(200)]
        )
        raw = sorted(str(path) for path in tmp_path.glob("*.tfrecord"))
        return lw.prepare(jobs.job(tmp_path, columns(num_oov_buckets=1), raw, **SECTIONS), part=name, workers=1)

    day("one", [b"red", b"red", b"green"])
    parts = [day("two", [b"red", b"green", b"green"]), day("three", [b"red", b"blue", b"blue"])]
    assert [part.manifest.counts.repaired.get("word", 0) for part in parts] == [0, 400]
    for part in parts:
        assert (Path(part.folder) / "vocabulary" / "word.txt").read_text() == "red\ngreen\n"
        assert "from_data" not in part.manifest.vocabularies
        assert part.manifest.columns[0].vocabulary == ("red", "green")  # type: ignore[union-attr]
    data = lw.open(tmp_path / "out")
    assert data.columns["word"].num_buckets == 3
    lw.verify(tmp_path / "out")
    page = (tmp_path / "out" / "three" / "report.html").read_text()
    assert '<span class="keep">(66.7%)</span>' in page
    (drift,) = [drift for drift in compare_manifests(parts[1].manifest, data.manifests[0]) if drift.key == "word"]
    assert "outside the vocabulary or range: 0% → 66.7%" in drift.flags
    other = {**SECTIONS, "output": {"path": str(tmp_path / "other")}}
    changed = jobs.job(tmp_path, columns(top=9, num_oov_buckets=1), [f"{tmp_path}/two.tfrecord"], **other)
    with pytest.raises(ConfigError, match=r"columns\[0\]\.from_data\.top: expected 4, as in .*, received 9"):
        lw.prepare(changed, like=data.folders[0])


def test_models_and_readers_need_nothing_but_the_manifest(tmp_path: Path) -> None:
    given = jobs.job(
        tmp_path, [*columns(num_oov_buckets=1), lw.embedding_column(columns(num_oov_buckets=1)[0], 2)], files()
    )
    for use in (
        lambda: lw.read_raw(given, batch_steps=64),
        lambda: lw.SequenceFeatures([given.columns[4]]),
        lambda: lw.serving_fn(lambda features, training=None: features["word"], given.columns),
    ):
        with pytest.raises(
            ConfigError, match=r"column .(word|size).: expected a vocabulary, received from_data.*prepare the"
        ):
            use()
    config = load_config({**json.loads(given.model_dump_json())})
    assert config == given
    data = lw.prepare(given, workers=1)
    manifest = lw.load_manifest(tmp_path / "out")
    assert {column.from_data for column in manifest.columns if isinstance(column, VocabularyColumn)} == {None}
    raw = lw.read_raw(
        given.model_copy(update={"columns": manifest.columns}), batch_size=1000, shuffle=False, on_invalid="skip"
    )
    prepared = data.read("train", batch_size=1000, shuffle=False)
    assert rows(raw) == rows(prepared)


def test_the_commands_report_what_they_count(tmp_path: Path) -> None:
    words = [[b"red", b"red", b"green"], [b"red", b"a\nb"]] * 50
    raw = [record(number, steps, [[1]] * len(steps), None) for number, steps in enumerate(words)]
    config = jobs.job(tmp_path, columns(min_count=30)[:1], {"raw": raw})
    (tmp_path / "job.yaml").write_text(config.model_dump_json())

    def run_command(*arguments: str) -> str:
        done = CliRunner().invoke(main, [*arguments, str(tmp_path / "job.yaml"), "--workers", "1"])
        assert done.exit_code == 0, done.output
        return " ".join(done.output.split())

    assert "`prepare` counts the vocabularies of 'word', so values outside them are not reported here" in run_command(
        "check"
    )
    assert "100 valid sequences" in run_command("plan")
    output = run_command("prepare")
    assert "vocabulary of 'word': 2 of 3 distinct values, 80.0% of all values of the split 'train'; 50 " in output
    assert (
        "50 values of 'word' (20.0%) missing, or outside its vocabulary or range: replaced as the column specifies"
        in output
    )
    page = " ".join((tmp_path / "out" / "report.html").read_text().split())
    assert "vocabulary counted in training" in page
    (tmp_path / "job.yaml").write_text(jobs.job(tmp_path, columns(min_count=999)[:1], {"raw": raw}).model_dump_json())
    rare = CliRunner().invoke(main, ["prepare", str(tmp_path / "job.yaml"), "--output", str(tmp_path / "rare")])
    assert rare.exit_code == DataLimitError.exit_code
    assert "occur 999 times (min_count) in the split 'train', found none among 3 distinct values" in rare.output


def rows(dataset: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    for batch in dataset:
        for place, length in enumerate(batch["sequence_length"].numpy()):
            values = batch["word"].numpy()[place, :length].tolist()
            found[f"{batch['id'].numpy()[place]} {values} {batch['device'].numpy()[place]}"] += 1
    return found
