"""Numbers that count time since 1970, shown as dates in UTC."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lengthwise.report.chart_axes import Axis, Tick, thinned
from lengthwise.report.number_text import decimal_text

_FIRST, _LAST = 631_152_000, 4_102_444_800  # the beginnings of 1990 and of 2100, in seconds
_UNITS = (1, 10**3, 10**6, 10**9)  # seconds, milliseconds, microseconds, nanoseconds per second
_NAME = re.compile(r"(?:^|[^a-z])(?:at|ts|epoch|day|when)(?:$|[^a-z])|time|date(?!d)", re.IGNORECASE)
_DAY = 86_400
_HOURS = (1, 2, 3, 6, 12, 24, 48, 5 * 24, 7 * 24, 14 * 24)


@dataclass(frozen=True, slots=True)
class Timestamps:
    """A feature whose numbers are points in time, in units of which a second has `per_second`."""

    per_second: int

    @classmethod
    def of(cls, key: str, low: float | None, high: float | None) -> "Timestamps | None":
        """The unit of a feature's numbers; None if they are not timestamps.

        They are timestamps if the feature's name indicates it (it contains `time` or `date`, or the word `at`, `ts`,
        `epoch`, `day` or `when`) and if all of them are between 1990 and 2100 in one of the usual units.
        """
        if low is None or high is None or not _NAME.search(key):
            return None
        return next((cls(unit) for unit in _UNITS if _FIRST * unit <= low and high <= _LAST * unit), None)

    def text(self, value: float, *, hours: bool = False) -> str:
        """`1998-04-22`, or `1998-04-22 23:10`."""
        return f"{self._moment(value):%Y-%m-%d %H:%M}" if hours else f"{self._moment(value):%Y-%m-%d}"

    def duration(self, value: float) -> str:
        """A difference of two of them: `62.3 days`, `5.1 hours`."""
        seconds = value / self.per_second
        return f"{seconds / _DAY:,.1f} days" if seconds >= _DAY else f"{seconds / 3600:,.1f} hours"

    def ticks(self, axis: Axis) -> tuple[Tick, ...]:
        """Labels at the beginnings of years, months, days or hours."""
        low, high = self._moment(axis.low), self._moment(axis.high)
        days = (high - low).total_seconds() / _DAY
        if days > 4 * 365:
            pattern, moments = "%Y", _months(low, high, 12)
        elif days > 150:
            pattern, moments = "%Y-%m", _months(low, high, 1)
        else:
            pattern, moments = "%Y-%m-%d" if days > 4 else "%m-%d %H:%M", _hours(low, high)
        return thinned(
            Tick(axis.place(moment.timestamp() * self.per_second), f"{moment:{pattern}}") for moment in moments
        )

    def _moment(self, value: float) -> datetime:
        return datetime.fromtimestamp(value / self.per_second, UTC)


def value_text(times: Timestamps | None) -> Callable[[float], str]:
    """The function that shows a feature's numbers: as dates, or without `times` as numbers."""
    return decimal_text if times is None else times.text


def _months(low: datetime, high: datetime, step: int) -> Iterator[datetime]:
    """The start of every `step`-th month."""
    month = low.year * 12 + (low.month - 1) // step * step
    while (moment := datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)) <= high:
        if moment >= low:
            yield moment
        month += step


def _hours(low: datetime, high: datetime) -> Iterator[datetime]:
    """About six moments, at intervals of hours or days."""
    span = (high - low).total_seconds() / 3600
    step = timedelta(hours=next((hours for hours in _HOURS if span / hours <= 6), 28 * 24))
    first = datetime(1970, 1, 1, tzinfo=UTC)
    moment = first + -((first - low) // step) * step
    while moment <= high:
        if moment >= low:
            yield moment
        moment += step
