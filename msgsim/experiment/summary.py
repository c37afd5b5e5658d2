"""Summary: all that is kept of one run, as plain data that travels between processes and to disk.

The live model (`Run`) ends with the process that ran it. A summary holds what JSON shows of it, the
value of every metric, the distributions as mergeable histograms, what expectations asked, and
what pictures need beyond that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from msgsim.experiment.run import Run
from msgsim.experiment.theory.beside import beside
from msgsim.model.catalog import Number
from msgsim.model.routes import Route
from msgsim.observe import Metrics
from msgsim.observe.histogram import EXACT_LIMIT, PACKED_EXACT, Durations, Packed
from msgsim.observe.measure import Distribution, Measure, dimension_of

NS_PER_S = 1_000_000_000

Ask = tuple[str, tuple[str, str] | None, str, Any]
"""Target, selector, metric and statistic, as `Metrics.value` takes them."""


@dataclass(eq=False)
class Summary:
    """What is kept of one run.

    Attributes:
        variant: its variant's name.
        replication: index of the replication.
        plain: its entry in the JSON document.
        names: `Target.metric` and `Target.metric.statistic` of every metric; empty if not wanted.
        values: their values in base units, NaN without data.
        dimensions: their dimensions.
        distributions: `Target.metric` → histogram.
        stretches: subscriber → counts and sums of latencies (ns) in the order of completion.
        answers: what expectations asked, windows and selectors included.
        since_s: rule's number → since when it was violated, by the pauses of the run.
        assumptions: kind, name, value, unit and source of every assumption in use.
        notes: remarks of components about themselves.
        pictures: what figures need beyond `plain`.
        tables: recorded tables as columns.
        wall_s: how long it took on its machine.
    """

    variant: str
    replication: int
    plain: dict[str, Any]
    names: tuple[str, ...] = ()
    values: Any = None
    dimensions: tuple[str, ...] = ()
    distributions: dict[str, Packed] = field(default_factory=dict)
    stretches: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict)
    answers: dict[Ask, float | None] = field(default_factory=dict)
    since_s: dict[int, float] = field(default_factory=dict)
    assumptions: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    wall_s: float = 0.0

    @property
    def seed(self) -> int:
        """The seed of its random draws."""
        return int(self.plain["seed"])

    @property
    def events(self) -> int:
        """Events handled."""
        return int(self.plain["events"])

    @property
    def partial(self) -> bool:
        """Whether it was interrupted."""
        return bool(self.plain["partial"])

    def answer(self, ask: Ask) -> float | None:
        """Return the value of what was asked; None without data.

        Raises:
            KeyError: it was neither asked before the run, nor is it in the table.
        """
        if ask in self.answers:
            return self.answers[ask]
        target, selector, metric, stat = ask
        if selector is not None or not isinstance(stat, str):
            raise KeyError(ask)
        return self.value(f"{target}.{metric}.{stat}" if stat else f"{target}.{metric}")

    def value(self, name: str) -> float | None:
        """Return a metric's value by its full name; None without data.

        Raises:
            KeyError: there is no metric of that name.
        """
        found = float(self.values[self.place(name)])
        return None if np.isnan(found) else found

    def place(self, name: str) -> int:
        """Return where a metric stands in the table; `KeyError` if nowhere."""
        places = _places(self.names)
        return places[name]

    def distribution(self, name: str) -> Durations | None:
        """Return a distribution by `Target.metric`, or None."""
        packed = self.distributions.get(name)
        return Durations.unpacked(packed) if packed is not None else None


_PLACES: dict[int, tuple[tuple[str, ...], dict[str, int]]] = {}


def _places(names: tuple[str, ...]) -> dict[str, int]:
    found = _PLACES.get(id(names))
    if found is None or found[0] is not names:
        if len(_PLACES) > 64:
            _PLACES.clear()
        found = _PLACES[id(names)] = names, {name: place for place, name in enumerate(names)}
    return found[1]


def share_names(summaries: Sequence[Summary]) -> None:
    """Let summaries with equal names share one tuple of them, to save memory."""
    known: dict[tuple[str, ...], tuple[str, ...]] = {}
    for summary in summaries:
        summary.names = known.setdefault(summary.names, summary.names)
        summary.dimensions = known.setdefault(summary.dimensions, summary.dimensions)


def summarise(run: Run, asks: Sequence[Ask] = (), *, table: bool, alone: bool = False) -> Summary:
    """Return what is kept of a finished run.

    Args:
        run: the run.
        asks: what expectations asked.
        table: whether the value of every metric is wanted.
        alone: it is the only replication, so that distributions stay exact for longer.
    """
    metrics = run.observers.metrics
    most = EXACT_LIMIT if alone else PACKED_EXACT
    first = run.replication == 0
    plain = plain_run(run)
    found = Summary(
        run.variant,
        run.replication,
        plain if first else _without_courses(plain),
        answers={ask: metrics.value(*ask) for ask in asks},
        assumptions=_assumptions(run),
        notes=_notes(run),
        pictures=_pictures(run) if first else {},
        stretches={
            name: (seen.stretches.counts, seen.stretches.totals)
            for name, seen in run.observers.latency.subscribers.items()
        },
        wall_s=run.wall_s,
    )
    if table:
        fill_table(found, metrics, run.simulated_ns, most)
    else:
        found.distributions = {
            f"{name}.latency": seen.end_to_end.packed(most)
            for name, seen in run.observers.latency.subscribers.items()
        }
    return found


def fill_table(summary: Summary, metrics: Metrics, now: int, most: int = EXACT_LIMIT) -> None:
    """Write the value of every metric into a summary."""
    names: list[str] = []
    values: list[float | None] = []
    dimensions: list[str] = []
    for target in metrics.targets():
        known: dict[int, list[tuple[str, float | None, str]]] = {}
        for metric, measure in metrics.measures(target).items():
            rows = known.get(id(measure))
            if rows is None:
                rows = known[id(measure)] = list(_rows(measure, now))
            for stat, value, dimension in rows:
                names.append(f"{target}.{metric}.{stat}" if stat else f"{target}.{metric}")
                values.append(value)
                dimensions.append(dimension)
            if isinstance(measure, Distribution):
                summary.distributions[f"{target}.{metric}"] = measure.read().packed(most)
    summary.names, summary.dimensions = tuple(names), tuple(dimensions)
    summary.values = np.array([np.nan if v is None else v for v in values], dtype=float)


def _rows(measure: Measure, now: int) -> list[tuple[str, float | None, str]]:
    rows = [(stat, measure.value(stat, now), dimension_of(measure, stat)) for stat in measure.stats]
    usual = measure.default
    return [("", measure.value(usual, now), dimension_of(measure, usual)), *rows]


def plain_run(run: Run) -> dict[str, Any]:
    """Return a run's entry in the JSON document."""
    seen = run.observers.to_json()
    return {
        "variant": run.variant,
        "replication": run.replication,
        "seed": run.seed,
        "simulated_s": run.simulated_ns / NS_PER_S,
        "events": run.events,
        "partial": run.partial,
        "kinds": {name: part.kind for name, part in run.system.components.items()},
        "routes": [_route(route) for route in run.system.routes],
        "concurrency_limits": _told(run, "concurrency_limit"),
        "in_flight_limits": _told(run, "in_flight_limit"),
        "threads": _told(run, "threads"),
        **seen,
        "theory": beside(run.scenario, seen, run.system.assumptions),
    }


