"""Numbers of mean 0 and deviation 1, by statistics that the model keeps."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from lengthwise.columns import Moments, NumericColumn
from lengthwise.columns.field_errors import show
from lengthwise.errors import ConfigError


@keras.saving.register_keras_serializable(package="lengthwise")
class Standardize:
    """A `normalizer_fn` that subtracts a mean and divides by a standard deviation. Models save it with its numbers.

    Args:
        mean: of the feature's values; of a shape one number for all, or an array of the shape.
        std: their standard deviation, likewise; 0 (all values are equal) leaves the scale as it is.

    Example:
    >>> import keras
    >>> from lengthwise.layers import Standardize
    >>> Standardize(mean=3.0, std=2.0)(keras.ops.array([[1.0, 5.0]])).numpy().tolist()
    [[-1.0, 1.0]]
    """

    def __init__(self, mean: Any, std: Any) -> None:
        self.mean = np.asarray(mean, np.float64)
        self.std = np.asarray(std, np.float64)

    def __call__(self, values: Any) -> Any:
        """The standardised values, of their shape; float32, or float64 where they are that."""
        dtype = keras.backend.standardize_dtype(values.dtype)
        if "int" in dtype:  # float32 would lose the low bits of large integers, such as times in seconds
            whole = np.round(self.mean)
            values, rest, dtype = values - whole.astype(dtype), self.mean - whole, "float32"
        else:
            rest = self.mean
        scale = np.where(self.std == 0, 1.0, self.std)
        return (ops.cast(values, dtype) - rest.astype(dtype)) / scale.astype(dtype)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Standardize":
        return cls(**config)


def standardized(
    columns: Iterable[Any], moments: bool | Mapping[str, Any], counted: Mapping[str, Moments]
) -> list[Any]:
    """The columns, the numeric ones that have no `normalizer_fn` with one that standardises them.

    Args:
        columns: of a layer.
        moments: (mean, deviation) by key; True for those that the data set counted; False for none.
        counted: what the data set counted.

    Raises:
        ConfigError: `moments` is True and nothing was counted, or it names a key that no numeric column reads.
    """
    columns = list(columns)
    plain = {column.key for column in columns if isinstance(column, NumericColumn) and column.normalizer_fn is None}
    if moments is True and plain - counted.keys():
        raise ConfigError(
            f"standardize: expected columns of `lengthwise.open(...).columns` with True, which know the numbers of "
            f"their training split, `train` or the only one; nothing is known of {sorted(plain - counted.keys())}. "
            "Give a dict: {key: (mean, deviation)}"
        )
    known = (counted if moments else {}) if isinstance(moments, bool) else moments
    for key in () if isinstance(moments, bool) else moments:
        if key not in plain:
            raise ConfigError(
                "standardize: expected the keys of numeric columns without a normalizer_fn "
                f"({', '.join(sorted(plain)) or 'none'}), received {show(key)}"
            )
    return [_standardized(column, known) if getattr(column, "key", None) in plain else column for column in columns]


def _standardized(column: Any, known: Mapping[str, Any]) -> Any:
    if not isinstance(column, NumericColumn) or column.key not in known:
        return column
    moments = (np.asarray(one, np.float64) for one in known[column.key])
    try:
        mean, std = (one if one.size == 1 else one.reshape(column.shape) for one in moments)
    except ValueError as error:
        rule = f"expected (mean, deviation), each one number or one for each of {column.num_elements}"
        raise ConfigError(f"standardize: {column.key}: {rule}, received {show(known[column.key])}") from error
    return column.model_copy(update={"normalizer_fn": Standardize(mean, std)})
