"""The figures of load: throughput by threads, invocations over time, an on-demand stream."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from msgsim.report.figures.canvas import key_above, new_figure, panel_title, styled
from msgsim.report.figures.data import Provenance
from msgsim.report.style import BLUE, FAINT, GREY, INK, ORANGE, duration_text
from tests.validation import counts, large_records, on_demand
from tests.validation.rows import NS_PER_S, Row

THREADS = (1, 5, 25, 50)


def throughput(rows: Sequence[Row], origin: Provenance) -> Figure:
    """Draw messages per second, and 95th percentiles, by the number of threads."""
    with styled():
        title = "Clients of a queue: rates as measured; waits of busy machines are not"
        figure = new_figure(title, origin, 10.0, 5.2)
        left, right = figure.subplots(1, 2)
        for axes, shapes in (
            (left, {"sent": "o", "received": "s"}),
            (right, {"processing P95": "o", "send P95": "s"}),
        ):
            for what, shape in shapes.items():
                _by_threads(axes, [row for row in rows if row.figure == what], shape)
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(NullFormatter())
        left.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
        panel_title(left, 2, "", "messages/s (log scale)")
        right.yaxis.set_major_formatter(FuncFormatter(lambda y, _: duration_text(y / 1_000)))
        panel_title(right, 2, "", "95th percentiles (log scale)")
        key_above(figure, [
            Line2D([], [], color=INK, marker="o", linestyle="none", label="measured"),
            Line2D([], [], color=BLUE, marker="o", label="simulated"),
            Line2D([], [], color=GREY, marker="o", linestyle="none", label="sent, processing"),
            Line2D([], [], color=GREY, marker="s", linestyle="none", label="received, send call"),
        ])  # fmt: skip
    return figure


def _by_threads(axes: Axes, rows: Sequence[Row], shape: str) -> None:
    known = {f"{count} thread{'s' if count > 1 else ''}": count for count in THREADS}
    rows = [row for row in rows if row.what in known]
    x = [known[row.what] for row in rows]
    axes.plot(x, [row.measured for row in rows], shape, color=INK, markersize=9, zorder=3)
    axes.plot(x, [row.simulated for row in rows], color=BLUE, marker=shape, markersize=6, zorder=4,
              markeredgecolor="white")  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(THREADS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("threads of each machine (log scale)")


def invocations(origin: Provenance) -> Figure:
    """Draw when the function of each counted case is invoked, with how many records."""
    cases = list(counts.CASES)
    with styled():
        title = "Retries of a stream's mapping: as many invocations as were counted on AWS"
        figure = new_figure(title, origin, 10.0, 4.6)
        axes = figure.add_subplot()
        for y, case in enumerate(cases):
            starts, _ = counts.invoked(case)
            first = starts[0][0]
            seconds = [(now - first) / NS_PER_S + 0.1 for now, *_ in starts]
            axes.plot(seconds, [y] * len(starts), color=FAINT, linewidth=1, zorder=1)
            axes.scatter(seconds, [y] * len(starts), color=BLUE, zorder=3,
                         s=[30 + 14 * records for _, records, _ in starts])  # fmt: skip
            for x, count, colour in ((120, len(starts), BLUE), (340, COUNTED[case], INK)):
                axes.text(x, y, str(count), color=colour, va="center", ha="center", weight="bold")
        axes.text(120, -0.75, "simulated", color=BLUE, va="center", ha="center")
        axes.text(340, -0.75, "AWS", color=INK, va="center", ha="center")
        axes.set_xscale("log")
        axes.set_xlim(0.08, 500)
        axes.xaxis.set_major_locator(FixedLocator([0.1, 0.35, 1.1, 5.1, 10.1, 60.1]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: duration_text(x - 0.1)))
        axes.set_xlabel("since the first invocation (log scale)")
        axes.set_yticks(range(len(cases)), [_short(case) for case in cases])
        axes.set_ylim(len(cases) - 0.5, -1.1)
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", color="#EEEEEE")
    return figure


COUNTED = {
    counts.AGED: 8,
    "r = 1": 2,
    "r = 2": 3,
    "r = 3": 4,
    counts.SIXTH: 6,
    counts.TWO_PUTS: 2,
}
"""Invocations of each case on AWS; of the bad record, five deliveries after a batch without it."""


def _short(case: str) -> str:
    """Break a name at its commas, two parts to a line."""
    parts = case.split(", ")
    return ",\n".join(", ".join(parts[at : at + 2]) for at in range(0, len(parts), 2))


def growing(origin: Provenance) -> Figure:
    """Draw what a stream stores of a growing load, and what it refuses of large records."""
    found, minutes = on_demand.standard(), range(on_demand.AFTERWARDS)
    warm = on_demand.warm()
    per_minute = 60 * on_demand.PER_MIB
    with styled():
        title = "An on-demand stream doubles again and again; a warm one takes it all at once"
        figure = new_figure(title, origin, 10.0, 5.2)
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        stored = [found.stored[minute] / per_minute for minute in minutes]
        offered = [
            (found.stored[minute] + found.refused[minute]) / per_minute for minute in minutes
        ]
        left.fill_between(minutes, stored, offered, color=ORANGE, alpha=0.5, linewidth=0)
        left.plot(minutes, offered, color=INK, linewidth=1.2)
        left.plot(minutes, stored, color=BLUE)
        left.plot(minutes[::3], [warm.stored[minute] / per_minute for minute in minutes[::3]], "s",
                  color=GREY, markersize=5, markerfacecolor="white", zorder=4)  # fmt: skip
        left.set_xlabel("minutes")
        left.set_xlim(0, on_demand.AFTERWARDS)
        left.set_ylim(0, 70)
        panel_title(left, 2, "", "MiB/s of a growing load")
        _large(right)
        key_above(figure, [
            Line2D([], [], color=INK, linewidth=1.2, label="offered"),
            Line2D([], [], color=BLUE, label="stored"),
            Line2D([], [], color=GREY, marker="s", markerfacecolor="white", linestyle="none",
                   label="stored, 100 MiB/s warm"),
            Patch(color=ORANGE, alpha=0.5, label="refused"),
        ])  # fmt: skip
    return figure


def _large(axes: Axes) -> None:
    shares = (0, 1, 2, 3, 4, 5)
    axes.plot(shares, [large_records.refused(share) for share in shares], color=ORANGE, marker="o")
    axes.plot(shares, [large_records.too_many(share) for share in shares], color=INK,
              linestyle=(0, (4, 3)), linewidth=1.2)  # fmt: skip
    axes.text(4.2, 1.15, "dashed: more than\nfour shards carry", ha="right", color=INK)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g} %"))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g} %"))
    axes.set_xlabel("share of records of 2 MiB")
    axes.set_ylim(0, None)
    panel_title(axes, 2, "", "records refused")
