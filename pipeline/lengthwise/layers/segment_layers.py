"""Layers for packed rows, which hold several sequences: who may attend to whom, and one vector for each sequence."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

import keras
from keras import ops

from lengthwise.columns import RESERVED_KEY, packed_keys
from lengthwise.errors import ConfigError

Reduce = Literal["mean", "sum", "first", "last"]


@keras.saving.register_keras_serializable(package="lengthwise")
class SegmentMask(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """The attention mask of packed rows: a step sees the steps of its own sequence, and padding sees padding.

    Since every step sees one at least, softmax has a value everywhere, also in fused kernels. From one group to
    another, as a decoder sees the encoder's steps, a step sees those of the other group that are of its own sequence,
    and padding sees all.

    Args:
        causal: whether a step sees no later steps; within one group alone.
        heads_axis: whether the mask has an axis of size 1 for the heads, as `keras.ops.dot_product_attention` and
            `jax.nn.dot_product_attention` take it; without it, it is what `keras.layers.MultiHeadAttention` takes.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        segment_ids: integers `[batch, T]`: the number of each step's sequence in its row, 0 on padding.
        key_segment_ids: integers `[batch, S]`: those of another group, whose steps are seen; None: the same.

    Input shape:
        `[batch, T]`.

    Output shape:
        Bool `[batch, T, T]`, of queries and keys; with `heads_axis` `[batch, 1, T, T]`. With `key_segment_ids` the last
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

    def call(self, segment_ids: Any, key_segment_ids: Any = None) -> Any:
        self._check(key_segment_ids)
        queries, keys = segment_ids, segment_ids if key_segment_ids is None else key_segment_ids
        mask = ops.equal(ops.expand_dims(queries, 2), ops.expand_dims(keys, 1))
        if key_segment_ids is not None:
            mask = ops.logical_or(mask, ops.expand_dims(ops.equal(queries, 0), 2))
        if self.causal:
            steps = ops.arange(ops.shape(segment_ids)[1])
            mask = ops.logical_and(mask, ops.expand_dims(steps, 1) >= ops.expand_dims(steps, 0))
        return ops.expand_dims(mask, 1) if self.heads_axis else mask

    def compute_output_spec(self, segment_ids: Any, key_segment_ids: Any = None) -> Any:
        self._check(key_segment_ids)
        batch, count = segment_ids.shape
        heads = (1,) if self.heads_axis else ()
        keys = count if key_segment_ids is None else key_segment_ids.shape[1]
        return keras.KerasTensor((batch, *heads, count, keys), dtype="bool")

    def _check(self, key_segment_ids: Any) -> None:
        if self.causal and key_segment_ids is not None:
            raise ConfigError(
                "causal: expected False where keys are of another group, received key_segment_ids: the steps of two "
                "groups have no common order; make another SegmentMask() for them"
            )

    def get_config(self) -> dict[str, Any]:
        """The configuration."""
        return {**super().get_config(), "causal": self.causal, "heads_axis": self.heads_axis}


