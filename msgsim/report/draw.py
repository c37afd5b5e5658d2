"""All figures of a session of runs: which ones apply, and their files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgsim.experiment.results import Results
from msgsim.files import cannot_write
from msgsim.report import figures
from msgsim.report.collect import Pictured, pictured
from msgsim.report.figures.data import Provenance
from msgsim.report.style import looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Titled = tuple[str, str, "Figure"]


def draw_all(results: Results, plain: dict[str, Any], folder: str | os.PathLike[str]) -> list[Path]:
    """Write every figure that applies as PNG and SVG.

    Raises:
        ProblemError: the folder cannot be written to.
    """
    written: list[Path] = []
    for name, _, figure in all_figures(results, plain):
        try:
            written += figures.save(figure, folder, name)
        except OSError as error:
            raise cannot_write(folder, error) from None
    return written


def all_figures(results: Results, plain: dict[str, Any]) -> Iterator[Titled]:
    """Yield `(file name, what to look at, figure)` for every picture that applies."""
    runs = {variant: pictured(summary) for variant, summary in results.firsts().items()}
    origin = provenance(plain)
    colours = looks(
        sorted({n for run in runs.values() for n in (*run.latency, *run.queues, *run.servers)})
    )
    found = figures.latency(
        {variant: list(run.latency.values()) for variant, run in runs.items()}, origin, colours
    )
    if found is not None:
        yield "latency", "How long messages took, from publish to first completion.", found
    yield from _orders(runs, origin)
    yield from _each(
        runs, lambda run: run.queues, "queue",
        "How deep the queue was, and how old its oldest message.",
        lambda data: figures.depth_and_age(data, origin, colours),
    )  # fmt: skip
    yield from _each(
        runs, lambda run: run.servers, "concurrency", "How busy it was, against its limit.",
        lambda data: figures.concurrency(data, origin, colours),
    )  # fmt: skip
    yield from _each(
        runs, lambda run: run.streams, "shards", "What producers sent to each shard.",
        lambda data: figures.shard_load(data, origin),
    )  # fmt: skip
    found = figures.cost({variant: run.cost for variant, run in runs.items()}, origin)
    if found is not None:
        yield "cost", "What a month at this rate costs, by component and request type.", found


def _orders(runs: Mapping[str, Pictured], origin: Provenance) -> Iterator[Titled]:
    yield from _each(
        runs, lambda run: run.order, "order",
        "In which order messages were completed, against the order in which they were sent.",
        lambda data: figures.order(data, origin),
    )  # fmt: skip


def _each(
    runs: Mapping[str, Pictured],
    part: Callable[[Pictured], Mapping[str, Any]],
    kind: str,
    sentence: str,
    draw: Callable[[dict[str, Any]], Figure | None],
) -> Iterator[Titled]:
    """Yield one figure for each component that the runs have, the variants side by side."""
    names = {name: None for run in runs.values() for name in part(run)}
    for name in names:
        data = {variant: part(run)[name] for variant, run in runs.items() if name in part(run)}
        figure = draw(data)
        if figure is not None:
            yield figures.file_name(kind, name), f"{name}: {sentence}", figure


def provenance(plain: dict[str, Any]) -> Provenance:
    """Return what stands in the corner of every figure."""
    return Provenance(
        scenario=plain["scenario"]["name"],
        seed=plain["runs"][0]["seed"],
        msgsim=plain["versions"]["msgsim"],
        numpy=plain["versions"]["numpy"],
        note="partial" if plain["partial"] else "",
    )
