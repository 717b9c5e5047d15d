"""From numbers to positions on a chart: percentages of the plot's width or height, so that charts fit any screen.

Text is not scaled with them: labels stay readable on a phone.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lengthwise.report.number_text import decimal_text

_LABEL_WIDTH = 9.0  # percent of the width of a narrow screen


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis, `at` percent of its length."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Numbers from `low` to `high` along an axis; with `log`, at positions of log2(1 + number)."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """The percentage of the axis that is before `value`, from 0 to 100."""
        low, high, value = (self._scaled(number) for number in (self.low, self.high, value))
        return round(min(100.0, max(0.0, 100.0 * (value - low) / (high - low))), 3) if high > low else 0.0

    def ticks(
        self, most: int = 6, show: Callable[[float], str] = decimal_text, *, whole: bool = False
    ) -> tuple[Tick, ...]:
        """Labels at round numbers that do not touch each other on a narrow screen; with `whole`, at integers."""
        values = _log_values(self.high) if self.log else _round_values(self.low, self.high, most, 1.0 if whole else 0.0)
        return thinned(Tick(self.place(value), show(value)) for value in values if self.low <= value <= self.high)

    def _scaled(self, value: float) -> float:
        return math.log2(1.0 + max(0.0, value)) if self.log else value


def percent_of(part: float, whole: float) -> float:
    """`part` as a percentage of `whole`, for widths of bars; 0 if `whole` is 0."""
    return round(100 * part / whole, 3) if whole else 0.0


def thinned(ticks: Iterable[Tick], distance: float = _LABEL_WIDTH) -> tuple[Tick, ...]:
    """The ticks, starting from the last, that are at least `distance` apart, or more if their texts are long."""
    kept: list[Tick] = []
    for tick in sorted(ticks, key=lambda tick: -tick.at):
        longest = max(len(tick.text), len(kept[-1].text) if kept else 0)
        if not kept or kept[-1].at - tick.at >= max(distance, 4 + 2.7 * longest):
            kept.append(tick)
    return tuple(reversed(kept))


def counting_axis(highest: float) -> Axis:
    """An axis from 0 to a round number that is not below `highest`."""
    step = _step(max(highest, 1e-9), 4)
    return Axis(0.0, step * math.ceil(max(highest, 1e-9) / step - 1e-9))


def _step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5 x 10^n that divides `span` into at most `most` parts."""
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough * (1 - 1e-9))


def _round_values(low: float, high: float, most: int, min_step: float) -> list[float]:
    if not high - low > 1e-300 or not math.isfinite(high - low):
        return [low]
    step = max(min_step, _step(high - low, most))
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_values(high: float) -> list[float]:
    powers = range(math.ceil(math.log10(max(high, 1.0))) + 1)
    return [0.0, *(float(digit * 10**power) for power in powers for digit in (1, 2, 5))]
