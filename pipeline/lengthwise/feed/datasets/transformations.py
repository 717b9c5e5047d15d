"""tf.data's transformations, with functions that an iterator gets ready in a tenth of the time.

    function ─ traced ─ marked as one for a single device ─> the op's function

Each iterator prepares every function anew. TensorFlow takes a function for one that may need several devices, unless it
has the attribute that `tf.data` sets on its own functions for accelerators: then it places and optimizes it as a whole
program, 10 ms and more each. The functions of this package run on the host alone. `Dataset.map` and the others offer
neither this attribute nor all that the ops do.

A function takes what tf.data's would: the parts of a tuple, or the element. Elements hold tensors alone, in dicts and
tuples, no ragged ones.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

ONE_DEVICE = {"experimental_ints_on_device": True}
"""The attribute."""


def mapped(dataset: Any, function: Callable[..., Any], parallel: int | None = None, *, alone: bool = False) -> Any:
    """`dataset.map(function)`, in order.

    Args:
        dataset: of any elements.
        function: from an element to another.
        parallel: how many elements are worked on at once; None for one, when it is asked for.
        alone: whether the function's ops run one after the other, in the thread that asks for the element: for such
            small ones that handing them to other threads would cost several times what they take.
    """
    traced, spec = _traced(function, dataset.element_spec)
    given: dict[str, Any] = {"use_inter_op_parallelism": not alone, "preserve_cardinality": True}
    if parallel is None:
        return _made(tf.raw_ops.MapDataset, dataset, traced, spec, **given)
    number = tf.constant(parallel, tf.int64)
    return _made(
        tf.raw_ops.ParallelMapDatasetV2, dataset, traced, spec, num_parallel_calls=number, deterministic="true", **given
    )


def flat_mapped(dataset: Any, function: Callable[..., Any]) -> Any:
    """`dataset.flat_map(function)`."""
    traced, spec = _traced_dataset(function, dataset.element_spec)
    return _made(tf.raw_ops.FlatMapDataset, dataset, traced, spec)


def interleaved(
    dataset: Any, function: Callable[..., Any], cycle: Any, *, threads: bool = True, ahead: int = tf.data.AUTOTUNE
) -> Any:
    """`dataset.interleave(function)` by turns of one element, in order.

    Args:
        dataset: of any elements.
        function: from an element to a dataset.
        cycle: how many of these datasets are read in turn.
        threads: whether each is read in a thread of its own.
        ahead: how many elements of each wait, and how many datasets beyond the cycle's.
    """
    traced, spec = _traced_dataset(function, dataset.element_spec)
    turns = {"cycle_length": tf.cast(cycle, tf.int64), "block_length": tf.constant(1, tf.int64)}
    if not threads:
        return _made(tf.raw_ops.InterleaveDataset, dataset, traced, spec, **turns)
    waiting = {"buffer_output_elements": ahead, "prefetch_input_elements": ahead, "num_parallel_calls": cycle}
    waiting = {name: tf.cast(number, tf.int64) for name, number in waiting.items()}
    return _made(
        tf.raw_ops.ParallelInterleaveDatasetV4, dataset, traced, spec, **turns, **waiting, deterministic="true"
    )


def scanned(dataset: Any, state: Any, function: Callable[[Any, Any], tuple[Any, Any]]) -> Any:
    """`dataset.scan(state, function)`; vectors of the state may change their lengths."""
    state = tf.nest.map_structure(tf.convert_to_tensor, state)
    open_state = tf.nest.map_structure(lambda part: tf.TensorSpec([None] * part.shape.rank, part.dtype), state)
    results: list[Any] = []

    def step(state: Any, element: Any) -> tuple[Any, Any]:
        state, result = function(state, element)
        results.append(_spec_of(result))
        return state, result

    traced, _ = _traced(step, (open_state, dataset.element_spec))
    initial = tf.nest.flatten(state)
    return _made(tf.raw_ops.ScanDataset, dataset, traced, results[-1], initial_state=initial, preserve_cardinality=True)


def filtered(dataset: Any, predicate: Callable[..., Any]) -> Any:
    """`dataset.filter(predicate)`."""
    traced, _ = _traced(predicate, dataset.element_spec)
    return _made(tf.raw_ops.FilterDataset, dataset, traced, dataset.element_spec, function="predicate")


def _traced(function: Callable[..., Any], spec: Any) -> tuple[Any, Any]:
    """The function on flat tensors, and what it returns."""
    results: list[Any] = []

    def flat(*tensors: Any) -> list[Any]:
        given = iter(tensors)
        element = tf.nest.map_structure(lambda part: None if _is_none(part) else next(given), spec)
        result = function(*element) if type(spec) is tuple else function(element)
        result = tf.nest.map_structure(lambda part: part if part is None else tf.convert_to_tensor(part), result)
        results.append(_spec_of(result))
        return [part for part in tf.nest.flatten(result) if part is not None]

    made = tf.function(flat, autograph=False, experimental_attributes=ONE_DEVICE)
    return made.get_concrete_function(*_parts(spec)), results[-1]


def _traced_dataset(function: Callable[..., Any], spec: Any) -> tuple[Any, Any]:
    """The function on flat tensors, and the elements of the dataset that it returns."""
    results: list[Any] = []

    def make(*element: Any) -> Any:
        result = function(*element)
        results.append(result.element_spec)
        return tf.data.experimental.to_variant(result)

    traced, _ = _traced(make, spec)
    return traced, results[-1]


def _spec_of(result: Any) -> Any:
    return tf.nest.map_structure(
        lambda part: tf.NoneTensorSpec() if part is None else tf.TensorSpec(part.shape, part.dtype), result
    )


def _parts(spec: Any) -> list[Any]:
    """What a flat element has a tensor for."""
    return [part for part in tf.nest.flatten(spec) if not _is_none(part)]


def _is_none(part: Any) -> bool:
    return isinstance(part, tf.NoneTensorSpec)


def _made(op: Any, dataset: Any, traced: Any, spec: Any, function: str = "f", **given: Any) -> Any:
    parts = _parts(spec)
    variant = op(
        input_dataset=tf.data.experimental.to_variant(dataset),
        other_arguments=traced.captured_inputs,
        output_types=[part.dtype for part in parts],
        output_shapes=[part.shape for part in parts],
        **{function: traced},
        **given,
    )
    return tf.data.experimental.from_variant(variant, spec)
