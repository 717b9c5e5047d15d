"""The portable job service with a pool of workers outside of it: the protocol that Flink and Spark speak."""

from prepare.jobs import tree_of_any_name
from readme.blocks import blocks
from runners.conftest import Setup, isolated

SERVICES = """
python -m apache_beam.runners.portability.local_job_service_main --port 8099 > service.log 2>&1 &
python -m apache_beam.runners.worker.worker_pool_main --service_port=50000 > pool.log 2>&1 &
up 8099; up 50000
"""
COMMANDS = blocks("runners")[0].text.replace("\\\n", "").splitlines()
[OURS] = [line for line in COMMANDS if "PortableRunner" in line]  # the README's own command
OPTIONS = OURS.partition(" -- ")[2]


def test_a_portable_runner_gives_the_same_bytes(setup: Setup) -> None:
    done = isolated(setup.folder, f"{SERVICES} lengthwise prepare job.yaml --output portable -- {OPTIONS}")
    assert done.returncode == 0, done.stderr
    assert tree_of_any_name(setup.folder / "portable") == setup.expected


def test_an_error_in_a_worker_keeps_its_message_and_exit_code(setup: Setup) -> None:
    script = f"{SERVICES} rm -rf gone; cp -r raw gone; sed s/raw/gone/ job.yaml > gone.yaml; chmod 755 gone\n"
    spoil = "python -c \"import os; f = open('gone/part-1.tfrecord', 'r+b'); f.seek(3); f.write(b'?????')\"\n"
    done = isolated(setup.folder, f"{script}{spoil} lengthwise prepare gone.yaml --output spoiled -- {OPTIONS}")
    assert done.returncode == 1, done.stderr
    assert "limits.damaged_files" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (setup.folder / "spoiled" / "manifest.json").exists()
