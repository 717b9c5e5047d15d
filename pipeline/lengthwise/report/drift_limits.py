"""How far two data sets may differ before it is an alarm: limits for all features, and for single ones."""

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
    """The limits of one feature. A difference within its limit is never flagged, one above it if chance explains less.

    Attributes:
        distance: of numbers and lengths: the Jensen-Shannon distance of the histograms, from 0 to 1.
        share: of ids and strings: the difference of one value's shares.
        rate: the difference of the rates of missing values, and of those outside the vocabulary or range.
        growth: by how much the range of numbers may grow on either side, as a share of the range.
        ignore: whether nothing of the feature is ever flagged.
    """

    distance: Share = 0.1
    share: Share = 0.05
    rate: Share = 0.02
    growth: Annotated[float, Field(ge=0)] = 0.1
    ignore: bool = False


class DriftLimits(FeatureLimits):
    """The limits of a comparison: those of every feature, and what differs for some.

    Attributes:
        false_alarms: of two samples of one source, the share of comparisons in which anything is flagged, at most.
        columns: by feature key (`sequence_length` for the lengths), the limits that replace those above.
    """

    false_alarms: Annotated[float, Field(gt=0, lt=1)] = 0.01
    columns: Mapping[str, FeatureLimits] = Field(default_factory=dict)

    def of(self, key: str) -> FeatureLimits:
        """The limits of a feature."""
        own = self.columns[key].model_dump(exclude_unset=True) if key in self.columns else {}
        return FeatureLimits(**{name: getattr(self, name) for name in FeatureLimits.model_fields} | own)

    def check_names(self, features: Collection[str]) -> None:
        """Raises ConfigError where `columns` names what is none of the features."""
        for key in self.columns.keys() - {*features, LENGTHS}:
            rule = "expected a feature of one of the data sets"
            hint = did_you_mean(key, {*features, LENGTHS})
            raise ConfigError(f"limits: columns.{key}: {rule}, received none of that name; {hint}")


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
        raise ConfigError(*(f"{name}: {place}: {text}" for place, text in explain_all(error, DriftLimits))) from error
