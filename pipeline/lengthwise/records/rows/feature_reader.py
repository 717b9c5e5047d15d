"""Decoded Arrow lists -> raw steps."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from lengthwise.columns import AnyColumn, ContextColumn, NumericColumn, is_context, raw_context, sequence_features
from lengthwise.config import RecordFormat
from lengthwise.records.decoding.wide_integers import SEQUENCES
from lengthwise.rules.raw_steps import RawSteps


class FeatureReader:
    """Reads the features that columns read out of a decoded batch, weights included."""

    def __init__(self, columns: Iterable[AnyColumn], container: RecordFormat) -> None:
        columns = tuple(columns)
        features = (*sequence_features(columns), *raw_context(columns))
        self._nested: list[str] = []
        self._flat: list[str] = []
        for column in features:
            is_flat = container == "example" or is_context(column) or getattr(column, "from_", "context") == "context"
            keys = [column.key, getattr(column, "weight_key", None)]
            (self._flat if is_flat else self._nested).extend(key for key in keys if key is not None)
        self._numbers = {column.key for column in features if isinstance(column, NumericColumn | ContextColumn)}

    def read(self, batch: pa.RecordBatch) -> dict[str, RawSteps[np.ndarray]]:
        """The raw steps of each feature, by key; strings and integers that are to be looked up are Arrow arrays."""
        read = {}
        for key in self._nested:
            lists = batch.column(SEQUENCES).field(key)
            steps = lists.values
            read[key] = RawSteps(
                self._values(key, steps.values), lists.offsets.to_numpy(), steps.offsets.to_numpy(), _present(lists)
            )
        for key in self._flat:
            lists = batch.column(key)
            read[key] = RawSteps(self._values(key, lists.values), lists.offsets.to_numpy(), None, _present(lists))
        return read

    def _values(self, key: str, values: pa.Array) -> np.ndarray | pa.Array:
        is_number = pa.types.is_floating(values.type) or (pa.types.is_integer(values.type) and key in self._numbers)
        return values.to_numpy(zero_copy_only=False) if is_number else values


def _present(lists: pa.Array) -> np.ndarray:
    return lists.is_valid().to_numpy(zero_copy_only=False)
