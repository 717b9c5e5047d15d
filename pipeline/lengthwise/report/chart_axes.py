"""From numbers to places on a chart. Places are percent of the plot's width or height, so that charts fit any screen.

Text is not scaled with them: labels stay readable on a phone.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lengthwise.report import number_text

_ROOM = 9.0  # percent of the width that a label takes on a narrow screen


@dataclass(frozen=True, slots=True)
class Tick:
    """A label on an axis, `at` percent of its length."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Numbers from `low` to `high` along an axis; `log` spreads out small ones, by log2(1 + number)."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """Percent of the axis before `value`, clipped to it."""
        low, high, value = (self._bend(number) for number in (self.low, self.high, value))
        return round(min(100.0, max(0.0, 100.0 * (value - low) / (high - low))), 3) if high > low else 0.0

    def ticks(
        self, most: int = 6, show: Callable[[float], str] = number_text.number, *, whole: bool = False
    ) -> tuple[Tick, ...]:
        """Labels at round numbers, none so near to another that they touch on a narrow screen; `whole`: at integers."""
        values = _log_values(self.high) if self.log else _round_values(self.low, self.high, most, 1.0 if whole else 0.0)
        return thinned(Tick(self.place(value), show(value)) for value in values if self.low <= value <= self.high)

    def _bend(self, value: float) -> float:
        return math.log2(1.0 + max(0.0, value)) if self.log else value


def thinned(ticks: Iterable[Tick], room: float = _ROOM) -> tuple[Tick, ...]:
    """The ticks, from the last one back, that leave each other `room`, and more where their texts are long."""
    kept: list[Tick] = []
    for tick in sorted(ticks, key=lambda tick: -tick.at):
        needed = max(room, 4 + 2.7 * max(len(tick.text), len(kept[-1].text) if kept else 0))
        if not kept or kept[-1].at - tick.at >= needed:
            kept.append(tick)
    return tuple(reversed(kept))


def counting_axis(highest: float) -> Axis:
    """An axis from 0 to a round number that holds `highest`."""
    step = _step(max(highest, 1e-9), 4)
    return Axis(0.0, step * math.ceil(max(highest, 1e-9) / step - 1e-9))


def _step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5 x 10^n that divides `span` into at most `most` parts."""
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough * (1 - 1e-9))


def _round_values(low: float, high: float, most: int, least_step: float) -> list[float]:
    if not high - low > 1e-300 or not math.isfinite(high - low):
        return [low]
    step = max(least_step, _step(high - low, most))
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_values(high: float) -> list[float]:
    powers = range(math.ceil(math.log10(max(high, 1.0))) + 1)
    return [0.0, *(float(digit * 10**power) for power in powers for digit in (1, 2, 5))]