@keras.saving.register_keras_serializable(package="lengthwise")
class SegmentPooling(keras.layers.Layer):  # type: ignore[misc, unused-ignore]
    """One vector for each sequence of packed rows, zero where a row holds fewer.

    The output has a Keras mask, true where there is a sequence: losses take the mean over sequences.

    Args:
        reduce: `mean` or `sum` of the sequence's steps, or its `first` or `last` one.
        **kwargs: of `keras.layers.Layer`.

    Call arguments:
        inputs: a list of the steps and of `sequence_length`: the lengths of each row's sequences, which follow one
            another from step 0 on.

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

    def call(self, inputs: Any, mask: Any = None) -> Any:
        del mask
        steps, lengths = inputs
        lengths = ops.cast(lengths, "int32")
        ends = ops.cumsum(lengths, axis=1)
        starts = ends - lengths
        if self.reduce in ("first", "last"):
            at = starts if self.reduce == "first" else ends - 1
            found = ops.take_along_axis(steps, ops.expand_dims(ops.clip(at, 0, ops.shape(steps)[1] - 1), 2), axis=1)
            return ops.where(ops.expand_dims(lengths > 0, 2), found, 0)
        places = ops.arange(ops.shape(steps)[1], dtype="int32")
        held = ops.logical_and(places >= ops.expand_dims(starts, 2), places < ops.expand_dims(ends, 2))  # [B,S,T]
        total = ops.matmul(ops.cast(held, steps.dtype), steps)
        if self.reduce == "sum":
            return total
        return total / ops.cast(ops.expand_dims(ops.maximum(lengths, 1), 2), steps.dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Bool `[batch, S]`: where there is a sequence."""
        del mask
        if any(map(keras.backend.is_keras_tensor, inputs)):
            return None  # of a model under construction; its calls compute the mask
        return inputs[1] > 0

    def compute_output_spec(self, inputs: Any, mask: Any = None) -> Any:
        del mask
        steps, lengths = inputs
        return keras.KerasTensor((steps.shape[0], lengths.shape[1], steps.shape[2]), dtype=steps.dtype)

    def get_config(self) -> dict[str, Any]:
        """The configuration."""
        return {**super().get_config(), "reduce": self.reduce}


def is_packed(features: Any) -> bool:
    """Whether the features are of packed rows, of any group."""
    if not isinstance(features, Mapping):
        return False
    lengths = [RESERVED_KEY, *(key for key in features if str(key).endswith(f"_{RESERVED_KEY}"))]
    return any(packed_keys(key)[0] in features for key in lengths)


def by_sequence(keys: Iterable[str], features: Mapping[str, Any]) -> dict[str, Any]:
    """Context features of packed rows, `[B,S,...]`, as those of unpacked ones, `[B*S,...]`."""
    values = {key: features[key] for key in keys if key in features}
    return {key: ops.reshape(value, (-1, *value.shape[2:])) for key, value in values.items()}


def beside_steps(vectors: Any, segment_ids: Any) -> Any:
    """`[B*S,C]`, of the sequences of each row, beside their steps: `[B,T,C]`, zero on padding."""
    batch, count = ops.shape(segment_ids)
    by_row = ops.reshape(vectors, (batch, -1, vectors.shape[1]))
    before = ops.pad(by_row, [[0, 0], [1, 0], [0, 0]])
    places = ops.broadcast_to(ops.expand_dims(segment_ids, 2), (batch, count, vectors.shape[1]))
    return ops.take_along_axis(before, places, axis=1)


def refuse_layers_across_steps(layer: keras.layers.Layer) -> None:
    """Raises `ConfigError` where the model that is being called has layers that would mix the sequences of a row.

    Keras tells a layer which model's call it is part of; a model that calls `layer` in another way is not looked at.
    """
    context = getattr(layer, "_get_call_context", lambda: None)()
    layers = getattr(getattr(context, "entry_layer", None), "_flatten_layers", lambda: ())()
    for one in layers:
        if _mixes_steps(one):
            raise ConfigError(
                f"pack: expected a model whose steps meet in attention alone, received the layer {one.name!r} "
                f"({type(one).__name__}), which reads across steps, hence from one sequence of a packed row into the "
                "next; read the data without `pack`, or use attention with SegmentMask, and SegmentPooling"
            )


def _mixes_steps(layer: Any) -> bool:
    layers = keras.layers
    if isinstance(layer, layers.RNN | layers.Bidirectional | layers.GlobalAveragePooling1D | layers.GlobalMaxPooling1D):
        return True
    if isinstance(layer, layers.AveragePooling1D | layers.MaxPooling1D):
        return True
    kinds = (layers.Conv1D, layers.SeparableConv1D, layers.DepthwiseConv1D)
    return isinstance(layer, kinds) and tuple(layer.kernel_size) != (1,)
