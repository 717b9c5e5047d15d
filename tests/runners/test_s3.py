"""Remote storage, against a server that speaks S3's protocol on loopback."""

import json

from prepare.jobs import tree_of_any_name
from runners.conftest import Setup, isolated

SERVER = """
export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=y AWS_DEFAULT_REGION=us-east-1 AWS_ENDPOINT_URL=http://127.0.0.1:5055
moto_server -H 127.0.0.1 -p 5055 > moto.log 2>&1 &
up 5055
python - <<'END'
import boto3, pathlib
client = boto3.client("s3")
for bucket in ("raw", "out"):
    client.create_bucket(Bucket=bucket)
for path in pathlib.Path("raw").iterdir():
    client.upload_file(str(path), "raw", path.name)
END
sed s#raw/#s3://raw/# job.yaml > s3.yaml
"""
DOWNLOAD = """
python - <<'END'
import boto3, pathlib
client = boto3.client("s3")
for found in client.list_objects_v2(Bucket="out")["Contents"]:
    path = pathlib.Path("downloaded", found["Key"])
    path.parent.mkdir(parents=True, exist_ok=True)
    client.download_file("out", found["Key"], str(path))
END
"""


READ = """
cat > read.py <<'END'
import os, sys
import lengthwise as lw
def records(dataset):
    return [(batch["user"].numpy().tolist(), batch["word"].numpy().tolist()) for batch in dataset]
options = dict(batch_steps=512, seed=3, epochs=2, window=500)
local = records(lw.read_prepared("embedded", "train", **options))
assert len(local) > 20
cache = lw.Cache(folder="copies", max_bytes=10**8)
assert records(lw.read_prepared("s3://out/prepared", "train", cache=cache, **options)) == local
count = len(os.listdir("copies"))
assert records(lw.read_prepared("s3://out/prepared", "train", cache=cache, **options)) == local
assert len(os.listdir("copies")) == count
columns = lw.load_manifest("embedded").columns
raw = [records(lw.read_raw(place + "*", columns=columns, on_invalid="skip", **options)) for place in ("raw/", "s3://raw/")]
assert len(raw[0]) > 20 and raw[0] == raw[1]
counted = [lw.count_raw(place + "*", columns=columns) for place in ("raw/", "s3://raw/")]
assert counted[0] == counted[1] and counted[0]["valid"] == 2000, counted
END
LENGTHWISE_CACHE=copies python read.py
lengthwise serve dispatcher --port 5050 --work-dir journal &
lengthwise serve worker --dispatcher localhost:5050 --cache theirs > worker.log 2>&1 &
python - <<'END'
import lengthwise as lw
options = dict(batch_steps=512, service="localhost:5050")
for split in ("train", "eval"):
    found = sum(len(batch["user"]) for batch in lw.read_prepared("s3://out/prepared", split, **options))
    assert found == lw.load_manifest("s3://out/prepared").histogram(split).total, found
END
ls theirs
"""


def test_s3_to_s3_gives_the_same_data_set_and_training_reads_it_as_if_it_were_local(setup: Setup) -> None:
    run = "lengthwise prepare s3.yaml --output s3://out/prepared --workers 1; lengthwise verify s3://out/prepared\n"
    done = isolated(setup.folder, SERVER + run + DOWNLOAD + READ, timeout=1800)
    assert done.returncode == 0, done.stderr
    downloaded = tree_of_any_name(setup.folder / "downloaded" / "prepared")
    expected = setup.expected
    assert downloaded.keys() == expected.keys()
    shards = [name for name in expected if name.startswith("Split-")]
    assert {name: downloaded[name] for name in shards} == {name: expected[name] for name in shards}
    counts = [json.loads(files["manifest.json"])["counts"] for files in (downloaded, expected)]
    assert counts[0] == counts[1]
    copied = [name for name in done.stdout.splitlines() if len(name) == 64]
    assert len(copied) == len(shards)


NEIGHBOURS = """
python - <<'END'
import boto3, pathlib
client = boto3.client("s3")
for path in pathlib.Path("raw").iterdir():
    client.upload_file(str(path), "raw", f"in[1]/{path.name}")
    client.put_object(Bucket="raw", Key=f"in1/{path.name}", Body=b"another's")
for key in ("run1/manifest.json", "run1/Split-train/x", "run[1]x", "run[1]/prepared1/x"):
    client.put_object(Bucket="out", Key=key, Body=b"another's")
END
sed 's#raw/#s3://raw/in[[]1]/#' job.yaml > patterns.yaml
"""


def test_names_with_characters_of_patterns_are_names(setup: Setup) -> None:
    run = "lengthwise prepare patterns.yaml --output 's3://out/run[1]/prepared' --workers 1"
    again = "--set shuffle.seed=5 --overwrite"
    script = f"{run}; {run} {again}; lengthwise verify 's3://out/run[1]/prepared'; rm -rf downloaded\n"
    done = isolated(setup.folder, SERVER + NEIGHBOURS + script + DOWNLOAD, timeout=600)
    assert done.returncode == 0, done.stderr
    downloaded = tree_of_any_name(setup.folder / "downloaded")
    others = {name: text for name, text in downloaded.items() if not name.startswith("run[1]/prepared/")}
    names = ("run1/manifest.json", "run1/Split-train/x", "run[1]x", "run[1]/prepared1/x")
    assert others == dict.fromkeys(names, b"another's")
    manifest = json.loads(downloaded["run[1]/prepared/manifest.json"])
    assert manifest["counts"] == json.loads(setup.expected["manifest.json"])["counts"]


def test_a_missing_bucket_is_one_message(setup: Setup) -> None:
    done = isolated(setup.folder, SERVER + "lengthwise prepare s3.yaml --output s3://nowhere/prepared")
    assert done.returncode == 3
    assert "cannot write s3://nowhere/prepared" in done.stderr
    assert "NoSuchBucket" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_credentials_are_one_message(setup: Setup) -> None:
    done = isolated(setup.folder, "AWS_DEFAULT_REGION=us-east-1 lengthwise prepare job.yaml --output s3://out/prepared")
    assert done.returncode == 3
    assert "found no AWS credentials" in done.stderr
    assert "Traceback" not in done.stderr
