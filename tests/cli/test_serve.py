"""`lengthwise serve`: a dispatcher and a worker in processes of their own, which a trainer reads through."""

import shutil
import subprocess
import sys

import pytest

TRAINER = """
import atexit, os, signal, subprocess, sys
command = [sys.executable, "-m", "lengthwise_cli", "serve"]
pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
dispatcher = subprocess.Popen([*command, "dispatcher", "--port", "0", "--work-dir", "{folder}/journal"], **pipes)
atexit.register(dispatcher.kill)
line = dispatcher.stdout.readline()
assert line.startswith("dispatcher at grpc://localhost:"), (line, dispatcher.stderr.read())
address = line.split()[-1].removeprefix("grpc://")
worker = subprocess.Popen([*command, "worker", "--dispatcher", address], **pipes)
atexit.register(worker.kill)
assert worker.stdout.readline() == f"worker of {{address}}\\n"
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
import lengthwise as lw
batches = lw.read_prepared("{prepared}", "train", batch_size=16, service=address)
print("SEQUENCES", sum(int(batch["sequence_length"].shape[0]) for batch in batches))
for server, number in ((worker, signal.SIGTERM), (dispatcher, signal.SIGINT)):
    server.send_signal(number)
    out, errors = server.communicate(timeout=60)
    print("ENDED", server.returncode, errors.strip())
"""


@pytest.mark.slow
@pytest.mark.parametrize("original", ["block"], indirect=True)
def test_a_trainer_reads_through_a_dispatcher_and_a_worker(original, tmp_path) -> None:
    if shutil.which("unshare") is None or subprocess.run(["unshare", "-n", "true"], check=False).returncode:
        pytest.skip("NOT CHECKED: TensorFlow's servers bind every interface, so this test needs a network of its own")
    program = TRAINER.format(folder=tmp_path, prepared=original.prepared)
    shell = 'ip link set lo up && exec "$0" -c "$1"'
    command = ["unshare", "-n", "bash", "-c", shell, sys.executable, program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as trainer:
        try:
            said, errors = trainer.communicate(timeout=180)
        finally:
            trainer.terminate()
    shards = [shard for shard in original.manifest["shards"] if shard["split"] == "train"]
    lines = [line for line in said.splitlines() if line.startswith(("SEQUENCES", "ENDED"))]
    assert lines == [f"SEQUENCES {sum(shard['sequences'] for shard in shards)}", *["ENDED 0 stopped"] * 2], errors


def test_each_server_says_what_it_needs(lengthwise) -> None:
    assert "Missing option '--work-dir'" in lengthwise("serve", "dispatcher", code=2).stderr
    assert "Missing option '--dispatcher'" in lengthwise("serve", "worker", code=2).stderr
    for server in ("dispatcher", "worker"):
        assert "Example" in lengthwise("serve", server, "--help").stdout
