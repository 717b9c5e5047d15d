"""The number of batches of an epoch, exact or estimated: Keras needs it where a dataset has no length."""

from lengthwise.errors import ConfigError
from lengthwise.tensor.tensor_types import Dataset

_NAME = "_lengthwise_batches"


def with_batch_count(dataset: Dataset, batches: float) -> Dataset:
    """The dataset with the number of batches of an epoch, exact or estimated; 0 if it is unknown."""
    setattr(dataset, _NAME, max(round(batches), 1) if batches else 0)
    return dataset


def steps_per_epoch(dataset: Dataset) -> int:
    """The number of batches of an epoch, for Keras' `fit(..., steps_per_epoch=...)` and learning rate schedules.

    Reads no data. For prepared data the number is exact, and equals `len(dataset)` without `epochs`. It is an
    estimate, within a few percent, with `on_damage="skip"`; and where block data is read with `num_shards`, a `mix` of
    parts of folders, `pack` in several windows, `drop_remainder` without `max_shapes`, or has groups.

    For raw files it is an estimate from their sizes and the first records of four of them: its error depends on how
    much these differ from the others. A gzip file stores its size modulo 4 GiB, so larger files count for less than
    they contain.

    Use `epochs=None` with an estimate: the data then has no end, each pass has every sequence once, and an epoch of
    Keras is about one pass.

    Args:
        dataset: as `read_prepared`, `read_raw` or `DataSet.read` returned it, before any transformation.

    Raises:
        ConfigError: the dataset is not a reader's; or it comes through a tf.data service, which distributes batches on
            request; or none of the raw files' first records is valid, or all files are remote.

    Example:
        >>> train = data.read("train", batch_steps=8192, labels="y", epochs=None)
        >>> model.fit(train, epochs=3, steps_per_epoch=lw.steps_per_epoch(train))
    """
    batches = getattr(dataset, _NAME, None)
    if batches is None:
        raise ConfigError(
            "dataset: expected the dataset of a reader, without a tf.data service and before any transformation, "
            f"received {type(dataset).__name__}; ask before dataset.map, .take and the like"
        )
    if not batches:
        raise ConfigError("dataset: the lengths are unknown: none of the first records of the files is valid")
    return int(batches)
