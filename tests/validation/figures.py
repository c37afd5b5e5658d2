"""The figures of the validation page, in the style of all others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from msgsim.report.figures import save
from msgsim.report.figures.canvas import key_above, new_figure, panel_title, styled
from msgsim.report.figures.data import Provenance
from msgsim.report.style import BLUE, FAINT, GREY, INK, ORANGE, duration_text
from msgsim.version import __version__
from tests.validation import cold_starts, figures_of_load, latencies, propagation, throughput
from tests.validation.rows import Row

SHAPES = {"P10": "|", "P50": "o", "P90": "s", "P99": "D"}
ORIGIN = Provenance("validation", 1, __version__, version("numpy"))


def write(folder: Path) -> None:
    """Write every figure as SVG."""
    drawn = {
        "latency": latency(list(latencies.rows())),
        "throughput": figures_of_load.throughput(list(throughput.rows()), ORIGIN),
        "propagation": waits(),
        "on-demand": figures_of_load.growing(ORIGIN),
        "counts": figures_of_load.invocations(ORIGIN),
        "cold-starts": cold(list(cold_starts.rows())),
    }
    for name, figure in drawn.items():
        save(figure, folder, name, ("svg",))


def latency(rows: Sequence[Row]) -> Figure:
    """Draw quantiles of each service: measured with its bounds above, simulated below."""
    services = list(dict.fromkeys(row.what for row in rows))
    missed = sum(not row.within for row in rows)
    with styled():
        title = f"Latency at low load: {len(rows) - missed} of {len(rows)} quantiles within bounds"
        figure = new_figure(title, ORIGIN, 10.0, 6.4)
        axes = figure.add_subplot()
        for row in rows:
            y = services.index(row.what)
            shape = SHAPES[row.figure]
            axes.plot([row.low, row.high], [y - 0.17] * 2, color=FAINT, linewidth=9, zorder=2,
                      solid_capstyle="butt")  # fmt: skip
            _mark(axes, row.measured, y - 0.17, INK, shape)
            _mark(axes, row.simulated, y + 0.17, BLUE, shape)
        for y, service in enumerate(services):
            for offset, colour, value in ((-0.17, INK, "measured"), (0.17, BLUE, "simulated")):
                line = [getattr(row, value) for row in rows if row.what == service]
                axes.plot(line, [y + offset] * len(line), color=colour, linewidth=1, zorder=1)
        axes.set_xscale("log")
        axes.set_xlim(10, 2_500)
        axes.xaxis.set_major_locator(FixedLocator([10, 20, 50, 100, 200, 500, 1_000, 2_000]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: duration_text(x / 1_000)))
        axes.set_xlabel("latency added by the service (log scale)")
        axes.set_yticks(range(len(services)), services)
        axes.set_ylim(len(services) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", color="#EEEEEE")
        key_above(figure, [*_key(), Patch(color=FAINT, label="bounds"), *_shapes()])
    return figure


def _mark(axes: Axes, x: float, y: float, colour: str, shape: str) -> None:
    width = 2.2 if shape == "|" else 1
    edge = colour if shape == "|" else "white"
    axes.plot(x, y, shape, color=colour, markersize=9, markeredgewidth=width,
              markeredgecolor=edge, zorder=3)  # fmt: skip


def _key(line: str = "solid") -> list[Line2D]:
    return [
        Line2D([], [], color=INK, marker="o", linestyle=line, label="measured"),
        Line2D([], [], color=BLUE, marker="o", label="simulated"),
    ]


def _shapes() -> list[Line2D]:
    return [
        Line2D([], [], color=GREY, marker=shape, linestyle="none", label=name)
        for name, shape in SHAPES.items()
    ]


def waits() -> Figure:
    """Draw the interval between reads and the mean wait by the number of polling consumers."""
    consumers = np.array(propagation.SHARED)
    intervals, means = zip(*(propagation.polled(int(k)) for k in consumers), strict=True)
    with styled():
        title = "k consumers that poll a shard share five calls per second: one each 200 k ms"
        figure = new_figure(title, ORIGIN, 10.0, 4.8)
        axes = figure.add_subplot()
        axes.plot([1, 5], [200, 1_000], color=INK, linestyle=(0, (4, 3)), marker="o", markersize=9)
        axes.plot(consumers, intervals, color=BLUE, marker="s")
        axes.plot(consumers, means, color=ORANGE, marker="D")
        axes.set_xticks(consumers)
        axes.set_xlabel("polling consumers of one shard")
        axes.set_ylabel("ms")
        axes.set_ylim(0, 1_250)
        key_above(figure, [
            Line2D([], [], color=INK, linestyle=(0, (4, 3)), marker="o",
                   label="AWS: propagation, on average"),
            Line2D([], [], color=BLUE, marker="s", label="simulated interval"),
            Line2D([], [], color=ORANGE, marker="D", label="simulated mean wait"),
        ])  # fmt: skip
    return figure


def cold(rows: Sequence[Row]) -> Figure:
    """Draw shares of cold starts and numbers of instances by arrival rate."""
    rates = [experiment.per_s for experiment in cold_starts.EXPERIMENTS]
    with styled():
        title = "Cold starts: the most recent environment first, ten minutes of patience"
        figure = new_figure(title, ORIGIN, 10.0, 5.2)
        left, right = figure.subplots(1, 2)
        _course(left, rates, [row for row in rows if row.figure == "P(cold)"])
        left.set_yscale("log")
        left.set_yticks([0.2, 0.5, 1, 2, 5, 10, 20, 50])
        left.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g} %"))
        left.yaxis.set_minor_formatter(NullFormatter())
        panel_title(left, 2, "", "invocations that start cold (log scale)")
        _course(right, rates, [row for row in rows if row.figure == "instances"])
        right.set_ylim(0, 7.5)
        panel_title(right, 2, "", "mean number of instances")
        key_above(figure, [*_key("none"), Patch(color=FAINT, label="bounds")])
    return figure


def _course(axes: Axes, rates: Iterable[float], rows: Sequence[Row]) -> None:
    x = list(rates)
    axes.vlines(x, [row.low for row in rows], [row.high for row in rows], color=FAINT, linewidth=9)
    axes.plot(x, [row.measured for row in rows], "o", color=INK, markersize=8, zorder=4)
    axes.plot(x, [row.simulated for row in rows], color=BLUE, marker="o", markersize=6, zorder=3,
              markeredgecolor="white")  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([0.002, 0.01, 0.05, 0.2, 0.6]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlim(0.0014, 0.85)
    axes.set_xlabel("arrivals per second (log scale)")
