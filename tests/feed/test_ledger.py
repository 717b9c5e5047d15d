"""The ledger of a tf.data service epoch: readers only see complete numbers."""

import os
import threading
from typing import Any

import tensorflow as tf

from lengthwise.feed import Service
from lengthwise.feed.service.consumer_ledger import exchange


def service(ledger: Any, index: int, consumers: int = 2) -> Service:
    return Service(address="x", job_name="j", num_consumers=consumers, consumer_index=index, ledger=str(ledger))


def test_no_reader_sees_a_partly_written_entry(tmp_path: Any) -> None:
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    numbers, contents, over = {10**6 + index for index in range(1500)}, set(), threading.Event()

    def poll() -> None:
        while not over.is_set():
            try:
                contents.add((ledger / "epoch-0").read_text())
            except FileNotFoundError:
                continue

    readers = [threading.Thread(target=poll) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for number in sorted(numbers):
            exchange(tf.constant(number, tf.int64), service(ledger, 0), tf.constant("epoch"))
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert {text for text in contents if not text.isdecimal() or int(text) not in numbers} == set()
    assert os.listdir(ledger) == ["epoch-0"]


def test_only_consumers_that_have_ended_are_read(tmp_path: Any) -> None:
    name = tf.constant("epoch[0-9]*")  # a name is not a pattern
    for other in ("epoch0-0", "epoch[0-9]*-9", "epoch[0-9]*-1.abc.tmp"):
        (tmp_path / other).write_text("77")
    assert exchange(tf.constant(3, tf.int64), service(tmp_path, 1), name).numpy().tolist() == [3]
    assert exchange(tf.constant(5, tf.int64), service(tmp_path, 0), name).numpy().tolist() == [5, 3]
    assert exchange(tf.constant(4, tf.int64), service(tmp_path, 0), name).numpy().tolist() == [4, 3]
