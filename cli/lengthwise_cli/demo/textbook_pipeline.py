"""The pipeline of usual tutorials, for comparison: one record at a time through tf.data, without Python."""

from collections.abc import Sequence

import tensorflow as tf

from lengthwise.tensor.tensor_types import Dataset, Tensor

BOUNDARIES = (4, 8, 16, 32)


def textbook_batches(paths: Sequence[str], vocabulary: Sequence[str], batch_steps: int) -> Dataset:
    """Raw files -> parse_single_sequence_example -> look-up -> bucket_by_sequence_length.

    Records that cannot be parsed are skipped silently, as with `ignore_errors`.

    Args:
        paths: raw TFRecord files, plain or gzip.
        vocabulary: the phonemes in the order of their ids.
        batch_steps: about how many steps a batch has.
    """
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(list(vocabulary), tf.range(len(vocabulary), dtype=tf.int64)), -1
    )

    def parse(record: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        context, steps = tf.io.parse_single_sequence_example(
            record,
            context_features={"syllables": tf.io.FixedLenFeature([], tf.int64)},
            sequence_features={"phonemes": tf.io.FixedLenSequenceFeature([], tf.string)},
        )
        phonemes = table.lookup(steps["phonemes"])
        features = {"phonemes": phonemes, "sequence_length": tf.size(phonemes, tf.int64)}
        return features, context["syllables"]

    records = _read([path for path in paths if not path.endswith(".gz")], "")
    records = records.concatenate(_read([path for path in paths if path.endswith(".gz")], "GZIP"))
    examples = records.map(parse, num_parallel_calls=tf.data.AUTOTUNE).ignore_errors()
    return (
        examples.shuffle(10_000, seed=1)
        .bucket_by_sequence_length(
            lambda features, _: tf.cast(features["sequence_length"], tf.int32),
            bucket_boundaries=[boundary + 1 for boundary in BOUNDARIES],
            bucket_batch_sizes=[batch_steps // boundary for boundary in (*BOUNDARIES, BOUNDARIES[-1])],
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def _read(paths: list[str], compression: str) -> Dataset:
    return tf.data.TFRecordDataset(paths, compression_type=compression)
