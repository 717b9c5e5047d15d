"""A data set of zlib files: prepared, verified, read in both layouts, its rejects listed, inspected."""

import json
import zlib

import pytest
from click.testing import CliRunner

from cli.conftest import RECORDS, make_place
from lengthwise.feed import read_prepared
from lengthwise.manifest import load_manifest
from lengthwise_cli.main import main

BAD = 3


@pytest.mark.parametrize("layout", ["example", "block"])
def test_every_command_reads_a_data_set_of_zlib_files(tmp_path, lengthwise, layout) -> None:
    place = make_place(tmp_path, bad=BAD, fraction=0.5)
    for path in place.raw.iterdir():  # the input is zlib, too
        path.with_suffix(".tfrecord.zz").write_bytes(zlib.compress(path.read_bytes()))
        path.unlink()
    settings = [f"inputs.files={place.raw}/*.zz", "output.compression=zlib", f"output.layout={layout}"]
    lengthwise(
        "prepare", place.job, *(part for setting in settings for part in ("--set", setting)), "--workers", "1", "-q"
    )

    manifest = load_manifest(str(place.prepared))
    kept = sum(shard.sequences for shard in manifest.shards)
    assert kept == RECORDS - BAD
    shards = [place.prepared / shard.path for shard in manifest.shards if shard.records]
    assert all(path.name.endswith(".tfrecord.zz") and zlib.decompress(path.read_bytes()) for path in shards)

    lengthwise("verify", place.prepared)
    for on_damage in ("raise", "skip"):
        names = [
            name
            for split in manifest.splits
            for batch in read_prepared(place.prepared, split, batch_size=16, on_damage=on_damage)
            for name in batch["name"].numpy().tolist()
        ]
        assert len(set(names)) == len(names) == kept

    listed = json.loads(lengthwise("rejects", place.prepared, "--json").stdout)
    assert [(reject["reason"], reject["records"]) for reject in listed["rejects"]] == [("not_finite", BAD)]
    extracted = tmp_path / "again.tfrecord"
    lengthwise("rejects", place.prepared, "--extract", extracted)
    sequences = json.loads(lengthwise("inspect", place.prepared, "--json", "-n", RECORDS).stdout)["sequences"]
    assert sorted(sequence["context"]["name"][0].encode() for sequence in sequences) == sorted(names)
    for path in (shards[0], extracted, next(place.raw.iterdir())):
        lengthwise("inspect", path, "-n", "2")

    shards[-1].write_bytes(shards[-1].read_bytes()[:-9])
    broken = CliRunner().invoke(main, ["verify", str(place.prepared)])
    assert broken.exit_code == 1
    assert shards[-1].name in broken.output
