"""Remote paths without their credentials or libraries: one message, immediately."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BLOCKED = """
import sys
for name in {missing}:
    sys.modules[name] = None
from lengthwise_cli.main import main
main({arguments})
"""
FOUND_NONE = {
    "gs": ("found no Google credentials", "gcloud auth application-default login"),
    "s3": ("found no AWS credentials", "AWS_ACCESS_KEY_ID"),
}
MISSING = {
    "gs": (["google.auth", "google.cloud.storage"], 'pip install "lengthwise[gcp]"'),
    "s3": (["botocore.session"], 'pip install "lengthwise[aws]"'),
}


def run(home: Path, missing: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line for a user who has no credentials, on a machine outside a cloud."""
    hidden = ("AWS_", "GOOGLE_", "CLOUDSDK_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {"HOME": str(home), "CLOUDSDK_CONFIG": str(home), "NO_GCE_CHECK": "true"}
    environment |= {"AWS_EC2_METADATA_DISABLED": "true"}
    program = BLOCKED.format(missing=missing, arguments=list(arguments))
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)


@pytest.mark.parametrize("scheme", ["gs", "s3"])
@pytest.mark.parametrize("direction", ["from", "to"])
def test_missing_credentials_are_one_message(place, tmp_path, scheme: str, direction: str) -> None:
    pytest.importorskip({"gs": "google.auth", "s3": "botocore"}[scheme])
    remote = f"{scheme}://bucket/x"
    arguments = [remote] if direction == "from" else ["--output", remote]
    done = run(tmp_path, [], "prepare", place.job, *arguments)
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith(f"Error: {scheme}://: ")
    assert all(part in done.stderr for part in FOUND_NONE[scheme])
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_key_file_is_named(tmp_path, monkeypatch, lengthwise) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    error = lengthwise("verify", "gs://bucket/prepared", code=3).stderr
    assert f"{tmp_path}/key.json was not found" in error


@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_missing_libraries_are_one_message(tmp_path, scheme: str) -> None:
    missing, remedy = MISSING[scheme]
    done = run(tmp_path, missing, "verify", f"{scheme}://bucket/prepared")
    assert done.returncode == 3, done.stderr
    assert remedy in done.stderr
    assert len(done.stderr.splitlines()) == 1
