"""From sequence features to the input of a sequence model: `[batch, T, D]` and lengths.

    columns ─ planning ── plan: order of the columns, features to read ─ tables
    features ─ reading ─┬─ dense | sparse | ragged ─ steps [B,T,...]
                        └─ lengths ─ T, mask
    steps ─ vectors ─ embed | count | numbers, per column ─ concatenate ─ [B,T,D]

`SequenceFeatures` (Keras) owns its tables; `sequence_input_layer` also serves a `tf.Graph` (`tf1_graph`).
Needs Keras; TensorFlow only for strings, sparse and ragged tensors, graphs and checkpoints.
"""

from lengthwise.layers.context_concatenation import ConcatenateContext, concatenate_context_input
from lengthwise.layers.context_features import ContextFeatures
from lengthwise.layers.input_layer import sequence_input_layer
from lengthwise.layers.keras_inputs import inputs
from lengthwise.layers.planning.default_columns import embedding_size
from lengthwise.layers.segment_layers import SegmentMask, SegmentPooling
from lengthwise.layers.sequence_features import SequenceFeatures
from lengthwise.layers.standardization import Standardize

__all__ = [
    "ConcatenateContext",
    "ContextFeatures",
    "SegmentMask",
    "SegmentPooling",
    "SequenceFeatures",
    "Standardize",
    "concatenate_context_input",
    "embedding_size",
    "inputs",
    "sequence_input_layer",
]
