"""`lengthwise` as a part of TFX pipelines.

    ExampleGen ─examples─▶ SequencePrep ─prepared_examples─▶ Trainer, whose `run_fn` calls
                               │ └───────prepared_schema──▶   `dataset(fn_args, "train")`, `save(model, fn_args)`
                               └─────────preparation: manifest, report, rejects

Importing this package needs only TFX's light modules; the helpers for `run_fn` import TensorFlow when they are called.
"""

from lengthwise.tfx.sequence_prep import SequencePrep, SequencePrepSpec
from lengthwise.tfx.tfx_artifacts import Preparation
from lengthwise.tfx.trainer_helpers import dataset, manifest, save

__all__ = ["Preparation", "SequencePrep", "SequencePrepSpec", "dataset", "manifest", "save"]
