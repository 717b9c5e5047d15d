"""`batch_by_steps` over any dataset: each element once and complete, within the budget, in a seeded order."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import lengthwise as lw
from feed.conftest import Data
from feed.samples import all_columns
from lengthwise.errors import ConfigError

BUDGET = 24
X = tf.TensorSpec([None], tf.int32)
LIMITS = (2, 5, 12)
FORMS: dict[str, dict[str, Any]] = {
    "as they come": {"multiple_of": 1},
    "multiples": {},
    "in order": {"shuffle": False},
    "small windows": {"window": 5, "multiple_of": 2},
    "boundaries": {"boundaries": LIMITS},
    "few shapes": {"boundaries": LIMITS, "max_shapes": 3, "window": 7, "multiple_of": 4},
    "full batches": {"boundaries": LIMITS, "max_shapes": 3, "drop_remainder": True},
}


class Varying:
    """A dataset whose elements are set before each iteration: its graph is built once."""

    def __init__(self, **options: Any) -> None:
        self.lengths: list[int] = []
        spec = {"step": tf.TensorSpec([None], tf.int32), "number": tf.TensorSpec([], tf.int64)}
        elements = tf.data.Dataset.from_generator(
            self._elements, output_signature=(spec, tf.TensorSpec([None, 2], tf.float32))
        )
        self.batches = elements.apply(lw.batch_by_steps(BUDGET, padding_values={"step": -1}, **options))

    def _elements(self) -> Iterator[Any]:
        for number, length in enumerate(self.lengths):
            step = np.arange(length) + 100 * number
            yield {"step": step, "number": number}, np.stack([step, -step], axis=1)


@pytest.fixture(scope="module", params=FORMS)
def varying(request: pytest.FixtureRequest) -> tuple[Varying, dict[str, Any]]:
    return Varying(**FORMS[request.param]), FORMS[request.param]


@settings(max_examples=12)
@given(lengths=st.lists(st.integers(0, LIMITS[-1]), max_size=40))
def test_each_element_occurs_once_and_complete(varying: tuple[Varying, dict[str, Any]], lengths: list[int]) -> None:
    elements, options = varying
    elements.lengths = lengths
    numbers, shapes = [], set()
    for features, labels, weights in elements.batches.as_numpy_iterator():
        rows, steps = features["step"].shape
        shapes.add((rows, steps))
        assert rows * steps <= BUDGET
        assert steps in LIMITS if "boundaries" in options else steps == max(features["sequence_length"].max(), 1)
        real = weights.any(1) | (features["sequence_length"] == 0)
        for row in np.flatnonzero(real):
            length, number = features["sequence_length"][row], features["number"][row]
            assert length == lengths[number]
            numbers.append(number)
            step = np.arange(length) + 100 * number
            pad = steps - length
            np.testing.assert_array_equal(features["step"][row], np.pad(step, (0, pad), constant_values=-1))
            np.testing.assert_array_equal(labels[row], np.pad(np.stack([step, -step], 1), ((0, pad), (0, 0))))
            np.testing.assert_array_equal(weights[row], np.pad(np.ones(length), (0, pad)))
    assert len(numbers) == len(set(numbers))
    assert options.get("drop_remainder") or sorted(numbers) == list(range(len(lengths)))
    assert "max_shapes" not in options or len(shapes) <= len(LIMITS)


def numbered(lengths: Any) -> Any:
    """Elements of these lengths, with consecutive numbers as steps."""
    ragged = tf.RaggedTensor.from_row_lengths(tf.range(sum(lengths)), lengths)
    return tf.data.Dataset.from_tensor_slices({"x": ragged})


def test_the_seed_sets_the_order_and_each_iteration_differs() -> None:
    lengths = np.random.default_rng(0).integers(1, 12, 200)
    elements = tf.data.Dataset.from_tensor_slices(
        {"x": tf.RaggedTensor.from_row_lengths(tf.range(sum(lengths)), lengths)}
    )

    def order(dataset: Any) -> list[list[int]]:
        return [batch["x"][:, 0].numpy().tolist() for batch in dataset]

    def two(**options: Any) -> list[Any]:
        dataset = elements.apply(lw.batch_by_steps(48, **options))
        return [order(dataset), order(dataset)]

    first, again, other = two(seed=1), two(seed=1), two(seed=2)
    assert first == again
    assert first[0] != first[1] != other[0] != first[0]
    straight = two(shuffle=False)
    assert straight[0] == straight[1] == sorted(straight[0], key=lambda rows: -len(rows), reverse=True)
    by_chance = two(seed=None)
    assert by_chance[0] != by_chance[1]


def test_batches_are_those_that_the_readers_make(data: Data) -> None:
    given: dict[str, Any] = {"batch_steps": 256, "shuffle": False, "window": 100}
    columns = all_columns()[4:]
    read = lw.read_raw(data.files[:1], columns=columns, **given)
    single = lw.read_raw(data.files[:1], columns=columns, batch_size=1, window=1, shuffle=False).unbatch()
    elements = single.apply(lw.batch_by_steps(padding_values={"pair": -1.0, "count": 7}, **given))
    pairs = list(zip(read.as_numpy_iterator(), elements.as_numpy_iterator(), strict=True))
    assert len(pairs) > 10
    for expected, batch in pairs:
        assert batch.keys() == expected.keys()
        for key, values in expected.items():
            np.testing.assert_array_equal(batch[key], values, err_msg=key)


def test_every_dtype_and_both_kinds_of_tensors_are_padded() -> None:
    elements = tf.data.Dataset.from_tensor_slices(
        (
            {
                "text": tf.ragged.constant([["a"], ["b", "c"]]),
                "seen": tf.ragged.constant([[True], [True, True]]),
                "image": tf.ragged.constant([[[[1.0], [2.0]]], [[[3.0], [4.0]], [[5.0], [6.0]]]], inner_shape=(2, 1)),
                "half": tf.cast(tf.ragged.constant([[1.0], [2.0, 3.0]]), tf.float16),
                "user": tf.constant(["u", "v"]),
                "pair": tf.constant([[1, 2], [3, 4]], tf.uint8),
            },
            {"step": tf.ragged.constant([[1], [2, 3]]), "row": tf.constant([0.5, 1.5])},
            {"step": tf.constant([2.0, 3.0]), "row": tf.constant([4.0, 5.0])},
        )
    )
    padding = ({"text": "-"}, {"step": -100})
    batches = elements.apply(lw.batch_by_steps(8, shuffle=False, padding_values=padding))
    features, labels, weights = next(batches.as_numpy_iterator())
    assert batches.element_spec[0]["image"].shape.as_list() == [None, None, 2, 1]
    expected = {
        "text": [[b"b", b"c"], [b"a", b"-"]],
        "seen": [[True, True], [True, False]],
        "image": [[[[3.0], [4.0]], [[5.0], [6.0]]], [[[1.0], [2.0]], [[0.0], [0.0]]]],
        "half": np.array([[2, 3], [1, 0]], np.float16),
        "user": [b"v", b"u"],
        "pair": np.array([[3, 4], [1, 2]], np.uint8),
        "sequence_length": [2, 1],
    }
    assert features.keys() == expected.keys()
    for key, values in expected.items():
        np.testing.assert_array_equal(features[key], values, err_msg=key)
    np.testing.assert_array_equal(labels["step"], [[2, 3], [1, -100]])
    np.testing.assert_array_equal(labels["row"], [1.5, 0.5])
    np.testing.assert_array_equal(weights["step"], [[3.0, 3.0], [2.0, 0.0]])
    np.testing.assert_array_equal(weights["row"], [5.0, 4.0])


def test_padding_of_elements_is_removed() -> None:
    rows = [
        {"x": [1, 2, 9], "sequence_length": 2},
        {"x": [3, 9], "sequence_length": 1},
        {"x": [], "sequence_length": 0},
    ]
    spec = {"x": X, "sequence_length": tf.TensorSpec([], tf.int32)}
    opened = tf.data.Dataset.from_generator(lambda: iter(rows), output_signature=spec)
    batch = next(opened.apply(lw.batch_by_steps(8, shuffle=False)).as_numpy_iterator())
    assert batch["x"].tolist() == [[1, 2], [3, 0], [0, 0]]
    assert batch["sequence_length"].tolist() == [2, 1, 0]


def test_data_without_end_and_data_without_elements() -> None:
    elements = tf.data.Dataset.from_tensor_slices({"x": tf.ragged.constant([[1, 1], [2], [3]])})
    endless = elements.repeat().apply(lw.batch_by_steps(16, window=30))
    total = sum(np.bincount(batch["x"][:, 0], minlength=4) for batch in endless.take(40).as_numpy_iterator())
    assert min(total[1:]) > 50
    assert list(elements.take(0).apply(lw.batch_by_steps(16))) == []


def test_a_saved_iterator_continues_with_the_next_batch(tmp_path: Any) -> None:
    lengths = np.random.default_rng(0).integers(1, 12, 100)
    elements = tf.data.Dataset.from_tensor_slices(
        {"x": tf.RaggedTensor.from_row_lengths(tf.range(sum(lengths)), lengths)}
    )
    batches = elements.repeat(2).apply(lw.batch_by_steps(48, window=30))
    iterator = iter(batches)
    for _ in range(5):
        next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).save(str(tmp_path / "state"))
    rest = [batch["x"].numpy().tolist() for batch in iterator]
    restored = iter(batches)
    tf.train.Checkpoint(iterator=restored).restore(path)
    assert [batch["x"].numpy().tolist() for batch in restored] == rest


def test_keras_trains_on_it() -> None:
    import keras

    lengths = np.random.default_rng(0).integers(1, 12, 300)
    items = np.random.default_rng(1).integers(0, 9, sum(lengths))
    ragged = tf.RaggedTensor.from_row_lengths(tf.constant(items), lengths)
    elements = tf.data.Dataset.from_tensor_slices(({"item": ragged}, tf.cast(ragged > 4, tf.float32)[..., None]))
    train = elements.apply(lw.batch_by_steps(128))
    model = keras.Sequential(
        [
            lw.SequenceFeatures([lw.sequence_categorical_column_with_identity("item", 9)]),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy", weighted_metrics=["binary_accuracy"])
    assert model.fit(train, epochs=5, verbose=0).history["binary_accuracy"][-1] > 0.95


MISTAKES: list[tuple[Any, dict[str, Any], str]] = [
    ({"x": X}, {"batch_step": 8}, "expected a known field, received 'batch_step'; did you mean 'batch_steps'?"),
    ({"x": X}, {"batch_size": 8}, "expected either batch_steps"),
    ({"x": X}, {"boundaries": [3, 2]}, "boundaries"),
    ({"x": X}, {"max_shapes": 2}, "max_shapes: requires boundaries"),
    ({"x": X}, {"max_shapes": 1, "boundaries": [1, 2]}, "max_shapes: expected at least 2, the number of boundaries"),
    ({"x": X}, {"boundaries": [99]}, "batch_steps: expected at least 99, the last boundary, received 8"),
    ({"x": X}, {"max_shapes": 1, "boundaries": [2]}, "needs elements with labels"),
    ({"x": X}, {"padding_values": {"y": 1}}, "padding_values: features/y is not per step in the elements"),
    ({"x": X}, {"padding_values": {"x": "a"}}, "padding_values: features/x: expected a int32, received 'a'"),
    (X, {}, "expected elements that are a dict of features"),
    ({"x": tf.TensorSpec([3], tf.int32)}, {}, "expected features of variable length, with an unknown first dimension"),
    ({"x": tf.TensorSpec([None, None], tf.int32)}, {}, "features/x: expected steps of a fixed shape"),
    ({"x": tf.TensorSpec(None, tf.int32)}, {}, "features/x: expected a tensor of known rank"),
    ({"x": tf.SparseTensorSpec([None], tf.int32)}, {}, "features/x: expected a tensor or a ragged tensor, received a"),
    (
        ({"x": X}, {"a": X, "b": tf.TensorSpec([], tf.int32)}),
        {},
        "labels: expected either all of them per step, or none",
    ),
]


@pytest.mark.parametrize(("spec", "options", "message"), MISTAKES)
def test_mistakes_are_found_before_data_is_read(spec: Any, options: dict[str, Any], message: str) -> None:
    elements = tf.data.Dataset.from_generator(lambda: iter(()), output_signature=spec)
    with pytest.raises(ConfigError, match=re.escape(message)):
        elements.apply(lw.batch_by_steps(8, **options))


BAD_DATA: list[tuple[Any, dict[str, Any], str]] = [
    ({"x": [[1, 2, 3]], "y": [[1]]}, {}, "features/y: expected the same number of steps in each element as features/x"),
    ({"x": [[1, 2, 3]], "sequence_length": [4]}, {}, "features/x: expected the same number of steps"),
    ({"x": [list(range(9))]}, {}, "batch_steps=8 steps, received a longer one; raise batch_steps, or pass over_"),
    ({"x": [[1, 2, 3]]}, {"boundaries": [2]}, "expected sequences of at most 2 steps, the last boundary"),
]


@pytest.mark.parametrize(("rows", "options", "message"), BAD_DATA)
def test_elements_that_are_too_long_or_uneven_are_an_error(rows: Any, options: dict[str, Any], message: str) -> None:
    tensors = {key: tf.ragged.constant(value) if key != "sequence_length" else value for key, value in rows.items()}
    elements = tf.data.Dataset.from_tensor_slices(tensors)
    with pytest.raises(tf.errors.InvalidArgumentError, match=re.escape(message)):
        list(elements.apply(lw.batch_by_steps(8, **options)))
