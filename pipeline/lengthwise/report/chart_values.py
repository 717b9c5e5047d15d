"""What a chart is, before it is drawn: places in percent, words, and its numbers. `chart.html.j2` draws it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lengthwise.report.chart_axes import Axis, Tick


@dataclass(frozen=True, slots=True)
class ChartBar:
    """A rectangle; `y` counts from the top. `note` is shown where a pointer rests on it."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    note: str


@dataclass(frozen=True, slots=True)
class ChartMark:
    """A vertical line at `x`; its label, if any, stands on top."""

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
    """A chart with everything that its reader needs.

    Attributes:
        id: unique on the page.
        title: what is shown.
        description: what there is to see, in words: read out instead of the picture.
        x_title: what runs to the right, and in which unit.
        y_title: what runs up, and in which unit.
        legend: (tone, meaning) of each colour that needs one.
        boxes: frames over the bars.
        table: the numbers.
        chosen: the one point that matters.
        small: whether it is one of many.
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
    line: str = field(init=False, default="")

    def __post_init__(self) -> None:
        if len(self.dots) > 1:
            object.__setattr__(self, "line", " ".join(f"{dot.x:g},{dot.y:g}" for dot in self.dots))


def column(
    x: Axis, y: Axis, span: tuple[float, float], heights: Sequence[float], notes: Sequence[str]
) -> list[ChartBar]:
    """Bars over `span` of the x axis, one on the other; their tones are `tone-0`, `tone-1`, ..."""
    left, right = x.place(span[0]), x.place(span[1])
    gap = min(0.25, (right - left) * 0.1)
    bars, total = [], 0.0
    for place, (height, note) in enumerate(zip(heights, notes, strict=True)):
        if height <= 0:
            continue
        base = y.place(total)
        top = max(y.place(total + height), base + 0.6)  # what exists can be seen
        width = max(right - left - gap, 0.1)
        bars.append(ChartBar(left, round(100 - top, 3), round(width, 3), round(top - base, 3), f"tone-{place}", note))
        total += height
    return bars
