"""How many batches an epoch has, known or about: Keras wants the number ahead where a dataset has no length."""

from typing import Any

from lengthwise.errors import ConfigError

_NAME = "_lengthwise_batches"


def sized(dataset: Any, batches: float) -> Any:
    """The dataset of a reader, which knows about how many batches an epoch of it has; 0: it does not know."""
    setattr(dataset, _NAME, max(round(batches), 1) if batches else 0)
    return dataset


def steps_per_epoch(dataset: Any) -> int:
    """How many batches an epoch has, for Keras' `fit(..., steps_per_epoch=...)` and schedules of learning rates.

    Nothing is read for it. Of prepared data the number is exact, and `len(dataset)` without `epochs` says the same. It
    is an estimate, a few percent from the true number, with `on_damage="skip"`; and where block data is read with
    `num_shards`, a `mix` of parts of folders, `pack` in several windows, `drop_remainder` without `max_shapes`, or has
    groups.

    Of raw files it is an estimate by their sizes and the first records of four of them: wrong by as much as these
    differ from the others. A gzip file says its size modulo 4 GiB, so larger ones count for less than they hold.

    Give `epochs=None` with an estimate: then the data has no end, each pass has every sequence once, and an epoch of
    Keras is about a pass.

    Args:
        dataset: as `read_prepared`, `read_raw` or `DataSet.read` returned it, before any transformation.

    Raises:
        ConfigError: the dataset is another one; or it comes through a tf.data service, which deals batches out as they
            are asked for; or none of the raw files' first records is valid, or all files are remote.

    Example:
        >>> train = data.read("train", batch_steps=8192, labels="y", epochs=None)
        >>> model.fit(train, epochs=3, steps_per_epoch=lw.steps_per_epoch(train))
    """
    batches = getattr(dataset, _NAME, None)
    if batches is None:
        raise ConfigError(
            "dataset: expected what a reader returned, without a tf.data service and before any transformation, "
            f"received {type(dataset).__name__}; ask before dataset.map, .take and the like"
        )
    if not batches:
        raise ConfigError("dataset: nothing is known of the lengths: none of the first records of the files is valid")
    return int(batches)
