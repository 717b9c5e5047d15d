"""Layers for packed rows, which contain several sequences: an attention mask, and one vector per sequence."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import keras
from keras import ops

from lengthwise.columns import RESERVED_KEY, packed_keys
from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import BackendTensor, FeatureTensor, FeatureTensors, KerasConfig

Reduce = Literal["mean", "sum", "first", "last"]


@keras.saving.register_keras_serializable(package="lengthwise")
class SegmentMask(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """The attention mask of packed rows: a step attends to the steps of its own sequence, padding to padding.

    Every step attends to at least one step, so softmax is defined everywhere, also in fused kernels. From one group to
    another, for example from a decoder's steps to an encoder's, a step attends to the steps of the same sequence in the
    other group, and padding to all steps.

    Args:
        causal: whether a step does not attend to later steps; only within one group.
        heads_axis: whether the mask has an axis of size 1 for the heads, for `keras.ops.dot_product_attention` and
            `jax.nn.dot_product_attention`; without it, it is a mask for `keras.layers.MultiHeadAttention`.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        segment_ids: integers `[batch, T]`: the number of each step's sequence in its row, 0 on padding.
        key_segment_ids: integers `[batch, S]`: those of another group, to whose steps this group attends; None: the
            same group.

    Input shape:
        `[batch, T]`.

    Output shape:
        Bool `[batch, T, T]`, queries by keys; with `heads_axis` `[batch, 1, T, T]`. With `key_segment_ids` the last
        axis has their size.

    Raises:
        ConfigError: `key_segment_ids` are given to a causal mask.

    Example:
    >>> import keras, lengthwise as lw
    >>> lw.SegmentMask(causal=True)(keras.ops.array([[1, 1, 2, 0]])).numpy().astype(int)[0].tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    """

    def __init__(self, causal: bool = False, heads_axis: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.causal = causal
        self.heads_axis = heads_axis

    def call(self, segment_ids: BackendTensor, key_segment_ids: BackendTensor | None = None) -> BackendTensor:
        self._check(key_segment_ids)
        keys = segment_ids if key_segment_ids is None else key_segment_ids
        mask = ops.equal(ops.expand_dims(segment_ids, 2), ops.expand_dims(keys, 1))
        if key_segment_ids is not None:
            mask = ops.logical_or(mask, ops.expand_dims(ops.equal(segment_ids, 0), 2))
        if self.causal:
            steps = ops.arange(ops.shape(segment_ids)[1])
            mask = ops.logical_and(mask, ops.expand_dims(steps, 1) >= ops.expand_dims(steps, 0))
        return ops.expand_dims(mask, 1) if self.heads_axis else mask

    def compute_output_spec(
        self, segment_ids: BackendTensor, key_segment_ids: BackendTensor | None = None
    ) -> keras.KerasTensor:
        self._check(key_segment_ids)
        batch, count = segment_ids.shape
        heads = (1,) if self.heads_axis else ()
        keys = count if key_segment_ids is None else key_segment_ids.shape[1]
        return keras.KerasTensor((batch, *heads, count, keys), dtype="bool")

    def _check(self, key_segment_ids: BackendTensor | None) -> None:
        if self.causal and key_segment_ids is not None:
            raise ConfigError(
                "causal: expected False for keys of another group, received key_segment_ids: the steps of two "
                "groups have no common order; create another SegmentMask() for them"
            )

    def get_config(self) -> KerasConfig:
        """The configuration."""
        return {**super().get_config(), "causal": self.causal, "heads_axis": self.heads_axis}


@keras.saving.register_keras_serializable(package="lengthwise")
class SegmentPooling(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """One vector per sequence of packed rows, zero if a row has fewer sequences.

    The output has a Keras mask, true for sequences: losses compute the mean over sequences.

    Args:
        reduce: `mean` or `sum` of the sequence's steps, or its `first` or `last` one.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: a list of the steps and of `sequence_length`: the lengths of each row's sequences, which follow one
            another from step 0.

    Input shape:
        Float `[batch, T, D]` and integers `[batch, S]`.

    Output shape:
        `[batch, S, D]`.

    Example:
    >>> import keras, lengthwise as lw
    >>> steps = keras.ops.array([[[1.0], [3.0], [7.0], [0.0]]])
    >>> lw.SegmentPooling("mean")([steps, keras.ops.array([[2, 1, 0]])]).numpy().tolist()
    [[[2.0], [7.0], [0.0]]]
    """

    def __init__(self, reduce: Reduce = "mean", **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        if reduce not in get_args(Reduce):
            raise ConfigError(f"reduce: expected 'mean', 'sum', 'first' or 'last', received {reduce!r}")
        self.reduce = reduce
        self.supports_masking = True

    def call(self, inputs: Sequence[BackendTensor], mask: object = None) -> BackendTensor:
        del mask
        steps, lengths = inputs
        lengths = ops.cast(lengths, "int32")
        ends = ops.cumsum(lengths, axis=1)
        starts = ends - lengths
        if self.reduce in ("first", "last"):
            indices = starts if self.reduce == "first" else ends - 1
            indices = ops.clip(indices, 0, ops.shape(steps)[1] - 1)
            vectors = ops.take_along_axis(steps, ops.expand_dims(indices, 2), axis=1)
            return ops.where(ops.expand_dims(lengths > 0, 2), vectors, 0)
        positions = ops.arange(ops.shape(steps)[1], dtype="int32")
        is_in_sequence = ops.logical_and(  # [B,S,T]
            positions >= ops.expand_dims(starts, 2), positions < ops.expand_dims(ends, 2)
        )
        total = ops.matmul(ops.cast(is_in_sequence, steps.dtype), steps)
        if self.reduce == "sum":
            return total
        return total / ops.cast(ops.expand_dims(ops.maximum(lengths, 1), 2), steps.dtype)

    def compute_mask(self, inputs: Sequence[BackendTensor], mask: object = None) -> BackendTensor | None:
        """Bool `[batch, S]`: true for sequences."""
        del mask
        if any(map(keras.backend.is_keras_tensor, inputs)):
            return None  # a model under construction; its calls compute the mask
        return inputs[1] > 0

    def compute_output_spec(self, inputs: Sequence[BackendTensor], mask: object = None) -> keras.KerasTensor:
        del mask
        steps, lengths = inputs
        return keras.KerasTensor((steps.shape[0], lengths.shape[1], steps.shape[2]), dtype=steps.dtype)

    def get_config(self) -> KerasConfig:
        """The configuration."""
        return {**super().get_config(), "reduce": self.reduce}


def is_packed(features: FeatureTensors | FeatureTensor) -> bool:
    """Whether the features are those of packed rows, in any group."""
    if not isinstance(features, Mapping):
        return False
    lengths = [RESERVED_KEY, *(key for key in features if str(key).endswith(f"_{RESERVED_KEY}"))]
    return any(packed_keys(key)[0] in features for key in lengths)


def unpacked_context(keys: Iterable[str], features: FeatureTensors) -> dict[str, BackendTensor]:
    """Context features of packed rows, `[B,S,...]`, as those of unpacked rows, `[B*S,...]`."""
    values = {key: features[key] for key in keys if key in features}
    return {key: ops.reshape(value, (-1, *value.shape[2:])) for key, value in values.items()}


def repeated_for_steps(vectors: BackendTensor, segment_ids: BackendTensor) -> BackendTensor:
    """The vectors `[B*S,C]` of the sequences of each row, repeated for their steps: `[B,T,C]`, zero on padding."""
    batch, count = ops.shape(segment_ids)
    by_row = ops.reshape(vectors, (batch, -1, vectors.shape[1]))
    with_zero = ops.pad(by_row, [[0, 0], [1, 0], [0, 0]])  # segment 0 is padding
    indices = ops.broadcast_to(ops.expand_dims(segment_ids, 2), (batch, count, vectors.shape[1]))
    return ops.take_along_axis(with_zero, indices, axis=1)


def refuse_layers_across_steps(layer: keras.layers.Layer) -> None:
    """Raises `ConfigError` if the model that is being called has layers that would mix the sequences of a row.

    Keras tells a layer which model's call it is part of; a model that calls `layer` in another way is not checked.
    """
    context = getattr(layer, "_get_call_context", lambda: None)()
    model_layers = getattr(getattr(context, "entry_layer", None), "_flatten_layers", lambda: ())()
    for model_layer in model_layers:
        if _mixes_steps(model_layer):
            raise ConfigError(
                f"pack: expected a model that combines steps only by attention, received the layer "
                f"{model_layer.name!r} ({type(model_layer).__name__}), which reads across steps, so from one sequence "
                "of a packed row into the next; read the data without `pack`, or use attention with SegmentMask, and "
                "SegmentPooling"
            )


def _mixes_steps(layer: keras.layers.Layer) -> bool:
    layers = keras.layers
    if isinstance(layer, layers.RNN | layers.Bidirectional | layers.GlobalAveragePooling1D | layers.GlobalMaxPooling1D):
        return True
    if isinstance(layer, layers.AveragePooling1D | layers.MaxPooling1D):
        return True
    kinds = (layers.Conv1D, layers.SeparableConv1D, layers.DepthwiseConv1D)
    return isinstance(layer, kinds) and tuple(layer.kernel_size) != (1,)
