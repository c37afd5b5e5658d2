"""Material: everything a page is made from, gathered once.

What the runs' own observers know is in the plain results. Pictures of flow, lives of messages and
the film need other observers; the first replication of each variant is run again for them, which
repeats it exactly.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from msgsim.experiment.results import Results
from msgsim.experiment.retell import Told
from msgsim.experiment.run import Run, drive, prepare
from msgsim.kernel.component import Component
from msgsim.kernel.signals import Listener, Signal
from msgsim.observe.flow import Flow
from msgsim.observe.trace import Interest, Span, SpanBuilder, Tracer, chosen
from msgsim.report.replay import Film, Filming, Surprises, film
from msgsim.report.replay.film import MOST_MESSAGES
from msgsim.scenario.build import build
from msgsim.scenario.schema import Scenario

NS_PER_S = 1_000_000_000
LIVES = 5
"""Messages of each sort whose lives are told."""

BEFORE = 0.25
"""Share of a film that lies before its surprise."""


class Facts:
    """Observer: how many messages each fact of each component was about."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}

    def of(self, name: str) -> Counter[str]:
        """Return the counts of one component; none for a name that announces nothing."""
        return self.counts.get(name, Counter())

    def listener(self, component: Component, signal: Signal) -> Listener | None:
        """Count every fact that carries something."""
        if not signal.carries:
            return None
        counts = self.counts.setdefault(component.name, Counter())
        name = signal.name
        if signal.carries[0] == "deliveries":

            def several(now: int, deliveries: list[Any], *rest: Any) -> None:
                counts[name] += len(deliveries)

            return several

        def one(now: int, *facts: Any) -> None:
            counts[name] += 1

        return one


@dataclass
class Shown:
    """One variant of a page.

    Attributes:
        variant: its name, empty without variants.
        scenario: its design.
        run: its first replication.
        plain: the same as plain data.
        flow, facts: what came and went.
        interest: kind → message numbers, how much, where.
        spans: the lives of the interesting messages, by number.
        film: for the player.
    """

    variant: str
    scenario: Scenario
    run: Run
    plain: dict[str, Any]
    flow: Flow
    facts: Facts
    interest: dict[str, list[tuple[int, int, str]]]
    spans: dict[int, list[Span]] = field(default_factory=dict)
    film: Film = field(default_factory=Film)


@dataclass
class Material:
    """What a page is made from.

    Attributes:
        results, plain: the runs, and the same as plain data.
        again: the command that repeats them.
        shown: one for each variant.
    """

    results: Results
    plain: dict[str, Any]
    again: str
    shown: list[Shown]

    @property
    def variants(self) -> bool:
        """Whether there is more than one design."""
        return len(self.shown) > 1


def gather(results: Results, plain: dict[str, Any], again: str) -> Material:
    """Run the first replication of each variant again with the page's own observers."""
    shown, surprises = [], []
    for variant, kept in results.firsts().items():
        told = Told(results.variants[variant], kept.seed, kept.replication)
        system = build(told.scenario, told.seed, told.replication)
        flow, facts, interest, surprise = Flow(system), Facts(), Interest(LIVES), Surprises()
        until = round(kept.plain["simulated_s"] * NS_PER_S)
        run = _again(told, until, flow, facts, interest, surprise)
        kinds = ("slowest", "most_received", "dead_lettered")
        found = {kind: interest.ranked(kind) for kind in kinds}
        shown.append(Shown(variant, told.scenario, run, kept.plain, flow, facts, found))
        surprises.append(surprise)
    from_ns = _begin(surprises, shown)
    for each in shown:
        _tell(each, from_ns)
    return Material(results, plain, again, shown)


def _told(run: Run) -> Told:
    return Told(run.scenario, run.seed, run.replication)


def _again(told: Told, until_ns: int, *observers: Any) -> Run:
    """Run as far as the run had come; an interrupted one stops where it stopped."""
    run = prepare(told.scenario, seed=told.seed, replication=told.replication, observers=observers)
    drive(run, stop=lambda: run.simulated_ns >= until_ns)
    return run


def _begin(surprises: list[Surprises], shown: list[Shown]) -> int:
    """Return from when on messages are filmed: a little before the first surprise of any variant."""
    published = max((found.published for found in surprises), default=0)
    if published <= MOST_MESSAGES:
        return 0
    births = [one.born_ns for found in surprises for one in found.first.values()]
    if not births:
        return 0
    gap_ns = max(each.run.simulated_ns for each in shown) / published
    return max(0, round(min(births) - BEFORE * MOST_MESSAGES * gap_ns))


def _tell(shown: Shown, from_ns: int) -> None:
    """Collect the lives of the interesting messages, and the film."""
    told = _told(shown.run)
    numbers = {number for ranked in shown.interest.values() for number, _, _ in ranked}
    spans: list[Span] = []
    system = build(told.scenario, told.seed, told.replication)
    via = {route.subscriber: (route.via,) for route in system.routes if route.via is not None}
    builder = SpanBuilder(spans.append, via)
    filming = Filming(system, from_ns)
    until = shown.run.simulated_ns
    _again(told, until, Tracer(builder, chosen(numbers)), Tracer(filming), filming)
    builder.finish(until)
    for span in sorted(spans, key=lambda span: (span.start_ns, span.end_ns)):
        shown.spans.setdefault(span.message, []).append(span)
    shown.film = film(filming, shown.variant)
