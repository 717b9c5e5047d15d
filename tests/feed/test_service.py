"""A tf.data service on loopback: each record once, all trainers on one bucket, losses reported."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import tensorflow as tf

import lengthwise as lw
from feed.conftest import Data, make_source
from feed.grouped_data import BUDGET, Row, check_batch
from lengthwise.errors import ConfigError, EnvironmentFailure
from lengthwise.feed import Service
from lengthwise.feed.service.service_arrivals import watch
from lengthwise.feed.service.service_processes import start_dispatcher, start_worker


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    dispatcher = start_dispatcher(0, str(tmp_path_factory.mktemp("journal")))
    workers = [start_worker(dispatcher.target, 0) for _ in range(2)]
    yield dispatcher.target
    del workers, dispatcher


def numbers(dataset: Any) -> list[int]:
    return [number for batch in dataset for number in batch["record"].numpy().tolist()]


@pytest.mark.parametrize("name", ["example", "block", "raw"])
def test_dynamic_sharding_gives_each_record_once(data: Data, address: str, name: str) -> None:
    source = make_source(name, data)
    found = numbers(source.read(batch_steps=256, window=200, service=address, epochs=2))
    assert sorted(found) == sorted([*range(len(data.samples))] * 2)


SHAPED: list[tuple[str, dict[str, Any]]] = [
    *((name, {"pack": 64}) for name in ("example", "block", "raw")),
    ("block", {"max_shapes": 4, "labels": "y"}),
]


@pytest.mark.parametrize(("name", "options"), SHAPED)
def test_windows_of_several_workers_lose_no_record(
    data: Data, address: str, name: str, options: dict[str, Any]
) -> None:
    dataset = make_source(name, data).read(batch_steps=256, window=200, service=address, **options)
    found = []
    for batch in dataset:
        features, real = (batch, batch["sequence_length"] > 0) if "pack" in options else (batch[0], batch[2] > 0)
        found += features["record"][real].numpy().tolist()
    assert sorted(found) == list(range(len(data.samples)))


def test_coordinated_consumers_get_packed_rows(data: Data, address: str) -> None:
    endless = Service(address=address, mode="coordinated", job_name="packed")
    batches = make_source("block", data).read(batch_steps=256, pack=64, window=200, service=endless)
    assert {tuple(batch["segment_ids"].shape) for batch in batches.take(60)} == {(4, 64)}


@pytest.mark.parametrize("source", ["raw", "block", "example"])
def test_records_of_several_groups_occur_once(made: Any, data_sets: Any, address: str, source: str) -> None:
    def read(**options: Any) -> Any:
        options |= {"batch_steps": BUDGET, "window": 60}
        return (
            lw.read_raw(made[0], on_invalid="skip", **options) if source == "raw" else data_sets[source].read(**options)
        )

    found: dict[int, Row] = {}
    batches = list(read(service=address).as_numpy_iterator())
    for batch in batches:
        check_batch(batch, found, {})
    assert found == made[1]
    assert sum(len(batch["number"]) for batch in batches) == len(found)
    if source == "block":
        endless = Service(address=address, mode="coordinated", job_name="groups")
        for batch in read(service=endless).take(40).as_numpy_iterator():
            check_batch(batch, found, {})


def test_two_consumers_of_a_job_share_the_records(data: Data, address: str) -> None:
    service = Service(address=address, job_name="shared", num_consumers=2)
    found: list[list[int]] = [[], []]

    def consume(index: int) -> None:
        found[index] = numbers(make_source("example", data).read(batch_steps=256, service=service))

    threads = [threading.Thread(target=consume, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found[0] + found[1]) == list(range(len(data.samples)))


@pytest.mark.parametrize(
    ("name", "options"), [("example", {"seed": None}), ("block", {"shuffle": False}), ("raw", {"seed": 5})]
)
def test_each_iteration_of_a_dataset_is_a_separate_epoch(
    data: Data, address: str, tmp_path: Any, name: str, options: dict[str, Any]
) -> None:
    datasets = [
        make_source(name, data).read(
            batch_steps=256,
            window=200,
            service=Service(
                address=address, job_name=name, num_consumers=2, consumer_index=index, ledger=str(tmp_path)
            ),
            **options,
        )
        for index in range(2)
    ]
    for _ in range(2):
        first = numbers(datasets[0])  # the other consumer gets the rest
        assert sorted(first + numbers(datasets[1])) == list(range(len(data.samples)))
    if name != "raw":  # its number of records is unknown
        assert len(os.listdir(tmp_path)) == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["example", "block", "raw"])
def test_epochs_through_a_service_differ_in_order_but_not_from_run_to_run(data: Data, tmp_path: Any, name: str) -> None:
    dispatcher = start_dispatcher(0, str(tmp_path))
    worker = start_worker(dispatcher.target)  # one worker: with several the order is random

    def orders() -> list[list[int]]:
        dataset = make_source(name, data).read(batch_steps=256, window=200, service=dispatcher.target, seed=1)
        return [numbers(dataset), numbers(dataset)]

    first, again = orders(), orders()
    assert first == again
    assert first[0] != first[1]
    del worker


CONSUMER = """
    import sys
    from lengthwise.feed import Service, read_prepared
    folder, address, name, index = sys.argv[1:]
    service = Service(address=address, mode="coordinated", job_name=name, num_consumers=2, consumer_index=int(index))
    for batch in read_prepared(folder, "train", batch_steps=256, service=service).take(60):
        print(batch["item"].shape[1], int(batch["sequence_length"].numpy().max()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["example", "block"])
def test_coordinated_consumers_get_batches_of_one_bucket(data: Data, address: str, layout: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(CONSUMER), data.folders[layout], address, f"together-{layout}"]
    running = [
        subprocess.Popen(
            [*command, str(index)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        for index in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    steps = [[[int(word) for word in line.split()] for line in output.splitlines()] for output, _ in outputs]
    assert len(steps[0]) == len(steps[1]) == 60
    for (first, longest), (second, other) in zip(*steps, strict=True):
        if layout == "example":
            assert first == second
        assert max(longest, other) <= 1.3 * min(longest, other) + 1


def test_a_restarted_dispatcher_continues_from_its_journal(data: Data, tmp_path: Any) -> None:
    journal = str(tmp_path / "journal")
    dispatcher = start_dispatcher(0, journal)
    port = int(dispatcher.target.rpartition(":")[2])
    worker = start_worker(dispatcher.target, 0)
    iterator = iter(make_source("example", data).read(batch_steps=64, service=dispatcher.target))
    found = [next(iterator)["record"].numpy().tolist()]
    dispatcher._stop()
    dispatcher = start_dispatcher(port, journal)
    found += [batch["record"].numpy().tolist() for batch in iterator]
    assert sorted(number for batch in found for number in batch) == list(range(len(data.samples)))
    del worker, dispatcher


def worker_process(dispatcher: str) -> Any:
    program = (
        f"from lengthwise.feed.service.service_processes import start_worker\nworker = start_worker({dispatcher!r})\n"
    )
    program += "print()\nworker.join()"
    worker = subprocess.Popen([sys.executable, "-uc", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    worker.stdout.readline()  # it has started
    return worker


@pytest.mark.parametrize("mode", ["dynamic", "coordinated"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_worker_that_stops_answering_ends_the_epoch_with_an_error(
    data: Data, tmp_path: Any, number: signal.Signals, mode: str
) -> None:
    dispatcher = start_dispatcher(0, str(tmp_path / "journal"))
    worker = worker_process(dispatcher.target)
    try:
        service = Service(address=dispatcher.target, mode=mode, timeout_s=5)
        iterator = iter(make_source("example", data).read(batch_steps=64, service=service))
        found = len(next(iterator)["record"])
        worker.send_signal(number)
        message = ""
        while not message:
            try:
                found += len(next(iterator)["record"])
            except tf.errors.InvalidArgumentError as error:
                message = re.sub(r"\s+", " ", str(error))
        assert "nothing arrived from the tf.data service at " in message
        counts = [f"[{len(data.samples)}] [{len(data.samples) - found}]", f"[{found}]"]
        assert counts[mode == "coordinated"] in message
    finally:
        worker.kill()
        worker.communicate()


@pytest.mark.parametrize("consumers", [1, 2])
def test_lost_records_are_an_error_that_counts_them(tmp_path: Any, consumers: int) -> None:
    ledger = str(tmp_path / "ledger")
    batches = tf.data.Dataset.from_tensor_slices({"sequence_length": tf.ones([6], tf.int64)}).batch(2)
    for expected in (6 * consumers, 6 * consumers + 2):
        services = [
            Service(address="x", job_name="job", num_consumers=consumers, consumer_index=index, ledger=ledger)
            for index in range(consumers)
        ]
        watched = [watch(batches, service, f"job-{expected}", expected) for service in services]
        for early in watched[:-1]:
            assert len(list(early)) == 3
        if expected == 6 * consumers:
            assert len(list(watched[-1])) == 3
        else:
            with pytest.raises(tf.errors.InvalidArgumentError, match=rf"lost records(.|\n)*{expected}(.|\n)*2"):
                list(watched[-1])


def test_pauses_of_the_trainer_and_a_late_end_are_not_a_loss() -> None:
    released = threading.Event()

    def batches() -> Iterator[dict[str, list[int]]]:
        yield from ({"sequence_length": [1, 1]} for _ in range(3))
        released.wait(3)

    signature = {"sequence_length": tf.TensorSpec([None], tf.int64)}
    arriving = tf.data.Dataset.from_generator(batches, output_signature=signature)
    count = 0
    for _ in watch(arriving, Service(address="x", timeout_s=1), expected=6):
        time.sleep(1.5)
        count += 1
    assert count == 3
    assert not released.is_set()
    released.set()


def test_wrong_services_are_named(data: Data, tmp_path: Any) -> None:
    endless = Service(address="localhost:1", mode="coordinated")
    with pytest.raises(ConfigError, match="expected a job_name"):
        Service.make(address="localhost:1", num_consumers=2)
    with pytest.raises(ConfigError, match="coordinated reads have no end"):
        make_source("example", data).read(batch_size=8, epochs=2, service=endless)
    with pytest.raises(EnvironmentFailure, match=r"no dispatcher .* answers at localhost:1 for 1\.0 s"):
        make_source("example", data).read(batch_size=8, service=Service(address="localhost:1", timeout_s=1))
    with pytest.raises(ConfigError, match="expected HOST:PORT, received 'localhost'"):
        make_source("example", data).read(batch_size=8, service="localhost")
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailure, match="the dispatcher cannot start"):
        start_dispatcher(0, str(tmp_path / "file" / "journal"))
