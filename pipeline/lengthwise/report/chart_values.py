"""Charts as values: positions in percent, texts, and the numbers. `chart.html.j2` draws them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lengthwise.report.chart_axes import Axis, Tick


@dataclass(frozen=True, slots=True)
class ChartBar:
    """A rectangle; `y` counts from the top. `note` is shown if a pointer is over it."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    note: str


@dataclass(frozen=True, slots=True)
class ChartMark:
    """A vertical line at `x`; its label, if any, is at the top."""

    x: float
    text: str = ""
    tone: str = "mark"


@dataclass(frozen=True, slots=True)
class ChartDot:
    """A point of a line."""

    x: float
    y: float
    note: str
    tone: str = "tone-0"


@dataclass(frozen=True, slots=True)
class ChartTable:
    """The numbers of a chart: its text alternative."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart.

    Attributes:
        id: unique on the page.
        title: what is shown.
        description: the content in words, for screen readers.
        x_title: the quantity on the horizontal axis, with its unit.
        y_title: the quantity on the vertical axis, with its unit.
        legend: (tone, meaning) of each colour that needs an explanation.
        boxes: frames over the bars.
        table: the numbers.
        chosen: the point to highlight.
        small: whether the chart is one of many.
    """

    id: str
    title: str
    description: str
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    bars: tuple[ChartBar, ...] = ()
    boxes: tuple[ChartBar, ...] = ()
    marks: tuple[ChartMark, ...] = ()
    dots: tuple[ChartDot, ...] = ()
    chosen: ChartDot | None = None
    legend: tuple[tuple[str, str], ...] = ()
    table: ChartTable | None = None
    small: bool = False

    @property
    def line(self) -> str:
        """The points of the line through the dots, as in SVG; empty for a single dot."""
        return " ".join(f"{dot.x:g},{dot.y:g}" for dot in self.dots) if len(self.dots) > 1 else ""


def stacked_bars(
    x: Axis,
    y: Axis,
    spans: Iterable[tuple[float, float]],
    heights: Iterable[Sequence[float]],
    notes: Iterable[Sequence[str]],
) -> tuple[ChartBar, ...]:
    """Bars over each span of the x axis, those of one span stacked; their tones are `tone-0`, `tone-1`, ..."""
    return tuple(bar for stack in zip(spans, heights, notes, strict=True) for bar in _stack(x, y, *stack))


def _stack(
    x: Axis, y: Axis, span: tuple[float, float], heights: Sequence[float], notes: Sequence[str]
) -> list[ChartBar]:
    left, right = x.place(span[0]), x.place(span[1])
    gap = min(0.25, (right - left) * 0.1)
    bars, total = [], 0.0
    for index, (height, note) in enumerate(zip(heights, notes, strict=True)):
        if height <= 0:
            continue
        base = y.place(total)
        top = max(y.place(total + height), base + 0.6)  # small counts stay visible
        width = max(right - left - gap, 0.1)
        bars.append(ChartBar(left, round(100 - top, 3), round(width, 3), round(top - base, 3), f"tone-{index}", note))
        total += height
    return bars
