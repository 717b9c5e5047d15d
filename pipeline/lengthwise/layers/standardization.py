"""Numbers of mean 0 and deviation 1, by statistics that the model keeps."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from lengthwise.columns import AnyColumn, Moments, NumericColumn
from lengthwise.columns.field_errors import show
from lengthwise.errors import ConfigError
from lengthwise.layers.keras_types import BackendTensor, KerasConfig

Statistic = npt.ArrayLike
"""A mean or a deviation: one number, or one for each number of a step."""


@keras.saving.register_keras_serializable(package="lengthwise")
class Standardize:
    """A `normalizer_fn` that subtracts a mean and divides by a standard deviation. Models save it with its numbers.

    Args:
        mean: of the feature's values; for steps of a shape one number for all, or an array of the shape.
        std: their standard deviation, likewise; 0 (all values are equal) leaves the scale unchanged.

    Example:
    >>> import keras
    >>> from lengthwise.layers import Standardize
    >>> Standardize(mean=3.0, std=2.0)(keras.ops.array([[1.0, 5.0]])).numpy().tolist()
    [[-1.0, 1.0]]
    """

    def __init__(self, mean: Statistic, std: Statistic) -> None:
        self.mean = np.asarray(mean, np.float64)
        self.std = np.asarray(std, np.float64)

    def __call__(self, values: BackendTensor) -> BackendTensor:
        """The standardised values, in their shape; float32, or float64 for float64."""
        dtype = keras.backend.standardize_dtype(values.dtype)
        if "int" in dtype:  # float32 would lose the low bits of large integers, such as times in seconds
            whole = np.round(self.mean)
            values, rest, dtype = values - whole.astype(dtype), self.mean - whole, "float32"
        else:
            rest = self.mean
        scale = np.where(self.std == 0, 1.0, self.std)
        return (ops.cast(values, dtype) - rest.astype(dtype)) / scale.astype(dtype)

    def get_config(self) -> KerasConfig:
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Standardize":
        return cls(**config)


StatisticsByKey = Mapping[str, Sequence[Statistic]]
"""(mean, deviation) by feature key."""


def with_standardization(
    columns: Iterable[AnyColumn], moments: bool | StatisticsByKey, counted: Mapping[str, Moments]
) -> list[AnyColumn]:
    """The columns; numeric columns without a `normalizer_fn` get one that standardises them.

    Args:
        columns: of a layer.
        moments: (mean, deviation) by key; True for those counted in the data set; False for no standardization.
        counted: the statistics of the data set.

    Raises:
        ConfigError: `moments` is True and nothing was counted, or it has a key that no numeric column reads.
    """
    columns = list(columns)
    keys = {column.key for column in columns if isinstance(column, NumericColumn) and column.normalizer_fn is None}
    if not isinstance(moments, bool):
        _require_keys(moments, keys)
        known: StatisticsByKey = moments
    elif moments:
        _require_counted(counted, keys)
        known = counted
    else:
        known = {}
    return [_standardized(column, known) for column in columns]


def _require_counted(counted: Mapping[str, Moments], keys: set[str]) -> None:
    missing = sorted(keys - counted.keys())
    if missing:
        raise ConfigError(
            f"standardize: expected columns of `lengthwise.open(...).columns` with True, which know the statistics of "
            f"their training split, `train` or the only one; nothing is known of {missing}. "
            "Give a dict: {key: (mean, deviation)}"
        )


def _require_keys(moments: StatisticsByKey, keys: set[str]) -> None:
    for key in moments:
        if key not in keys:
            raise ConfigError(
                "standardize: expected the keys of numeric columns without a normalizer_fn "
                f"({', '.join(sorted(keys)) or 'none'}), received {show(key)}"
            )


def _standardized(column: AnyColumn, known: StatisticsByKey) -> AnyColumn:
    if not isinstance(column, NumericColumn) or column.normalizer_fn is not None or column.key not in known:
        return column
    try:
        mean, std = (_in_step_shape(statistic, column) for statistic in known[column.key])
    except ValueError as error:
        rule = f"expected (mean, deviation), each one number or one for each of {column.num_elements}"
        raise ConfigError(f"standardize: {column.key}: {rule}, received {show(known[column.key])}") from error
    return column.model_copy(update={"normalizer_fn": Standardize(mean, std)})


def _in_step_shape(statistic: Statistic, column: NumericColumn) -> npt.NDArray[np.float64]:
    numbers = np.asarray(statistic, np.float64)
    return numbers if numbers.size == 1 else numbers.reshape(column.shape)
