"""`lengthwise serve`: a trainer reads through a dispatcher and a worker in separate processes."""

import shutil
import signal
import subprocess
import sys

import pytest

from cli.conftest import start
from readme.blocks import blocks

# Each line of the README is a machine; the last one is started first: a worker waits for its dispatcher.
TRAINER = """
import atexit, os, signal, subprocess, sys
pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="{folder}")
def start(line):
    program, *arguments = line.split()
    assert program == "lengthwise"
    server = subprocess.Popen([sys.executable, "-m", "lengthwise_cli", *arguments], **pipes)
    atexit.register(server.kill)
    return server
dispatcher_line, worker_line = {lines}
worker = start(worker_line)
print("WAITING", worker.stderr.readline())
dispatcher = start(dispatcher_line)
assert dispatcher.stdout.readline() == "dispatcher at grpc://localhost:5050\\n"
assert worker.stdout.readline() == "worker of localhost:5050\\n"
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
import lengthwise as lw
os.chdir("{folder}")
{trainer}
print("SEQUENCES", sum(int(batch["sequence_length"].shape[0]) for batch in train))
for server, number in ((worker, signal.SIGTERM), (dispatcher, signal.SIGINT)):
    server.send_signal(number)
    out, errors = server.communicate(timeout=60)
    print("ENDED", server.returncode, errors.strip())
"""


@pytest.mark.slow
@pytest.mark.parametrize("original", ["block"], indirect=True)
def test_a_trainer_reads_through_the_servers_of_the_readme(original, tmp_path) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        pytest.skip("NOT CHECKED: TensorFlow's servers bind every interface, so this test needs a network of its own")
    [[servers], [trainer]] = blocks("service"), blocks("trainer")
    (tmp_path / "prepared").symlink_to(original.prepared)
    program = TRAINER.format(folder=tmp_path, lines=servers.text.splitlines(), trainer=trainer.text)
    shell = 'ip link set lo up && exec "$0" -c "$1"'
    command = ["unshare", "-n", "bash", "-c", shell, sys.executable, program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as trainer:
        try:
            output, errors = trainer.communicate(timeout=180)
        finally:
            trainer.terminate()
    shards = [shard for shard in original.manifest["shards"] if shard["split"] == "train"]
    lines = [line for line in output.splitlines() if line.startswith(("WAITING", "SEQUENCES", "ENDED"))]
    assert lines == [
        "WAITING waiting for the dispatcher at localhost:5050: Connection refused",
        f"SEQUENCES {sum(shard['sequences'] for shard in shards)}",
        *["ENDED 0 stopped"] * 2,
    ], errors


@pytest.mark.parametrize("address", ["localhost:1", "nowhere.invalid:5050"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_without_a_dispatcher_says_so_and_ends_on_a_signal(address: str, number: signal.Signals) -> None:
    worker = start("serve", "worker", "--dispatcher", address)
    try:
        assert worker.stderr.readline().startswith(f"waiting for the dispatcher at {address}: ")
        worker.send_signal(number)
        assert worker.communicate(timeout=30) == ("", "stopped\n")
        assert worker.returncode == 0
    finally:
        worker.kill()


@pytest.mark.parametrize("address", ["10.0.0.2", "10.0.0.2:", ":5050", "host:port"])
def test_an_address_is_a_host_and_a_port(lengthwise, address: str) -> None:
    error = lengthwise("serve", "worker", "--dispatcher", address, code=2).stderr
    assert f"expected HOST:PORT, received '{address}'" in error


def test_each_server_says_what_it_needs(lengthwise) -> None:
    assert "Missing option '--work-dir'" in lengthwise("serve", "dispatcher", code=2).stderr
    assert "Missing option '--dispatcher'" in lengthwise("serve", "worker", code=2).stderr
    for server in ("dispatcher", "worker"):
        assert "Example" in lengthwise("serve", server, "--help").stdout
