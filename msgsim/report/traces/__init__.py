"""Traces in the formats of other tools, written while a run goes on; memory stays bounded."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import IO, Any

from msgsim.experiment.retell import Told
from msgsim.experiment.run import Run
from msgsim.files import streamed
from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.trace import Choice, Span, SpanBuilder, Tracer
from msgsim.report.traces.events import EventLines
from msgsim.report.traces.opentelemetry import OtlpFile
from msgsim.report.traces.perfetto import PerfettoFile
from msgsim.report.traces.xray import XRayFile
from msgsim.scenario.build import System, build
from msgsim.version import __version__

FORMATS = ("events", "perfetto", "otlp", "xray")

NS_PER_S = 1_000_000_000

__all__ = ["FORMATS", "write_trace"]


def write_trace(
    path: str | os.PathLike[str], told: Told, form: str = "events", choice: Choice = None
) -> Run:
    """Run a scenario once more and write what happened to its messages.

    Args:
        path: the file; it appears when it is complete.
        told: which run.
        form: `events` (JSON lines), `perfetto`, `otlp` or `xray`.
        choice: which messages; all of them if None.

    Raises:
        ProblemError: E160, the file cannot be written.
        ValueError: no such format.
    """
    if form not in FORMATS:
        raise ValueError(f"{form} is none of {', '.join(FORMATS)}")
    with streamed(path) as stream:
        return _WRITERS[form](stream, told, choice)


def _events(stream: IO[str], told: Told, choice: Choice) -> Run:
    lines = EventLines(stream)
    run = told.again(Tracer(lines, choice))
    lines.flush()
    return run


def _perfetto(stream: IO[str], told: Told, choice: Choice) -> Run:
    system = build(told.scenario, told.seed, told.replication)
    kinds = {name: part.kind for name, part in system.components.items()}
    file = PerfettoFile(stream, kinds, _ordered(system))
    builder = _spans(system, file.span)
    run = told.again(Tracer(builder, choice), _Executions(file))
    builder.finish(run.simulated_ns)
    for name, queue in run.observers.to_json()["queues"].items():
        visible, flying = queue["visible"]["course"], queue["in_flight"]["course"]
        moments = zip(visible["time_s"], visible["mean"], flying["mean"], strict=False)
        for time_s, waiting, in_flight in moments:
            values = {"visible": waiting, "in flight": in_flight}
            file.counter(name, round(time_s * NS_PER_S), values)
    file.close()
    return run


def _otlp(stream: IO[str], told: Told, choice: Choice) -> Run:
    system = build(told.scenario, told.seed, told.replication)
    kinds = {name: part.kind for name, part in system.components.items()}
    sources = {name: part.judged for name, part in system.components.items()}
    for route in system.routes:
        sources |= dict.fromkeys(route.workloads, route.entry)
    file = OtlpFile(stream, told.scenario.name, __version__, system.sim.seed, told.replication,
                    kinds, sources)  # fmt: skip
    builder = _spans(system, file.span)
    run = told.again(Tracer(builder, choice))
    builder.finish(run.simulated_ns)
    file.flush()
    return run


def _xray(stream: IO[str], told: Told, choice: Choice) -> Run:
    system = build(told.scenario, told.seed, told.replication)
    file = XRayFile(stream, system.sim.seed, told.replication)
    builder = _spans(system, file.span)
    run = told.again(Tracer(builder, choice))
    builder.finish(run.simulated_ns)
    return run


_WRITERS: dict[str, Callable[[IO[str], Told, Choice], Run]] = {
    "events": _events,
    "perfetto": _perfetto,
    "otlp": _otlp,
    "xray": _xray,
}


def _spans(system: System, sink: Callable[[Span], Any]) -> SpanBuilder:
    via: dict[str, tuple[str, ...]] = {}
    for route in system.routes:
        if route.via is not None:
            via[route.subscriber] = (*via.get(route.subscriber, ()), route.via)
    return SpanBuilder(sink, via)


def _ordered(system: System) -> set[str]:
    """Return the FIFO queues, and who reads them: what they do goes by message group."""
    fifo = {name for name, part in system.components.items() if getattr(part, "fifo", False)}
    return fifo | {name for name, part in system.components.items() if part.judged in fifo}


class _Executions:
    """Observer: writes every execution of a function or worker."""

    def __init__(self, file: PerfettoFile) -> None:
        self._file = file

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Listen to the ends of executions."""
        if signal.name != "ended":
            return None
        file, place = self._file, component.name

        def ended(now: int, duration_ns: int, status: str) -> None:
            file.execution(place, now - duration_ns, now, status)

        return ended
