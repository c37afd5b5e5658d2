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
    size_for,
    stacks,
    styled,
)
from msgsim.report.figures.data import FaultBand, Floats, Provenance
from msgsim.report.figures.panels import counts_axis, limit_line, shade_faults, time_axis
from msgsim.report.style import ALARM, CATEGORIES, DASHES, FONT_PT, Look

_PANEL_IN = 1.75
_KEY_ROW_IN = 0.2
_PERIODS = {60: "1 minute", 300: "5 minutes", 900: "15 minutes", 3_600: "1 hour",
            21_600: "6 hours", 86_400: "1 day"}  # fmt: skip
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
    all_ = list(filled.values())
    columns, rows = columns_for(len(filled)), len(first.panels)
    end_s = max(data.end_s for data in filled.values())
    with styled():
        period = _PERIODS.get(round(first.period_s), f"{first.period_s:g} s")
        title = f"{name(first.resource)} in CloudWatch ({first.namespace}), periods of {period}"
        wide = 2 if columns == 1 else 1
        keys = sum(_key_rows(panel, wide) for panel in first.panels)
        size = size_for(len(filled), 1.1 + _PANEL_IN * rows + _KEY_ROW_IN * keys)
        figure = new_figure(title, provenance, *size)
        found = stacks(figure, len(filled), [1] * rows)
        for row in range(rows):
            _scale(found[0][row], [data.panels[row] for data in filled.values()])
        for index, ((variant, data), stack) in enumerate(zip(filled.items(), found, strict=True)):
            for axes, panel in zip(stack, data.panels, strict=True):
                row = stack.index(axes)
                metrics = [line.metric for each in all_ for line in each.panels[row].lines]
                _draw(axes, panel, data.period_s, list(dict.fromkeys(metrics)))
                first_row = axes is stack[0]
                rows_of_key = max(_key_rows(each.panels[row], wide) for each in all_)
                _key(axes, columns, rows_of_key, name(variant) if first_row else "")
                counts_axis(axes, panel.unit if index % columns == 0 else "")
            time_axis(stack[-1], end_s)
            shade_faults(stack, data.faults, end_s)
    return figure


def _scale(axes: Axes, panels: Sequence[TwinPanel]) -> None:
    peak = max(panel.peak for panel in panels)
    limits = [panel.limit[0] for panel in panels if panel.limit and _near(panel)]
    axes.set_ylim(0, max([peak, *limits, 1e-9]) * 1.14)


def _near(panel: TwinPanel) -> bool:
    return panel.limit is not None and panel.peak >= _NEAR * panel.limit[0]


def _draw(axes: Axes, panel: TwinPanel, period_s: float, metrics: Sequence[str]) -> None:
    """Draw a panel; a metric looks the same in every variant."""
    for line in panel.lines:
        look = LOOKS[metrics.index(line.metric) % len(LOOKS)]
        label = f"{line.metric} ({line.statistic})"
        few = len(line.time_s) <= _FEW
        for place, (times, values) in enumerate(_runs(line, period_s)):
            axes.plot(
                times, values, color=look.colour, linestyle=look.dashes, linewidth=1.5,
                marker=look.marker if few or len(times) == 1 else "", markersize=4,
                label=label if place == 0 else "",
            )  # fmt: skip
    if panel.limit is not None and _near(panel):
        limit_line(axes, panel.limit[0], panel.limit[1], ALARM)


def _key_rows(panel: TwinPanel, wide: int) -> int:
    return -(-len(panel.lines) // wide)


def _key(axes: Axes, columns: int, rows: int, variant: str) -> None:
    """Name the metrics above their panel, and leave room for as many rows as any variant needs."""
    blank = "\n".join(" " * max(1, rows))
    axes.set_title(f"{variant}\n{blank}" if variant else blank, pad=2, linespacing=1.05)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=2 if columns == 1 else 1,
            fontsize=FONT_PT - (2 if columns < 3 else 4), borderaxespad=0, borderpad=0.1,
            handlelength=1.6, labelspacing=0.25,
        ).set_in_layout(False)  # fmt: skip


def _runs(line: TwinLine, period_s: float) -> list[tuple[Floats, Floats]]:
    """Cut a line where periods are missing."""
    times = line.time_s
    cuts = [0, *(i for i in range(1, len(times)) if times[i] - times[i - 1] > period_s * 1.5)]
    ends = [*cuts[1:], len(times)]
    return [(times[a:b], line.values[a:b]) for a, b in zip(cuts, ends, strict=True)]
