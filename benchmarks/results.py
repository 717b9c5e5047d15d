"""Converts RESULTS.json to RESULTS.md: goals, comparisons, time by stage, and cost against size."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.plots import draw
from benchmarks.prepare_jobs import COPY, DEFAULT, NAIVE, OURS, SHUFFLED

_FOLDER = os.path.dirname(os.path.abspath(__file__))
_PEER = "tf_keras SequenceFeatures"
_SERIAL = "serial"  # the prefix of the names of serial stages
_BUDGET = 65_536
_BUSIEST = """On a busy
machine, only figures per CPU second can be compared. The busiest threads limit the speed with more cores; on few cores,
they are threads of the pool, which share the parallel work. 20 ns per step are 50 million steps per second."""
_HEAD = """# Results

Written by `python -m benchmarks`. [README.md](README.md) describes the measurements. Ratios are from one run, in which
the contestants took turns: `median [lowest-highest round]`."""


def write_results(folder: str, results: dict[str, Any]) -> None:
    """Writes RESULTS.md and plots/ to the folder."""
    plots = draw(os.path.join(folder, "plots"), results)
    with open(os.path.join(_FOLDER, "notes.md"), encoding="utf-8") as stream:
        notes = stream.read()
    sections = [
        _HEAD,
        _machine(results),
        _goals(results),
        *_offline(results),
        _stages(results, plots),
        _decoding(results),
        *_feeds(results),
        _layer(results),
        _buckets(results),
        _groups(results),
        _scaling(results, plots),
        _start(results),
        *_clocks(results),
        _learning(results),
        notes.strip(),
    ]
    with open(os.path.join(folder, "RESULTS.md"), "w", encoding="utf-8") as stream:
        stream.write("\n\n".join(filter(None, sections)) + "\n")


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _range(values: dict[str, float], form: str = ".1f", sign: str = "") -> str:
    median, low, high = (format(values[name], form) for name in ("median", "low", "high"))
    return f"{median}{sign}" if low == high else f"{median}{sign} [{low}-{high}]"


def _found(results: dict[str, Any], part: str) -> Any:
    return results.get(part, {}).get("results")


def _machine(results: dict[str, Any]) -> str:
    machine = next(iter(results.values()))["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    runs = [
        (f"`{part}`", one["machine"]["when"], one["machine"]["load_before"], f"`{one['command']}`")
        for part, one in results.items()
    ]
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']}, "
        f"Python {machine['python']}, {packages}.\n\n" + _table(["part", "measured", "load before", "command"], runs)
    )


def _goals(results: dict[str, Any]) -> str:
    kinds = (_offline_goals, _feed_goals, _layer_goals, _bucket_goals, _clock_goals)
    rows = [row for goals in kinds for row in goals(results)]
    return "## Goals\n\n" + _table(["", "goal", "measured", "reached"], rows) if rows else ""


def _goal(name: str, goal: str, measured: str, reached: bool) -> tuple[str, str, str, str]:
    return name, goal, measured, "yes" if reached else "**no**"


def _generated(results: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    for part in ("prepare", "large"):
        yield from (_found(results, part) or {}).get("generated", {}).items()


def _offline_goals(results: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    for records, jobs in _generated(results):
        for job, least in ((OURS, 8), (SHUFFLED, 6), (DEFAULT, 9 if int(records) < 1_000_000 else 12)):
            if job in jobs:
                ratio = jobs[job]["ratio"]
                name = f"{job} against the naive Beam job, {int(records):,} records, CPU"
                yield _goal(name, f">= {least}x", _range(ratio, sign="x"), ratio["median"] >= least)
        if COPY in jobs and DEFAULT in jobs:
            ratio = jobs[COPY]["seconds"]["median"] / jobs[DEFAULT]["seconds"]["median"]
            yield _goal(f"{DEFAULT} against the raw copy, CPU", ">= 0.6x", f"{ratio:.2f}x", ratio >= 0.6)
        peak = max(jobs[job].get("peak_mib", {}).get("high", 0) for job in (OURS, SHUFFLED))
        if not peak:
            continue
        yield _goal(f"peak memory of `prepare`, {int(records):,} records", "<= 1.2 GiB", f"{peak:.0f} MiB", peak < 1229)
    for part, least in _SHARED.items():
        for records, jobs in _of_workers(results, part):
            ratio = list(jobs.values())[-1]["ratio"]
            name = f"`prepare`, 2 workers against 1, {int(records):,} records ({part}), wall clock"
            yield _goal(name, f">= {least}x", _range(ratio, ".2f", "x"), ratio["median"] >= least)
    even, skewed = (dict(_of_workers(results, part)) for part in ("workers", "skewed"))
    for records in even.keys() & skewed.keys():
        ratio = [list(found[records].values())[-1]["seconds"]["median"] for found in (skewed, even)]
        name = f"one of 8 files with 90% against 8 even ones, {int(records):,} records, 2 workers, wall clock"
        yield _goal(name, "<= 1.3x", f"{ratio[0] / ratio[1]:.2f}x", ratio[0] <= 1.3 * ratio[1])


_SHARED = {"workers": 1.8, "single": 1.7}
"""The goal for the speed of two workers relative to one, by part: with 8 files, and with one."""


def _of_workers(results: dict[str, Any], part: str) -> Iterable[tuple[str, Any]]:
    yield from (_found(results, "workers") or {}).get(part, {}).items()


def _feed_goals(results: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    by_name = {one["name"]: one for one in _found(results, "feed") or []}
    if not by_name:
        return
    raw = next(one for name, one in by_name.items() if "limit" in name)["records_per_cpu_second"]
    for name, least, most in (
        ("read_raw", 8, 1.06),
        ("read_prepared, example", 20, None),
        ("read_prepared, block", 50, 1.03),
    ):
        one = by_name[name]
        ratio = one["against_textbook"]
        yield _goal(f"`{name}` against textbook, CPU", f">= {least}x", f"{ratio:.1f}x", ratio >= least)
        if most is not None:
            padding = one["padded_to_real"]
            yield _goal(f"`{name}`, padded / real steps", f"<= {most}", f"{padding:.3f}", padding <= most)
    share = by_name["read_prepared, block"]["records_per_cpu_second"] / raw
    yield _goal("`read_prepared, block` of the raw read", ">= 1.0", f"{share:.2f}", share >= 1)


def _layer_goals(results: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    for case, contestants in (_found(results, "layer") or {}).items():
        backward = "backward" in case
        for name, least in (("ours", 3.0 if backward else 2.8), ("ours, jit", 5.0 if backward else 3.3)):
            ratio = contestants[name]["peer_over_this"]
            mark = "`SequenceFeatures`" + (", jit" if "jit" in name else "")
            yield _goal(f"{mark} against tf_keras', {case}", f">= {least}x", f"{ratio:.2f}x", ratio >= least)


def _bucket_goals(results: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    found = _found(results, "buckets")
    if found:
        slowest = max(one["slowest_s"] for one in found)
        name = "optimal boundaries, 100,000 lengths, k = 32, the slowest histogram"
        yield _goal(name, "< 1 s", f"{slowest:.2f} s", slowest < 1)


def _clock_goals(results: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    for part, found, cores in _clock_parts(results):
        raw, default = (found[f"{name} {_BUDGET}"]["steps_per_cpu_s"] for name in ("raw", "default"))
        name = f"`{part}`: what `prepare` writes by default against raw files, CPU, cores: {cores}"
        yield _goal(name, ">= 5x", f"{default / raw:.1f}x", default / raw >= 5)


def _clock_parts(results: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any], int]]:
    for part, one in results.items():
        if part.startswith("clock"):
            yield part, one["results"], 1 if part.endswith("1-core") else one["machine"]["cores"]


def _offline(results: dict[str, Any]) -> Iterable[str]:
    head = ["job", "records / CPU s", f"x {NAIVE}", "CPU s", "wall s", "peak MiB"]
    for records, jobs in _generated(results):
        yield f"## Offline, {int(records):,} generated records\n\n" + _table(head, _job_rows(jobs))
    for part in (*_SHARED, "skewed"):
        for records, jobs in _of_workers(results, part):
            rows = [(job, _range(one["seconds"]), _range(one["ratio"], ".2f", "x")) for job, one in jobs.items()]
            title = f"## Workers, {int(records):,} records ({part})\n\n"
            yield title + _table(["job", "wall s", "against one worker"], rows)
    for name, jobs in (_found(results, "real") or {}).get("real", {}).items():
        yield f"## Offline, {name}\n\n" + _table(head, _job_rows(jobs))


def _job_rows(jobs: dict[str, Any]) -> Iterable[Sequence[object]]:
    for job, one in jobs.items():
        rate = f"{one['records_per_second']['median']:,.0f}"
        peak = _range(one["peak_mib"], ".0f") if "peak_mib" in one else ""
        yield job, rate, _range(one["ratio"]), _range(one["seconds"]), _range(one["wall"]), peak


def _stages(results: dict[str, Any], plots: Sequence[str]) -> str:
    found = _found(results, "stages")
    if not found:
        return ""
    text = "## Time of `prepare` by stage\n\nShares of the samples (py-spy, with native frames)."
    for kind, title in (("stages", "stage"), ("libraries", "inside the job's steps: library")):
        names = list(dict.fromkeys(name for shares in found.values() for name in shares[kind]))
        rows = [(name, *(f"{shares[kind].get(name, 0):.0%}" for shares in found.values())) for name in names]
        text += "\n\n" + _table([title, *found], rows)
    return text + "".join(f"\n\n![{name}](plots/{name}.svg)" for name in plots if name == "stages")


def _feeds(results: dict[str, Any]) -> Iterable[str]:
    for part, one in results.items():
        if not part.startswith("feed"):
            continue
        raw = next(row for row in one["results"] if "limit" in row["name"])["records_per_cpu_second"]
        rows = []
        for row in one["results"]:
            rate, padding = row["records_per_cpu_second"], row["padded_to_real"]
            ratio, rounds = f"{row['against_textbook']:.1f}x", f"{row['spread']:.0%}"
            rows.append(
                (row["name"], f"{rate:,.0f}", ratio, f"{rate / raw:.2f}", f"{padding:.3f}" if padding else "", rounds)
            )
        head = ["pipeline", "sequences / CPU s", "against textbook", "of raw read", "padded / real", "spread"]
        title = part.removeprefix("feed").strip() or "generated records"
        yield f"## Feed, {title}\n\n" + _table(head, rows)


def _layer(results: dict[str, Any]) -> str:
    found = _found(results, "layer")
    if not found:
        return ""
    text = f"## Layer, CPU ms per training step, 256 sequences\n\nIn brackets: speed relative to {_PEER}."
    names = list(next(iter(found.values())))
    rows = []
    for name in names:
        cells = [f"{case[name]['cpu_ms']:.2f} ({case[name]['peer_over_this']:.2f}x)" for case in found.values()]
        rows.append((name, *cells))
    return text + "\n\n" + _table(["", *found], rows)


def _decoding(results: dict[str, Any]) -> str:
    found = _found(results, "decode")
    if not found:
        return ""
    usual = found["usual"]["median"]
    rows = [(kind, _range(one, ".2f"), f"{one['median'] / usual:.2f}x") for kind, one in found.items()]
    return "## Decoding blocks of 1,024 records\n\n" + _table(["records", "CPU us per record", "x usual"], rows)


def _buckets(results: dict[str, Any]) -> str:
    found = _found(results, "buckets")
    if not found:
        return ""
    rows = [(one["counts"], one["cost"], one["median_s"], one["slowest_s"]) for one in found]
    head = ["counts of the lengths", "cost", "median s", "slowest s"]
    return "## Optimal buckets, 100,000 distinct lengths, k = 32\n\n" + _table(head, rows)


def _groups(results: dict[str, Any]) -> str:
    found = _found(results, "groups")
    if not found:
        return ""
    rows = [
        (name, one["both"], one["letters"], one["phonemes"], one["batches"])
        for name, one in found["padded_per_real"].items()
    ]
    text = f"## Two lengths per record: letters and phonemes of {found['records']:,} words\n\n"
    text += "Padded steps per real step, in batches of at most 8,192 padded steps of both together.\n\n"
    text += _table(["", "both", "letters", "phonemes", "batches"], rows)
    plan = found["plan"]
    return f"{text}\n\nA plan of 32 pairs over {plan['pairs']:,} distinct pairs of lengths: {plan['cpu_s']} s of CPU."


def _scaling(results: dict[str, Any], plots: Sequence[str]) -> str:
    found = _found(results, "scaling")
    if not found:
        return ""
    rows = []
    for name, sizes in found.items():
        base = sizes["1"]["median"]
        rows.append((name, f"{base * 1000:.1f} ms", *(f"{one['median'] / base:.1f}x" for one in sizes.values())))
    head = ["what grows", "CPU at 1x", "1x", "2x", "4x", "8x", "16x"]
    image = "\n\n![cost against size](plots/scaling.svg)" if "scaling" in plots else ""
    return "## Cost against size\n\n" + _table(head, rows) + image


def _start(results: dict[str, Any]) -> str:
    found = _found(results, "start")
    if not found:
        return ""
    rows = [
        (name, _range(one["cpu"], ".2f"), _range(one["wall"], ".2f"), f"{one['peak']['median']:.0f}")
        for name, one in found.items()
    ]
    return "## Start-up\n\n" + _table(["", "CPU s", "wall s", "peak MiB"], rows)


def _clocks(results: dict[str, Any]) -> Iterable[str]:
    for part, found, cores in _clock_parts(results):
        rows = [
            (
                name.removesuffix(f" {_BUDGET}"),
                f"{row['bytes'] / 1e6:.0f}",
                f"{row['steps_per_s'] / 1e6:.1f}",
                f"{row['steps_per_s'] / found[f'raw {_BUDGET}']['steps_per_s']:.1f}x",
                f"{row['steps_per_cpu_s'] / 1e6:.1f}",
                f"{row['first_s']:.2f}",
                f"{row['again_s']:.2f}",
                f"{row['longest_gap_ms']:.0f}",
                f"{row['padded_to_real']:.3f}",
                f"{row['waits']:.1%}" if "waits" in row else "",
                f"{row['longest_wait_ms']:.0f}" if "longest_wait_ms" in row else "",
                ", ".join(f"{spent:.1f}" for spent in row["busiest_ns"]),
            )
            for name, row in found.items()
            if not name.startswith(_SERIAL)
        ]
        head = ["budget 65,536", "MB", "M steps/s", "against raw", "M steps / CPU s", "first batch s", "again s"]
        head += ["longest gap ms", "padded/real", "waits", "at most ms", "busiest threads, CPU ns per step"]
        command = "python -m benchmarks --full --only clock clock-1-core"
        measured = f"Measured by `{command}`, load before: {results[part]['machine']['load_before']}. {_BUSIEST}"
        yield f"## Wall time, cores: {cores}\n\n{measured}\n\n" + _table(head, rows)
        stages = [
            (name.removesuffix(f" {_BUDGET}"), stage, f"{spent:.1f}")
            for name, costs in found.items()
            if name.startswith(_SERIAL)
            for stage, spent in costs.items()
        ]
        if stages:
            yield f"## Serial stages, cores: {cores}\n\n" + _table(["over", "stage", "CPU ns per step"], stages)


def _learning(results: dict[str, Any]) -> str:
    found = _found(results, "learning")
    if not found:
        return ""
    rows = []
    for name, one in found.items():
        for contestant, loss in one["loss"].items():
            ratio = _range(one["against_equal"][contestant], ".2f", "x")
            rows.append((name, contestant, one["updates"], _range(loss, ".3f"), ratio))
    text = (
        "## Learning with equal numbers of updates\n\nThe loss on unseen data, the mean over all rows (cmudict: "
        "syllables of a word) or steps (ml-100k: the next film), over seeds: `median [lowest-highest]`."
    )
    head = ["data", "trained on", "updates", "loss", "against equal rows"]
    return text + "\n\n" + _table(head, rows)
