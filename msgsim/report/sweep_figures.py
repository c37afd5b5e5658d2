"""The pictures of a sweep, and the page that holds them with the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from msgsim import units
from msgsim.experiment.best import Best
from msgsim.experiment.sweep import Sweep
from msgsim.files import cannot_write, write_atomically
from msgsim.report import figures
from msgsim.report.figures.data import CurveData, MapData, Provenance, SweptMetric
from msgsim.report.figures.sweep import curve, heat_map
from msgsim.report.page.lean import Sheet, lean
from msgsim.report.sweeping import sweep_text
from msgsim.report.text import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Named = tuple[str, "Figure"]


def write_pictures(
    sweep: Sweep, best: Best | None, folder: Path, theme: str = "auto"
) -> list[Path]:
    """Write the figures as PNG and SVG, and `report.html`.

    Args:
        sweep: what came of all points.
        best: what is recommended.
        folder: where to write.
        theme: of the page: `light`, `dark` or `projector`; `auto` is the reader's own.

    Raises:
        ProblemError: E160, the folder cannot be written to.
    """
    written: list[Path] = []
    drawn = list(all_figures(sweep, best))
    for name, figure in drawn:
        try:
            written += figures.save(figure, folder, name)
        except OSError as error:
            raise cannot_write(folder, error) from None
    page = folder / "report.html"
    write_atomically(page, _page(sweep, best, drawn, theme))
    return [*written, page]


def all_figures(sweep: Sweep, best: Best | None) -> Iterator[Named]:
    """Yield one figure for each variant: a curve for one knob, a map for two, none for more."""
    knobs = sweep.plan.knobs
    variants = list(dict.fromkeys(row["variant"] for row in sweep.rows()))
    for variant in variants:
        rows = [row for row in sweep.rows() if row["variant"] == variant]
        chosen = best.winner if best is not None else None
        point = chosen.point if chosen is not None and chosen.variant == variant else None
        found = None
        if len(knobs) == 1:
            found = curve(_curve(sweep, rows, point), _provenance(sweep, variant))
        elif len(knobs) == 2:
            found = heat_map(_map(sweep, rows, point), _provenance(sweep, variant))
        if found is not None:
            yield figures.file_name("curve" if len(knobs) == 1 else "map", variant), found


def _provenance(sweep: Sweep, variant: str) -> Provenance:
    from msgsim.experiment.run import versions

    plan, known = sweep.plan, versions()
    notes = [variant, counted(plan.count, "replication"), "partial" if sweep.partial else ""]
    return Provenance(
        scenario=plan.scenario.name,
        seed=plan.seed if plan.seed is not None else plan.scenario.seed,
        msgsim=known["msgsim"],
        numpy=known["numpy"],
        note=", ".join(note for note in notes if note),
    )


def _curve(sweep: Sweep, rows: Sequence[dict[str, Any]], chosen: Any) -> CurveData:
    (knob,) = sweep.plan.knobs
    values = [row["point"].values[knob.path] for row in rows]
    shown = [sweep.asked[0], *[metric for metric in sweep.asked[1:] if "cost" in metric][:1]]
    places = [place for place, row in enumerate(rows) if row["point"] is chosen]
    return CurveData(
        knob.path,
        values,
        _numbers(values),
        [_metric(rows, metric) for metric in shown],
        [row["feasible"] for row in rows],
        places[0] if places else None,
    )


def _metric(rows: Sequence[dict[str, Any]], metric: str) -> SweptMetric:
    found = [row["metrics"][metric] for row in rows]
    columns = [
        np.array([np.nan if each[name] is None else each[name] for each in found], dtype=float)
        for name in ("estimate", "low", "high")
    ]
    return SweptMetric(metric, found[0]["dimension"] if found else "number", *columns)


def _numbers(values: Sequence[str]) -> list[float] | None:
    """Return values as numbers in one base unit; None if any is a word, or two are the same."""
    try:
        found = [units.parse_quantity(value) for value in values]
    except units.UnitError:
        return None
    numbers = [number for number, _ in found]
    if len({dimension for _, dimension in found}) > 1 or len(set(numbers)) < len(numbers):
        return None
    return numbers


def _map(sweep: Sweep, rows: Sequence[dict[str, Any]], chosen: Any) -> MapData:
    first, second = sweep.plan.knobs
    metric = sweep.asked[0]
    shape = (len(second.values), len(first.values))
    estimate = np.full(shape, np.nan)
    feasible = [["no"] * shape[1] for _ in range(shape[0])]
    ring = None
    dimension = "number"
    for row in rows:
        values = row["point"].values
        at = second.values.index(values[second.path]), first.values.index(values[first.path])
        found = row["metrics"][metric]
        dimension = found["dimension"]
        estimate[at] = np.nan if found["estimate"] is None else found["estimate"]
        feasible[at[0]][at[1]] = row["feasible"]
        ring = at if row["point"] is chosen else ring
    empty = np.full(shape, np.nan)
    swept = SweptMetric(metric, dimension, estimate, empty, empty)
    return MapData(first.path, second.path, first.values, second.values, swept, feasible, ring)


def _page(sweep: Sweep, best: Best | None, drawn: Sequence[Named], theme: str) -> str:
    title = escape(f"{sweep.plan.scenario.name}: sweep")
    sheet = Sheet()
    blocks = []
    for name, figure in drawn:
        svg = figures.render(figure, "svg", text_as_text=True).decode("utf-8")
        blocks.append(f"<figure>{lean(svg, f'{name}-', sheet, f'{title}, {name}')}</figure>")
    text = escape(sweep_text(sweep, best))
    style = files("msgsim.report.page").joinpath("page.css").read_text("utf-8")
    style += "\npre{overflow-x:auto}figure{margin:1rem 0}\n" + sheet.css()
    return (
        f'<!doctype html>\n<html lang="en" data-theme="{theme}"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{style}</style></head>\n<body><main><h1>{title}</h1>\n"
        f"{''.join(blocks)}\n<pre>{text}</pre>\n"
        f"<p>All points: index.csv, index.json</p></main></body></html>\n"
    )
