"""Twins: CloudWatch's own metrics of one resource, a point for each period, and their limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from msgsim.report.figures.canvas import (
    columns_for,
    name,
    new_figure,
    panel_title,
    size_for,
    stacks,
    styled,
)
from msgsim.report.figures.data import FaultBand, Floats, Provenance
from msgsim.report.figures.panels import counts_axis, limit_line, shade_faults, time_axis
from msgsim.report.style import ALARM, CATEGORIES, DASHES, FONT_PT, Look, duration_text

_PANEL_IN = 2.0
_NEAR = 0.5
_FEW = 40
LOOKS = tuple(Look(CATEGORIES[i], DASHES[i % 2], "o") for i in (0, 1, 2, 3))


@dataclass(frozen=True, eq=False)
class TwinLine:
    """One metric: its name, the statistic, begins of periods with data, and the values."""

    metric: str
    statistic: str
    time_s: Floats
    values: Floats


@dataclass(frozen=True, eq=False)
class TwinPanel:
    """Metrics of one unit; `limit` is a value and its name, drawn when it is near."""

    unit: str
    lines: Sequence[TwinLine]
    limit: tuple[float, str] | None = None

    @property
    def peak(self) -> float:
        """The largest value."""
        return max((float(line.values.max(initial=0)) for line in self.lines), default=0.0)


@dataclass(frozen=True, eq=False)
class TwinData:
    """Everything that a figure shows of one resource.

    Attributes:
        resource: its name.
        namespace: such as `AWS/SQS`.
        panels: from above.
        period_s: how far points are apart.
        end_s: when the run ended.
        faults: bands to shade.
    """

    resource: str
    namespace: str
    panels: Sequence[TwinPanel]
    period_s: float
    end_s: float
    faults: Sequence[FaultBand] = ()


def twins(runs: Mapping[str, TwinData], provenance: Provenance) -> Figure | None:
    """Draw CloudWatch's metrics of one resource, as its console would.

    A point stands at the beginning of its period. Neighbouring periods are joined; a gap is a
    period without data. A limit is drawn when half of it or more was reached.

    Returns:
        None without any metric.
    """
    filled = {variant: data for variant, data in runs.items() if data.panels}
    if not filled:
        return None
    first = next(iter(filled.values()))
    columns, rows = columns_for(len(filled)), len(first.panels)
    end_s = max(data.end_s for data in filled.values())
    with styled():
        period = duration_text(first.period_s)
        title = f"{name(first.resource)} in CloudWatch ({first.namespace}), a point for {period}"
        size = size_for(len(filled), 1.1 + _PANEL_IN * rows)
        figure = new_figure(title, provenance, *size)
        found = stacks(figure, len(filled), [1] * rows)
        for row in range(rows):
            _scale(found[0][row], [data.panels[row] for data in filled.values()])
        for index, ((variant, data), stack) in enumerate(zip(filled.items(), found, strict=True)):
            for axes, panel in zip(stack, data.panels, strict=True):
                _draw(axes, panel, data.period_s)
                if index % columns == 0:
                    counts_axis(axes, panel.unit)
            time_axis(stack[-1], end_s)
            panel_title(stack[0], columns, variant)
            shade_faults(stack, data.faults, end_s)
    return figure


def _scale(axes: Axes, panels: Sequence[TwinPanel]) -> None:
    peak = max(panel.peak for panel in panels)
    limits = [panel.limit[0] for panel in panels if panel.limit and _near(panel)]
    axes.set_ylim(0, max([peak, *limits, 1e-9]) * 1.42 or 1.0)


def _near(panel: TwinPanel) -> bool:
    return panel.limit is not None and panel.peak >= _NEAR * panel.limit[0]


def _draw(axes: Axes, panel: TwinPanel, period_s: float) -> None:
    for line, look in zip(panel.lines, LOOKS, strict=False):
        label = f"{line.metric} ({line.statistic})"
        few = len(line.time_s) <= _FEW
        for place, (times, values) in enumerate(_runs(line, period_s)):
            axes.plot(
                times, values, color=look.colour, linestyle=look.dashes, linewidth=1.5,
                marker=look.marker if few or len(times) == 1 else "", markersize=4,
                label=label if place == 0 else "",
            )  # fmt: skip
    axes.legend(
        loc="upper left", ncols=2, fontsize=FONT_PT - 3, borderaxespad=0.1, handlelength=1.6
    )
    if panel.limit is not None and _near(panel):
        limit_line(axes, panel.limit[0], panel.limit[1], ALARM)


def _runs(line: TwinLine, period_s: float) -> list[tuple[Floats, Floats]]:
    """Cut a line where periods are missing."""
    times = line.time_s
    cuts = [0, *(i for i in range(1, len(times)) if times[i] - times[i - 1] > period_s * 1.5)]
    ends = [*cuts[1:], len(times)]
    return [(times[a:b], line.values[a:b]) for a, b in zip(cuts, ends, strict=True)]
