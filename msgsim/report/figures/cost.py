"""Cost: what a month at the run's rate costs, by component and request type, as stacked bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from msgsim.report.figures.canvas import (
    columns_for,
    key_above,
    name,
    new_figure,
    panel_title,
    size_for,
    stacks,
    styled,
)
from msgsim.report.figures.data import CostData, Provenance
from msgsim.report.money import dollars
from msgsim.report.style import CATEGORIES, FAINT, FONT_PT, INK

MOST_BARS = 10
REST = "other"
_BAR_IN = 0.42


def cost(runs: Mapping[str, CostData], provenance: Provenance) -> Figure | None:
    """Draw one bar per component, the dearest above; its parts are request types.

    The five dearest request types have a colour each, the rest share one; what is beyond ten
    components is one bar together.

    Returns:
        None when nothing costs anything.
    """
    filled = {variant: data for variant, data in runs.items() if data.month_usd > 0}
    if not filled:
        return None
    rows = _rows(list(filled.values()))
    colours = _colours(list(filled.values()))
    longest = max(sum(_bar(each, row, rows).values()) for each in filled.values() for row in rows)
    columns = columns_for(len(filled))
    with styled():
        height = 2.1 + _BAR_IN * len(rows)
        figure = new_figure(_title(filled), provenance, *size_for(len(filled), height))
        for (variant, each), (axes,) in zip(
            filled.items(), stacks(figure, len(filled), [1]), strict=True
        ):
            _draw(axes, [_bar(each, row, rows) for row in rows], rows, colours, longest)
            panel_title(axes, columns, variant, _said(each) if variant else "")
        key_above(figure, [Patch(color=colours[word], label=name(word)) for word in colours])
    return figure


def _title(runs: Mapping[str, CostData]) -> str:
    if len(runs) > 1:
        return "Cost of a month at this rate, by component and request type"
    return f"Cost: {_said(next(iter(runs.values())))}"


def _said(data: CostData) -> str:
    text = f"{dollars(data.month_usd)} a month at this rate"
    if data.per_million_usd is not None:
        text += f", {dollars(data.per_million_usd)} per 1 M messages"
    return text


def _sums(runs: Sequence[CostData], index: int) -> list[str]:
    """Return components (0) or request types (1), by what they cost in all runs together."""
    found: dict[str, float] = {}
    for run in runs:
        for part, usd in run.parts.items():
            found[part[index]] = found.get(part[index], 0.0) + usd
    return sorted((word for word, usd in found.items() if usd > 0), key=lambda word: -found[word])


def _rows(runs: Sequence[CostData]) -> list[str]:
    names = _sums(runs, 0)
    return names if len(names) <= MOST_BARS else [*names[: MOST_BARS - 1], REST]


def _colours(runs: Sequence[CostData]) -> dict[str, str]:
    words = _sums(runs, 1)
    shown = words if len(words) <= len(CATEGORIES) else words[: len(CATEGORIES) - 1]
    found = dict(zip(shown, CATEGORIES, strict=False))
    return found if len(shown) == len(words) else found | {REST: FAINT}


def _bar(data: CostData, row: str, rows: Sequence[str]) -> dict[str, float]:
    """Return the parts of a bar by request type."""
    found: dict[str, float] = {}
    for (component, request), usd in data.parts.items():
        if component == row or (row == REST and component not in rows):
            found[request] = found.get(request, 0.0) + usd
    return found


def _draw(
    axes: Axes,
    bars: Sequence[Mapping[str, float]],
    rows: Sequence[str],
    colours: Mapping[str, str],
    longest: float,
) -> None:
    for row, parts in enumerate(bars):
        begin = 0.0
        for word, colour in colours.items():
            length = parts.get(word, 0.0)
            if word == REST:
                length = sum(usd for each, usd in parts.items() if each not in colours)
            if length > 0:
                axes.barh(row, length, left=begin, color=colour, height=0.66, label=word)
            begin += length
        if begin > 0:
            axes.annotate(
                dollars(begin), (begin, row), xytext=(5, 0), textcoords="offset points",
                va="center", fontsize=FONT_PT - 1, color=INK,
            )  # fmt: skip
    axes.set_xlim(0, longest * 1.22)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [name(row) for row in rows])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.6g}"))
    axes.set_xlabel("US dollars a month")
    axes.grid(visible=False)
