"""Every reader, every layout: each record once and complete, with documented padding, within the budget, seeded."""

import numpy as np
import pytest
import tensorflow as tf

from feed.conftest import BOUNDARIES, Data, Source, make_source
from feed.samples import expected
from lengthwise.errors import ConfigError

BUDGET = 256


def ids(dataset) -> list[list[int]]:
    """The records' numbers, batch by batch."""
    return [batch["record"].numpy().tolist() for batch in dataset]


def flat(batches: list[list[int]]) -> list[int]:
    return [number for batch in batches for number in batch]


def test_an_epoch_has_every_record_once_and_complete(every_source: Source, data: Data) -> None:
    numbers = []
    for batch in every_source.read(batch_steps=BUDGET, window=200):
        rows = {key: value.numpy() for key, value in batch.items()}
        steps = rows["item"].shape[1]
        for row, number in enumerate(rows["record"].tolist()):
            numbers.append(number)
            for key, values in expected(data.samples[number], steps).items():
                np.testing.assert_array_equal(rows[key][row], values, err_msg=key)
    assert sorted(numbers) == list(range(len(data.samples)))


def test_no_batch_exceeds_the_budget_and_rows_are_multiples_of_eight(source: Source) -> None:
    shapes = [batch["item"].shape.as_list() for batch in source.read(batch_steps=BUDGET)]
    assert all(rows * steps <= BUDGET for rows, steps in shapes)
    assert sum(rows % 8 != 0 for rows, steps in shapes if 8 * steps <= BUDGET) <= len(BOUNDARIES)


def test_batches_have_known_dtypes_and_ranks(every_source: Source) -> None:
    spec = {
        key: (value.dtype.name, value.shape.rank) for key, value in every_source.read(batch_size=8).element_spec.items()
    }
    assert spec == {
        "item": ("int64", 2),
        "tags": ("int64", 3),
        "tag_weight": ("float32", 3),
        "word": ("int64", 2),
        "value": ("float32", 2),
        "pair": ("float32", 3),
        "count": ("int64", 2),
        "device": ("int64", 1),
        "topics": ("int64", 2),
        "topic_weight": ("float32", 2),
        "topics_count": ("int64", 1),
        "record": ("int64", 1),
        "y": ("float32", 1),
        "w": ("float32", 1),
        "name": ("string", 2),
        "sequence_length": ("int64", 1),
    }


def test_the_example_layout_knows_its_length_and_pads_to_the_boundaries(data: Data) -> None:
    from lengthwise.feed import read_prepared

    dataset = read_prepared(data.folders["example"], "train", batch_steps=BUDGET, epochs=2)
    steps = [batch["item"].shape[1] for batch in dataset]
    assert len(dataset) == len(steps)
    assert set(steps) == set(BOUNDARIES)


def test_the_same_seed_gives_the_same_order_and_each_epoch_differs(source: Source, data: Data) -> None:
    first, again, other = (ids(source.read(batch_steps=BUDGET, window=200, seed=seed, epochs=2)) for seed in (1, 1, 2))
    assert first == again != other
    first_epoch, second_epoch = flat(first)[: len(data.samples)], flat(first)[len(data.samples) :]
    assert sorted(first_epoch) == sorted(second_epoch)
    assert first_epoch != second_epoch


def test_iterating_again_gives_the_next_epoch(source: Source) -> None:
    dataset = source.read(batch_steps=BUDGET, seed=3)
    first, second = ids(dataset), ids(dataset)
    assert first != second
    assert sorted(flat(first)) == sorted(flat(second))


def test_batches_contain_other_records_in_each_epoch(source: Source) -> None:
    dataset = source.read(batch_steps=BUDGET, window=200)
    first, second = ({frozenset(batch) for batch in ids(dataset)} for _ in range(2))
    assert len(first & second) <= len(first) / 4


def test_a_global_seed_changes_nothing(data: Data) -> None:
    read = make_source("block", data).read
    before = ids(read(batch_steps=256, seed=3))
    tf.random.set_seed(5)
    try:
        assert ids(read(batch_steps=256, seed=3)) == before
    finally:
        tf.random.set_seed(None)


def test_without_shuffling_the_order_is_always_the_same(source: Source) -> None:
    dataset = source.read(batch_steps=BUDGET, shuffle=False)
    assert ids(dataset) == ids(dataset)


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_share_an_epoch_evenly(source: Source, data: Data, workers: int) -> None:
    parts = [flat(ids(source.read(batch_steps=BUDGET, num_shards=workers, index=i))) for i in range(workers)]
    assert sorted(flat(parts)) == list(range(len(data.samples)))
    if source.name == "example":
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(("workers", "policy"), [(1, "DATA"), (2, "OFF")])
def test_distribution_does_not_divide_the_data_twice(source: Source, workers: int, policy: str) -> None:
    options = source.read(batch_steps=BUDGET, num_shards=workers).options()
    assert options.experimental_distribute.auto_shard_policy.name == policy
    assert options.deterministic


def test_workers_of_the_example_layout_step_equally_often_without_remainders(data: Data) -> None:
    from lengthwise.feed import read_prepared

    options = {"batch_steps": BUDGET, "num_shards": 3, "drop_remainder": True}
    parts = [read_prepared(data.folders["example"], "train", index=i, **options) for i in range(3)]
    shapes = [[batch["item"].shape.as_list() for batch in part] for part in parts]
    assert shapes[0] == shapes[1] == shapes[2]


def test_batches_have_batch_size_rows(source: Source, data: Data) -> None:
    whole = [len(batch) for batch in ids(source.read(batch_size=16))]
    assert sum(whole) == len(data.samples)
    assert max(whole) == 16
    assert {len(batch) for batch in ids(source.read(batch_size=16, drop_remainder=True))} == {16}


@pytest.mark.parametrize("epochs", [1, None])
def test_batches_larger_than_any_bucket_that_are_dropped_are_an_error(data: Data, epochs: int | None) -> None:
    with pytest.raises(
        ConfigError, match="drop_remainder: expected at least one batch, but no bucket of the split 'train'"
    ):
        make_source("example", data).read(batch_size=10_000, drop_remainder=True, epochs=epochs)
