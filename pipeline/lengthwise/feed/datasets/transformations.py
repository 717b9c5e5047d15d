"""tf.data's transformations, with functions that an iterator instantiates in a tenth of the time.

    function ─ traced ─ marked as single-device ─> the op's function

Each iterator instantiates every function again. TensorFlow assumes that a function may need several devices and then
places and optimizes it as a whole program, which takes 10 ms and more, unless the function has the attribute that
`tf.data` sets on its own functions for accelerators. The functions of this package run only on the host. `Dataset.map`
and the other methods support neither this attribute nor all arguments of the ops.

A function has the same arguments as in tf.data: the parts of a tuple, or the element. Elements are tensors in dicts and
tuples, without ragged tensors.
"""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from lengthwise.tensor.tensor_types import ConcreteFunction, Dataset, Structure, StructureSpec, Tensor, TensorSpec

ONE_DEVICE = {"experimental_ints_on_device": True}
"""The attribute that marks single-device functions."""


def mapped(
    dataset: Dataset, function: Callable[..., Structure], parallel: int | None = None, *, alone: bool = False
) -> Dataset:
    """`dataset.map(function)`, in order.

    Args:
        dataset: any dataset.
        function: from an element to an element.
        parallel: how many elements are processed at once; None for one, on request.
        alone: whether the function's ops run one after the other, in the thread of the consumer: for ops so small
            that scheduling them on other threads costs several times their own time.
    """
    traced, spec = _traced(function, dataset.element_spec)
    arguments: dict[str, Any] = {"use_inter_op_parallelism": not alone, "preserve_cardinality": True}
    if parallel is None:
        return with_function(tf.raw_ops.MapDataset, dataset, traced, spec, **arguments)
    arguments |= {"num_parallel_calls": tf.constant(parallel, tf.int64), "deterministic": "true"}
    return with_function(tf.raw_ops.ParallelMapDatasetV2, dataset, traced, spec, **arguments)


def flat_mapped(dataset: Dataset, function: Callable[..., Dataset]) -> Dataset:
    """`dataset.flat_map(function)`."""
    traced, spec = _traced_dataset(function, dataset.element_spec)
    return with_function(tf.raw_ops.FlatMapDataset, dataset, traced, spec)


def interleaved(
    dataset: Dataset,
    function: Callable[..., Dataset],
    cycle: Tensor | int,
    *,
    threads: bool = True,
    ahead: int = tf.data.AUTOTUNE,
) -> Dataset:
    """`dataset.interleave(function)` with one element per turn, in order.

    Args:
        dataset: any dataset.
        function: from an element to a dataset.
        cycle: how many of these datasets are read in turn.
        threads: whether each is read in a separate thread.
        ahead: how many elements of each are prefetched, and how many datasets beyond the cycle's.
    """
    traced, spec = _traced_dataset(function, dataset.element_spec)
    turns = {"cycle_length": tf.cast(cycle, tf.int64), "block_length": tf.constant(1, tf.int64)}
    if not threads:
        return with_function(tf.raw_ops.InterleaveDataset, dataset, traced, spec, **turns)
    numbers = {"buffer_output_elements": ahead, "prefetch_input_elements": ahead, "num_parallel_calls": cycle}
    parallel = {name: tf.cast(number, tf.int64) for name, number in numbers.items()}
    return with_function(
        tf.raw_ops.ParallelInterleaveDatasetV4, dataset, traced, spec, **turns, **parallel, deterministic="true"
    )


def scanned(
    dataset: Dataset, state: Structure, function: Callable[[Structure, Structure], tuple[Structure, Structure]]
) -> Dataset:
    """`dataset.scan(state, function)`; vectors of the state may change in length."""
    state = tf.nest.map_structure(tf.convert_to_tensor, state)
    open_state = tf.nest.map_structure(lambda part: tf.TensorSpec([None] * part.shape.rank, part.dtype), state)
    results: list[StructureSpec] = []

    def step(state: Structure, element: Structure) -> tuple[Structure, Structure]:
        state, result = function(state, element)
        results.append(_spec_of(result))
        return state, result

    traced, _ = _traced(step, (open_state, dataset.element_spec))
    initial = tf.nest.flatten(state)
    return with_function(
        tf.raw_ops.ScanDataset, dataset, traced, results[-1], initial_state=initial, preserve_cardinality=True
    )


def filtered(dataset: Dataset, predicate: Callable[..., Tensor]) -> Dataset:
    """`dataset.filter(predicate)`."""
    traced, _ = _traced(predicate, dataset.element_spec)
    return with_function(tf.raw_ops.FilterDataset, dataset, traced, dataset.element_spec, function="predicate")


def _traced(function: Callable[..., Structure], spec: StructureSpec) -> tuple[ConcreteFunction, StructureSpec]:
    """The function on flat tensors, and the spec of its result."""
    results: list[StructureSpec] = []

    def flat(*tensors: Tensor) -> list[Tensor]:
        remaining = iter(tensors)
        element = tf.nest.map_structure(lambda part: None if _is_none(part) else next(remaining), spec)
        result = function(*element) if type(spec) is tuple else function(element)
        result = tf.nest.map_structure(lambda part: part if part is None else tf.convert_to_tensor(part), result)
        results.append(_spec_of(result))
        return [part for part in tf.nest.flatten(result) if part is not None]

    concrete = tf.function(flat, autograph=False, experimental_attributes=ONE_DEVICE)
    return concrete.get_concrete_function(*_parts(spec)), results[-1]


def _traced_dataset(function: Callable[..., Dataset], spec: StructureSpec) -> tuple[ConcreteFunction, StructureSpec]:
    """The function on flat tensors, and the spec of the elements of the dataset that it returns."""
    results: list[StructureSpec] = []

    def make(*element: Structure) -> Tensor:
        result = function(*element)
        results.append(result.element_spec)
        return tf.data.experimental.to_variant(result)

    traced, _ = _traced(make, spec)
    return traced, results[-1]


def _spec_of(result: Structure) -> StructureSpec:
    return tf.nest.map_structure(
        lambda part: tf.NoneTensorSpec() if part is None else tf.TensorSpec(part.shape, part.dtype), result
    )


def _parts(spec: StructureSpec) -> list[TensorSpec]:
    """The specs that have a tensor in a flat element."""
    return [part for part in tf.nest.flatten(spec) if not _is_none(part)]


def _is_none(part: TensorSpec) -> bool:
    return isinstance(part, tf.NoneTensorSpec)


def with_function(
    op: Callable[..., Tensor],
    dataset: Dataset,
    traced: ConcreteFunction,
    spec: StructureSpec,
    function: str = "f",
    **arguments: Any,
) -> Dataset:
    """The dataset of an op with a traced function, which is the op's argument of the name `function`."""
    return dataset_of(op, dataset, spec, other_arguments=traced.captured_inputs, **{function: traced}, **arguments)


def dataset_of(op: Callable[..., Tensor], dataset: Dataset, spec: StructureSpec, **arguments: Any) -> Dataset:
    """The dataset that an op of `tf.raw_ops` returns for a dataset; `spec`: of its elements."""
    parts = _parts(spec)
    variant = op(
        input_dataset=tf.data.experimental.to_variant(dataset),
        output_types=[part.dtype for part in parts],
        output_shapes=[part.shape for part in parts],
        **arguments,
    )
    return tf.data.experimental.from_variant(variant, spec)
