"""`largest_first`: an epoch begins with its largest batches; every row comes once, in a seeded order."""

from typing import Any

import pytest
import tensorflow as tf

import lengthwise as lw
from feed.conftest import BOUNDARIES, Data, make_source
from lengthwise.errors import ConfigError

BUDGET = 256
READ: dict[str, dict[str, Any]] = {
    "example": {},
    "example, one worker of two": {"num_shards": 2, "index": 1},
    "block": {},
    "block, cropped": {"crop": 24, "max_shapes": 4, "drop_remainder": True},
    "raw": {"boundaries": BOUNDARIES},
}


def shape(batch: Any) -> tuple[int, int]:
    rows, steps = batch["item"].shape
    return rows * steps, steps


def most_of_both(shapes: list[tuple[int, int]]) -> int:
    """The number of first batches that no later batch exceeds in padded steps or T."""
    for count in range(1, len(shapes)):
        if all(any(p <= padded and t <= steps for padded, steps in shapes[:count]) for p, t in shapes[count:]):
            return count
    return len(shapes)


@pytest.mark.parametrize("name", READ)
def test_no_later_batch_exceeds_the_first_ones(name: str, data: Data, tmp_path: Any) -> None:
    def read() -> Any:
        options = {"batch_steps": BUDGET, "window": 400, "seed": 6, "features": ["item", "record"], **READ[name]}
        return make_source(name.split(",")[0], data).read(largest_first=True, epochs=2, **options)

    dataset = read()
    iterator = iter(dataset)
    batches = [next(iterator) for _ in range(4)]
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "iterator"))
    batches += list(iterator)
    again = iter(read())
    tf.train.Checkpoint(iterator=again).restore(path)
    numbers = [batch["record"].numpy().tolist() for batch in batches]
    assert [batch["record"].numpy().tolist() for batch in again] == numbers[4:]

    total = sum(map(len, numbers)) // 2
    half = next(position for position in range(len(numbers)) if sum(map(len, numbers[:position])) == total)
    assert numbers[:half] != numbers[half:]
    for epoch in (batches[:half], batches[half:]):
        shapes = [shape(batch) for batch in epoch]
        assert most_of_both(shapes) <= 3
        assert shapes[0][1] == max(steps for _, steps in shapes)
        assert max(padded for padded, _ in shapes) <= BUDGET
    if "drop_remainder" not in READ[name]:
        whole = [record for part in numbers[:half] for record in part]
        assert len(whole) == len(set(whole))
        assert total == len(data.samples) // READ[name].get("num_shards", 1)


def test_the_largest_elements_of_other_datasets_come_first() -> None:
    steps = tf.ragged.range([*[3] * 60, 30, *[2] * 60, 9])
    elements = tf.data.Dataset.from_tensor_slices({"x": steps})
    batches = list(elements.apply(lw.batch_by_steps(64, largest_first=True, boundaries=[4, 10, 30], multiple_of=1)))
    assert [tuple(batch["x"].shape) for batch in batches[:2]] == [(2, 30), (16, 4)]
    assert sorted(int(length) for batch in batches for length in batch["sequence_length"]) == [2] * 60 + [3] * 60 + [
        9,
        30,
    ]


def test_incompatible_options_are_refused(data: Data) -> None:
    with pytest.raises(ConfigError, match="expected either service or largest_first"):
        lw.Options(batch_steps=64, largest_first=True, service="localhost:1")
    with pytest.raises(ConfigError, match=r"largest_first: requires boundaries \(of a job: buckets\.boundaries"):
        make_source("raw", data).read(batch_steps=BUDGET, largest_first=True)
    with pytest.raises(ConfigError, match="largest_first: requires boundaries"):
        lw.batch_by_steps(64, largest_first=True)
