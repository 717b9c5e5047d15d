"""Remote storage, against a server that speaks S3's protocol on loopback."""

import json

from runners.conftest import Setup, content, isolated

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


def test_s3_to_s3_gives_the_same_data_set_and_leaves_nothing_else(setup: Setup) -> None:
    run = "lengthwise prepare s3.yaml --output s3://out/prepared --workers 1; lengthwise verify s3://out/prepared\n"
    done = isolated(setup.folder, SERVER + run + DOWNLOAD, timeout=600)
    assert done.returncode == 0, done.stderr
    downloaded = content(setup.folder / "downloaded" / "prepared")
    expected = setup.expected
    assert downloaded.keys() == expected.keys()
    shards = [name for name in expected if name.startswith("Split-")]
    assert {name: downloaded[name] for name in shards} == {name: expected[name] for name in shards}
    counts = [json.loads(files["manifest.json"])["counts"] for files in (downloaded, expected)]
    assert counts[0] == counts[1]


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
