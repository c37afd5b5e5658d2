"""Faults: outages and slowdowns, and what happens when they overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.kernel.component import Component
from msgsim.kernel.signals import Signal
from msgsim.kernel.simulation import Simulation
from msgsim.model.service import Context
from msgsim.scenario.schema import as_text
from msgsim.services.faults import SERVICE
from msgsim.services.faults.spec import FaultSpec

S = 1_000_000_000


class Patient(Component):
    """Remembers when it went down and came back."""

    def __init__(self, sim: Simulation) -> None:
        super().__init__(sim, "Billing")
        self.story: list[tuple[int, str]] = []

    def fail(self) -> None:
        super().fail()
        self.story.append((self.sim.now // S, "down"))

    def recover(self) -> None:
        super().recover()
        self.story.append((self.sim.now // S, "up"))


class Told:
    """Keeps the announcements."""

    def __init__(self) -> None:
        self.facts: list[tuple[str, int, str]] = []

    def listener(self, component: Any, signal: Signal) -> Any:
        return lambda now, text: self.facts.append((signal.name, now // S, text))


def fault(**spec: Any) -> FaultSpec:
    return FaultSpec.model_validate(as_text(spec))


def suffer(*faults: dict[str, Any], look_at: tuple[int, ...] = ()) -> Any:
    """Run the faults; return the patient, its slowness at the seconds asked, and what was told."""
    sim = Simulation()
    patient, told = Patient(sim), Told()
    context = Context(sim, None, lambda kind, name: None, lambda name: patient, {}, 0, Path())
    for index, written in enumerate(faults):
        spec = fault(**written)
        made: Any = SERVICE.build(f"faults-{index + 1}", spec, context)
        SERVICE.connect(made, spec, context)
        made.bind([told])
        made.start()
    seen: list[float] = []
    for second in look_at:
        sim.at(second * S + 1, lambda: seen.append(patient.slowness))
    sim.run(600 * S)
    return patient, seen, told


def test_an_outage_begins_and_ends():
    patient, _, told = suffer({"at": "1m", "for": "10s", "down": "Billing"})
    assert patient.story == [(60, "down"), (70, "up")]
    assert told.facts == [
        ("fault_began", 60, "Billing is down"),
        ("fault_ended", 70, "Billing is down"),
    ]


def test_a_slowdown_multiplies_and_is_taken_back_exactly():
    _, seen, told = suffer(
        {"at": "3m", "for": "30s", "slow": "Billing", "by": "5x"}, look_at=(179, 181, 211)
    )
    assert seen == [1.0, 5.0, 1.0]
    assert told.facts[0] == ("fault_began", 180, "Billing takes 5 times as long")


def test_overlapping_slowdowns_multiply():
    _, seen, _ = suffer(
        {"at": "10s", "for": "20s", "slow": "Billing", "by": "5x"},
        {"at": "20s", "for": "20s", "slow": "Billing", "by": "0.1x"},
        look_at=(15, 25, 35, 45),
    )
    assert seen == [5.0, 0.5, 0.1, 1.0]


def test_overlapping_outages_end_with_the_last():
    patient, _, _ = suffer(
        {"at": "10s", "for": "20s", "down": "Billing"},
        {"at": "20s", "for": "20s", "down": "Billing"},
    )
    assert patient.story == [(10, "down"), (40, "up")]


def test_without_for_a_fault_lasts():
    patient, _, told = suffer({"at": "0s", "down": "Billing"})
    assert patient.down and patient.story == [(0, "down")]
    assert [name for name, _, _ in told.facts] == ["fault_began"]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=8))
def test_down_exactly_while_some_outage_lasts(outages):
    """The union of all outages, whatever their overlap."""
    written = [{"at": f"{at}s", "for": f"{long}s", "down": "Billing"} for at, long in outages]
    patient, _, _ = suffer(*written)
    down = {s for at, long in outages for s in range(at, at + long)}
    story = iter(patient.story)
    told = {s for begin, end in zip(story, story, strict=True) for s in range(begin[0], end[0])}
    assert told == down and not patient.down


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"at": "1s"}, ()),
        ({"at": "1s", "slow": "A", "by": "2x", "down": "A"}, ()),
        ({"at": "1s", "slow": "A"}, ("slow",)),
        ({"at": "1s", "down": "A", "by": "2x"}, ("by",)),
        ({"at": "1s", "slow": "A", "by": "0x"}, ("by",)),
        ({"at": "1s", "for": "0s", "down": "A"}, ("for",)),
        ({"at": "1s", "deny": "A", "down": "B"}, ()),
        ({"at": "1s", "deny": "A", "by": "2x"}, ("by",)),
        ({"at": "1s", "down": "A", "because": "key"}, ("because",)),
    ],
)
def test_faults_that_make_no_sense(spec, path):
    found = list(SERVICE.check("faults-1", fault(**spec), {}))
    assert [(finding.code, finding.path) for finding in found] == [("E134", path)]


def test_a_denial_names_its_reason():
    """The reason becomes the error code that SNS meets."""
    with pytest.raises(ValueError, match="weather"):
        fault(at="1s", deny="Sub", because="weather")
