"""Numbers that count the seconds since 1970, shown as dates in UTC."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lengthwise.report.chart_axes import Axis, Tick, thinned

_FIRST, _LAST = 631_152_000, 4_102_444_800  # the beginnings of 1990 and of 2100, in seconds
_UNITS = (1, 10**3, 10**6, 10**9)  # a second has: seconds, milliseconds, microseconds, nanoseconds
_NAME = re.compile(r"(?:^|[^a-z])(?:at|ts|epoch|day|when)(?:$|[^a-z])|time|date(?!d)", re.IGNORECASE)
_DAY = 86_400
_HOURS = (1, 2, 3, 6, 12, 24, 48, 5 * 24, 7 * 24, 14 * 24)


@dataclass(frozen=True, slots=True)
class Timestamps:
    """A feature whose numbers are points in time, `per_second` of them in a second."""

    per_second: int

    @classmethod
    def of(cls, key: str, low: float | None, high: float | None) -> "Timestamps | None":
        """How to read a feature's numbers; None where they are no timestamps.

        They are timestamps where the feature's name says so (it has `time` or `date` in it, or the word `at`, `ts`,
        `epoch`, `day` or `when`) and where all of them are between 1990 and 2100 in one of the usual units.
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
        shape = "%Y" if days > 4 * 365 else "%Y-%m" if days > 150 else "%Y-%m-%d" if days > 4 else "%m-%d %H:%M"
        moments = _months(low, high, 12 if shape == "%Y" else 1) if days > 150 else _hours(low, high)
        return thinned(
            Tick(axis.place(moment.timestamp() * self.per_second), f"{moment:{shape}}") for moment in moments
        )

    def _moment(self, value: float) -> datetime:
        return datetime.fromtimestamp(value / self.per_second, UTC)


def _months(low: datetime, high: datetime, step: int) -> Iterator[datetime]:
    """The first moments of every `step` months."""
    month = low.year * 12 + (low.month - 1) // step * step
    while (moment := datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)) <= high:
        if moment >= low:
            yield moment
        month += step


def _hours(low: datetime, high: datetime) -> Iterator[datetime]:
    """Every few hours or days, about six of them."""
    span = (high - low).total_seconds() / 3600
    step = timedelta(hours=next((hours for hours in _HOURS if span / hours <= 6), 28 * 24))
    first = datetime(1970, 1, 1, tzinfo=UTC)
    moment = first + -((first - low) // step) * step
    while moment <= high:
        if moment >= low:
            yield moment
        moment += step
