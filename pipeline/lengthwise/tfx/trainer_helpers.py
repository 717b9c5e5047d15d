"""Helpers for a Trainer's `run_fn`: batches from `fn_args`, their manifest, and a model that can be served.

`fn_args.train_files` are patterns such as `.../prepared_examples/7/Split-train/*`. The root of that artifact is the
data set's folder, with its manifest, so the feed reads its files itself. `fn_args.data_accessor` is not needed: it
supports neither buckets nor lengths. (A Trainer on the raw `Examples` of an ExampleGen calls `lengthwise.read_raw` on
its `train_files`.)
"""

import os
from typing import Any, Literal

from lengthwise.data_set import export
from lengthwise.errors import ConfigError
from lengthwise.manifest import Manifest, load_manifest
from lengthwise.prepared_folders import open_folders

TrainerPhase = Literal["train", "eval"]
_SPLIT = "Split-"


def manifest(fn_args: Any) -> Manifest:
    """The manifest of the prepared data that a Trainer trains on; its `model_columns` are the model's.

    Raises:
        ConfigError: the Trainer's `examples` are not those of `SequencePrep`.
    """
    return load_manifest(_data_sets(fn_args, "train")[0][0])


def dataset(fn_args: Any, part: TrainerPhase = "train", **options: Any) -> Any:
    """Batches for training or evaluation, as `lengthwise.read_prepared` returns them.

    Args:
        fn_args: the argument of `run_fn`.
        part: `train` for the splits of `train_args`, `eval` for those of `eval_args`.
        options: of `lengthwise.read_prepared`, such as `batch_steps`, `labels` and `seed`.

    Returns:
        A `tf.data.Dataset`. Several artifacts, such as spans, are read as one data set; several splits are mixed
        randomly, in proportion to their sizes.

    Raises:
        ConfigError: the Trainer's `examples` are not those of `SequencePrep`.
    """
    from lengthwise.feed import read_prepared

    data_sets = _data_sets(fn_args, part)
    folders: dict[str, list[str]] = {}
    for folder, split in data_sets:
        folders.setdefault(split, []).append(folder)
    parts = [read_prepared(of_split, split, **options) for split, of_split in folders.items()]
    if len(parts) == 1:
        return parts[0]
    sizes = [float(open_folders(of_split).histogram(split).total) for split, of_split in folders.items()]
    import tensorflow as tf

    return tf.data.Dataset.sample_from_datasets(
        parts, [size / sum(sizes) for size in sizes], seed=options.get("seed", 0), rerandomize_each_iteration=True
    )


def save(model: Any, fn_args: Any) -> None:
    """Saves a model to the folder that TFX expects, with a signature that accepts raw serialized records.

    `serving_default` accepts a string tensor `[n]` of records in the container format that `SequencePrep` read, and
    returns their predictions. Parsing, lookups and the cutting of over-long sequences are those of the preparation.
    Records need only the features that the model reads: no labels.

    Args:
        model: a built Keras model of the batches of `dataset`.
        fn_args: the argument of `run_fn`.
    """
    export(model, [folder for folder, _ in _data_sets(fn_args, "train")], fn_args.serving_model_dir)


def _data_sets(fn_args: Any, part: TrainerPhase) -> list[tuple[str, str]]:
    """The folder and the split of each file pattern."""
    return [_data_set(pattern) for pattern in (fn_args.train_files if part == "train" else fn_args.eval_files)]


def _data_set(pattern: str) -> tuple[str, str]:
    folder, name = os.path.split(os.path.dirname(pattern))
    if not name.startswith(_SPLIT):
        raise ConfigError(
            f"expected files of a prepared split, such as .../Split-train/*, received {pattern}; "
            "give the Trainer `examples=prep.outputs['prepared_examples']`"
        )
    return folder, name.removeprefix(_SPLIT)
