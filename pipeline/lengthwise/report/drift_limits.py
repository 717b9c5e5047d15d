"""How far two data sets may differ before a feature is flagged: limits for all features, and for single ones."""

from collections.abc import Collection, Mapping
from os import PathLike, fspath
from typing import Annotated, Any

from pydantic import Field, ValidationError

from lengthwise.columns.column_base import Strict
from lengthwise.columns.field_errors import did_you_mean, explain_all
from lengthwise.config.yaml_reading import read_mapping
from lengthwise.errors import ConfigError

LENGTHS = "sequence_length"
"""The name of the sequences' lengths among the features."""

Share = Annotated[float, Field(ge=0, le=1)]


class FeatureLimits(Strict):
    """The limits of one feature. A difference is flagged if it is above its limit and above what chance explains.

    Attributes:
        distance: for numbers and lengths: the Jensen-Shannon distance of the histograms, from 0 to 1.
        share: for ids and strings: the difference between the shares of one value.
        rate: the difference between the rates of missing values, and of values outside the vocabulary or range.
        growth: by how much the range of numbers may grow on either side, as a share of the range.
        ignore: whether the feature is never flagged.
    """

    distance: Share = 0.1
    share: Share = 0.05
    rate: Share = 0.02
    growth: Annotated[float, Field(ge=0)] = 0.1
    ignore: bool = False


class DriftLimits(FeatureLimits):
    """The limits of a comparison: those of all features, and different ones for single features.

    Attributes:
        false_alarms: the maximum share of comparisons of two samples of one source in which anything is flagged.
        columns: by feature key (`sequence_length` for the lengths), the limits that replace those above.
    """

    false_alarms: Annotated[float, Field(gt=0, lt=1)] = 0.01
    columns: Mapping[str, FeatureLimits] = Field(default_factory=dict)

    def of(self, key: str) -> FeatureLimits:
        """The limits of a feature."""
        limits = {name: getattr(self, name) for name in FeatureLimits.model_fields}
        if key in self.columns:
            limits |= self.columns[key].model_dump(exclude_unset=True)
        return FeatureLimits(**limits)

    def check_names(self, features: Collection[str]) -> None:
        """Raises ConfigError if a key of `columns` is not one of the features."""
        for key in self.columns.keys() - {*features, LENGTHS}:
            rule = f"expected a feature of one of the data sets, received {key!r}"
            raise ConfigError(f"limits: columns.{key}: {rule}; {did_you_mean(key, {*features, LENGTHS})}")


def load_limits(path: str | PathLike[str]) -> DriftLimits:
    """The limits in a YAML file, by the fields of `DriftLimits`.

    Raises:
        ConfigError: the file cannot be read, or a field is wrong: `FILE: PATH: expected ..., received ...; what to do`.
    """
    name = fspath(path)
    content: dict[str, Any] = read_mapping(name)
    try:
        return DriftLimits.model_validate(content)
    except ValidationError as error:
        raise ConfigError(*(f"{name}: {mistake}" for mistake in explain_all(error, DriftLimits))) from error