_NO_COURSE: dict[str, list[float]] = {"time_s": [], "mean": [], "max": []}


def _without_courses(value: Any) -> Any:
    """Leave out what is long and drawn for the first replication alone."""
    if not isinstance(value, dict):
        return value
    return {
        key: _NO_COURSE if key == "course" else _without_courses(item)
        for key, item in value.items()
    }


def _told(run: Run, name: str) -> dict[str, Any]:
    """Return an attribute of every component that has it."""
    values = {key: getattr(part, name, None) for key, part in run.system.components.items()}
    return {key: value for key, value in values.items() if value is not None}


def _route(route: Route) -> dict[str, Any]:
    return {
        "entry": route.entry,
        "via": route.via,
        "subscriber": route.subscriber,
        "workloads": list(route.workloads),
        "dead_letter": route.dead_letter,
    }


def _assumptions(run: Run) -> list[dict[str, Any]]:
    used: Mapping[tuple[str, str], Number] = run.system.assumptions
    return [
        {
            "kind": kind,
            "name": name,
            "value": number.value,
            "unit": number.unit,
            "source": number.source,
        }
        for (kind, name), number in sorted(used.items())
    ]


def _notes(run: Run) -> list[str]:
    notes: dict[str, None] = {}
    for component in run.system.components.values():
        notes.update(dict.fromkeys(getattr(component, "notes", ())))
    return list(notes)


def _pictures(run: Run) -> dict[str, Any]:
    """Return faults as bands of time, samples of order and limits of streams."""
    stages = {
        name: {
            stage: (getattr(seen, stage).mean or 0.0) / NS_PER_S
            for stage in ("transit", "waiting", "processing")
        }
        for name, seen in run.observers.latency.subscribers.items()
    }
    order = {
        name: {**seen.sample.to_json(), "inversions": seen.inversions}
        for name, seen in run.observers.ordering.subscribers.items()
    }
    limits = {}
    for name in run.observers.shards.to_json().get("streams", {}):
        state = getattr(run.system.components[name], "state", None)  # none behind a table's stream
        limits[name] = state.limits.write_records_per_s if state is not None else None
    return {"faults": fault_times(run), "stages": stages, "order": order, "write_limits": limits}


def fault_times(run: Run) -> list[tuple[float, float, str]]:
    """Return begin, end (s) and description of the faults of a run; actions are moments."""
    faults = []
    end_s = run.simulated_ns / NS_PER_S
    for part in run.scenario.of_section("faults"):
        spec: Any = part.spec
        begin_s = spec.at / NS_PER_S
        if begin_s < end_s:
            text = getattr(run.system.components[part.name], "description", part.name)
            lasts_s = end_s if spec.for_ is None else spec.for_ / NS_PER_S
            faults.append((begin_s, min(end_s, begin_s + lasts_s), text))
    for at_ns, _, what, refused in run.observers.actions.done:
        if refused is None:
            faults.append((at_ns / NS_PER_S, at_ns / NS_PER_S, what))
    return faults
