"""SQS fair queues by example and beside a naive model. Source: the page's FAIR."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import initialize, invariant, rule

from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Delivery, Key, Message
from msgsim.services.sqs_queue.fair import FairState
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.standard_queue import StandardQueue
from msgsim.services.sqs_queue.stored import Stored
from msgsim.services.sqs_queue.tenants import FairRules, fair_rules
from tests.services.by_hand import Mail, ns, receive
from tests.services.sqs_model import S
from tests.services.sqs_standard_machine import StandardMachine

RULES = fair_rules()
PROMPT = replace(RULES, recent_ns=10 * S)
"""Detected at the first evaluation after the thresholds were passed for ten seconds."""


class Shop:
    """A queue, and workers that take `work_s` for every message of a tenant."""

    def __init__(self, rules: FairRules = PROMPT, **more: Any) -> None:
        self.sim = Simulation(seed=1)
        self.mail = Mail(self.sim)
        more.setdefault("visibility_ns", ns("10h"))
        self.queue = StandardQueue(self.sim, "queue", StandardState(**more), rules=lambda: rules)

    def send(self, group: str | None, count: int = 1) -> None:
        for _ in range(count):
            name = group or "none"
            self.queue.accept(self.mail.message(name, name, grouped=group is not None))

    def take(self, count: int) -> list[Delivery]:
        found: list[Delivery] = []
        while len(found) < count:
            more = receive(self.queue, limit=min(10, count - len(found))).deliveries
            if not more:
                break
            found += more
        return found

    def bodies(self, count: int) -> list[str | None]:
        return [delivery.message.body for delivery in self.take(count)]

    def wait(self, time: str) -> None:
        self.sim.run(self.sim.now + ns(time))


def noisy_shop(rules: FairRules = PROMPT, in_flight: int = 50, backlog: int = 100) -> Shop:
    """Tenant A has so many in flight and in line, and was found noisy."""
    shop = Shop(rules)
    shop.send("A", in_flight + backlog)
    shop.take(in_flight)
    shop.wait("20s")
    assert shop.queue.noisy_groups() == ["A"]
    return shop


# Detection ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_a", "of_others", "noisy"),
    [(30, 0, True), (29, 0, False), (30, 269, True), (30, 270, False), (100, 800, True)],
)
def test_the_thresholds(of_a: int, of_others: int, noisy: bool) -> None:
    """More than 10 % of what is in flight, and at least 30 of its own."""
    shop = Shop()
    shop.send("A", of_a)
    for number in range(of_others):
        shop.send(f"other-{number}")
    shop.take(of_a + of_others)
    shop.wait("30s")
    assert shop.queue.noisy_groups() == (["A"] if noisy else [])


def test_messages_without_a_group_are_tenants_of_their_own() -> None:
    """A thousand of them in flight are no noise, but they count for the share of others."""
    shop = Shop()
    shop.send(None, 1_000)
    shop.send("A", 90)
    shop.take(1_090)
    shop.wait("30s")
    assert shop.queue.noisy_groups() == []


def test_detection_takes_tens_of_seconds() -> None:
    """100 in flight at once: 30 on average of the last 60 s after 18 s, seen at 20 s.

    The measurement (FAIR_RUN) saw the first noisy group between 16 and 78 s after the burst.
    """
    shop = Shop(RULES)
    shop.send("A", 200)
    shop.take(100)
    shop.wait("19s")
    assert shop.queue.noisy_groups() == []
    shop.wait("1s")
    assert shop.queue.noisy_groups() == ["A"]


def test_twenty_in_flight_are_never_noisy_by_count() -> None:
    """Concurrency 20, all of tenant A: the measurement saw no noisy group (FAIR_RUN)."""
    shop = Shop(RULES)
    shop.send("A", 200)
    shop.take(20)
    shop.wait("10m")
    assert shop.queue.noisy_groups() == []


def test_the_rule_of_processing_time_can_be_switched_on() -> None:
    """Documented, but off by default because it did not fire when measured."""
    shop = Shop(replace(PROMPT, time_rule=True))
    shop.send("A", 200)
    shop.take(20)
    shop.wait("20s")
    assert shop.queue.noisy_groups() == ["A"]


# What it changes ----------------------------------------------------------------------------


def test_quiet_tenants_pass_a_noisy_one() -> None:
    """Whenever messages of quiet tenants are there, receives return those."""
    shop = noisy_shop()
    shop.send("B", 2)
    shop.send(None, 1)
    assert shop.bodies(5) == ["B", "B", "none", "A", "A"]


def test_a_noisy_tenant_is_neither_dropped_nor_slowed_when_alone() -> None:
    """With nothing quiet in line its messages are delivered as ever, in order."""
    shop = noisy_shop()
    found = shop.take(100)
    assert len(found) == 100
    numbers = [delivery.message.number for delivery in found]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(("resorts", "first"), [(True, ["B"]), (False, ["A"])])
def test_what_was_in_line_before_detection(resorts: bool, first: list[str]) -> None:
    """Documented: quiet messages pass all of them. Measured once: only later ones (switch)."""
    shop = Shop(replace(PROMPT, resorts=resorts))
    shop.send("A", 100)
    shop.send("B")
    shop.take(50)
    shop.wait("20s")
    assert shop.queue.noisy_groups() == ["A"]
    assert shop.bodies(1) == first


def test_what_comes_after_detection_steps_back_in_any_case() -> None:
    """New messages of a noisy tenant stand behind the quiet ones."""
    shop = noisy_shop(replace(PROMPT, resorts=False), backlog=1)
    shop.send("A")
    shop.send("B")
    assert shop.bodies(3) == ["A", "B", "A"]


def test_of_several_noisy_tenants_the_one_with_fewest_in_flight_is_served() -> None:
    """A has 60 in flight, B 40: B's are served until it has as many."""
    shop = Shop()
    shop.send("A", 60)
    shop.take(60)
    shop.send("B", 40)
    shop.take(40)
    shop.wait("30s")
    assert sorted(shop.queue.noisy_groups()) == ["A", "B"]
    for group in "AB":
        shop.send(group, 30)
    bodies = shop.bodies(24)
    assert set(bodies[:20]) == {"B"}
    assert sorted(bodies[20:24]) == ["A", "A", "B", "B"]


def test_a_message_that_comes_back_keeps_its_place() -> None:
    """A failed message of a noisy tenant is tried before its tenant's younger ones."""
    shop = Shop()
    shop.send("A", 60)
    held = shop.take(50)
    shop.wait("20s")
    shop.queue.change_visibility(held[0], 0)
    shop.wait("0s")
    shop.send("B")
    found = shop.take(2)
    assert [delivery.message.body for delivery in found] == ["B", "A"]
    assert found[1].message is held[0].message


def test_groups_do_not_serialise() -> None:
    """Messages of one group are in flight together (SQS API SendMessage)."""
    shop = Shop()
    shop.send("A", 10)
    assert len(receive(shop.queue, limit=10).deliveries) == 10


def test_redrive_counts_in_a_noisy_tenant_too() -> None:
    """`maxReceiveCount` holds whichever line a message stands in."""
    shop = Shop(max_receives=1)
    shop.send("A", 60)
    held = shop.take(60)
    shop.wait("20s")
    for delivery in held[:30]:
        shop.queue.change_visibility(delivery, 0)
    shop.wait("0s")
    assert shop.take(10) == []
    assert shop.queue.counters() == (0, 30, 0)


@pytest.mark.parametrize(("grouped", "low_s", "high_s"), [(True, 0, 2.1), (False, 20, 60)])
def test_what_a_burst_of_one_tenant_costs_the_others(
    grouped: bool, low_s: float, high_s: float
) -> None:
    """4,000 jobs of A at once, 100 workers, 2 s each: 80 s of work. B sends one a second.

    As one line B's job of second t waits for what is left of the burst, 80 - t seconds. In a fair
    queue A is found after 20 s, and then B waits for the next free worker, 2 s at most.
    """
    shop = Shop(RULES)
    waits: dict[int, float] = {}

    def work() -> None:
        shop.queue.receive(1, 20 * S, finish)

    def finish(deliveries: list[Delivery], error: str | None) -> None:
        for delivery in deliveries:
            if delivery.message.body == "B":
                born_ns = delivery.message.born_ns
                waits[born_ns // S] = (shop.sim.now - born_ns) / S
            shop.sim.after(2 * S, shop.queue.delete, delivery)
        shop.sim.after(2 * S if deliveries else 0, work)

    def send_b() -> None:
        name = "B" if grouped else None
        body = shop.mail.message("B", name or "none", grouped=grouped)
        shop.queue.accept(body)

    for _ in range(4_000):
        shop.queue.accept(shop.mail.message("A", "A", grouped=grouped))
    for second in range(60):
        shop.sim.at(second * S, send_b)
    for _ in range(100):
        work()
    shop.sim.run(90 * S)
    after_detection = [waits[second] for second in range(21, 60)]
    assert all(low_s <= wait <= high_s for wait in after_detection)


# The end ------------------------------------------------------------------------------------


def test_a_tenant_is_quiet_again_when_its_backlog_is_consumed() -> None:
    """Nothing left in line, and no longer too much in flight."""
    shop = noisy_shop(backlog=10)
    held = shop.take(10)
    shop.wait("20s")
    assert shop.queue.noisy_groups() == ["A"], "60 in flight are still too many"
    for delivery in list(held):
        shop.queue.delete(delivery)
    for _, copy in list(shop.queue.holds()):
        shop.queue.delete(copy.receipt)  # type: ignore[attr-defined]
    shop.wait("20s")
    assert shop.queue.noisy_groups() == []


def test_a_tenant_is_quiet_again_after_five_minutes_without_any_in_flight() -> None:
    """Even with a backlog; its messages then stand in line by age again."""
    shop = noisy_shop(backlog=10)
    for state, copy in list(shop.queue.holds()):
        if state == "in_flight":
            shop.queue.delete(copy.receipt)  # type: ignore[attr-defined]
    begun = shop.sim.now
    shop.send("B")
    shop.wait("290s")
    assert shop.queue.noisy_groups() == ["A"]
    shop.sim.run(begun + ns("310s"))
    assert shop.queue.noisy_groups() == []
    assert shop.bodies(2) == ["A", "A"]


def test_metrics_of_quiet_groups() -> None:
    """`…InQuietGroups` leave the noisy group out; the base counters do not."""
    shop = noisy_shop(in_flight=40, backlog=5)
    shop.send("B", 2)
    shop.queue.accept(shop.mail.message("C", "C", grouped=True), 60 * S)
    assert shop.queue.counters() == (7, 40, 1)
    assert shop.queue.quiet_counters() == (2, 0, 1)
    state = shop.queue.state
    assert isinstance(state, FairState)
    assert (state.oldest_ns(), state.quiet_oldest_ns()) == (0, shop.sim.now)


# Cost and correctness -----------------------------------------------------------------------


def test_a_queue_without_groups_stays_plain() -> None:
    """No state, no timer, no events."""
    shop = Shop()
    shop.send(None, 100)
    shop.take(100)
    before = shop.sim.events_handled
    shop.wait("1h")
    assert type(shop.queue.state) is StandardState
    assert shop.sim.events_handled == before
    assert shop.queue.quiet_counters() == (0, 100, 0)


def test_a_fair_queue_at_rest_needs_no_events_and_forgets_its_tenants() -> None:
    """When everything is gone nobody is looked at any more; the next message starts it again."""
    shop = noisy_shop()
    while True:
        for _, copy in list(shop.queue.holds()):
            if copy.receipt is not None:  # type: ignore[attr-defined]
                shop.queue.delete(copy.receipt)  # type: ignore[attr-defined]
        if not shop.take(10):
            break
    shop.wait("2m")
    before = shop.sim.events_handled
    shop.wait("1h")
    state = shop.queue.state
    assert isinstance(state, FairState) and not state.has_tenants
    assert shop.sim.events_handled - before <= 1
    shop.send("A", 100)
    shop.take(50)
    shop.wait("20s")
    assert shop.queue.noisy_groups() == ["A"]


def test_a_purge_forgets_noise() -> None:
    """A purged queue has no tenants."""
    shop = noisy_shop()
    shop.queue.purge()
    assert shop.queue.noisy_groups() == []
    shop.send("A")
    shop.send("B")
    assert shop.bodies(2) == ["A", "B"]


@given(seed=st.integers(0, 1_000))
@settings(max_examples=30)
def test_quiet_messages_never_wait_behind_noisy_ones(seed: int) -> None:
    """Whatever is sent, received and deleted: an answer has no noisy message while a quiet one
    is left in line, and the tenants' counts are those of the copies."""
    rng = random.Random(seed)
    shop = Shop(replace(PROMPT, in_flight=3), visibility_ns=ns("35s"))
    held: list[Delivery] = []
    for _ in range(150):
        what = rng.random()
        if what < 0.45:
            shop.send(rng.choice(["A", "A", "A", "B", "C", None]))
        elif what < 0.8:
            noisy = set(shop.queue.noisy_groups())
            found = receive(shop.queue, limit=rng.choice([1, 3, 10])).deliveries
            loud = [d.message.grouped and d.message.key.name in noisy for d in found]
            assert loud == sorted(loud)
            if any(loud):
                assert shop.queue.quiet_counters()[0] == 0
            held += found
        elif what < 0.93 and held:
            shop.queue.delete(held.pop(rng.randrange(len(held))))
        else:
            shop.wait(f"{rng.choice([1, 7, 12])}s")
        check_counts(shop.queue.state)


def check_counts(state: Any) -> None:
    """What tenants count is what the copies say."""
    if not isinstance(state, FairState):
        return
    for name, tenant in state._tenants.items():
        states = [
            copy.state
            for copy in state.copies()
            if copy.message.grouped and copy.message.key.name == name
        ]
        assert (tenant.visible, tenant.in_flight) == (states.count(1), states.count(2))
    assert state._everyone.in_flight == state.in_flight


class FairMachine(StandardMachine):
    """A fair queue is a standard queue in everything but whom it serves first."""

    state: FairState

    @initialize(
        hosts=st.integers(1, 3),
        seed=st.integers(0, 99),
        delay_s=st.sampled_from([0, 5]),
        retention_s=st.sampled_from([60, 700, 345_600]),
        max_receives=st.sampled_from([None, 1, 2, 4]),
        quota=st.sampled_from([5, 1_000]),
    )
    def begin(self, **how: Any) -> None:
        super().begin(**how)
        self.state = FairState(self.state, replace(PROMPT, in_flight=2, time_rule=True), 0)

    def message(self, group: str, name: str | None = None) -> Message:
        self.made += 1
        group = "ab"[self.made % 5 == 0]
        return Message(self.made, Key(group), 0, self.now, grouped=self.made % 7 > 0)

    @rule()
    def evaluate(self) -> None:
        self.state.evaluate(self.now)

    @invariant()
    def tenants_agree(self) -> None:
        if hasattr(self, "model"):
            check_counts(self.state)


TestFair = FairMachine.TestCase
TestFair.settings = settings(max_examples=40, stateful_step_count=40)


def test_a_ghost_of_a_forgotten_tenant() -> None:
    """A replica may show a message again after its tenant was forgotten."""
    state = FairState(StandardState(visibility_ns=30 * S), PROMPT, 0)
    state.send(0, Message(0, Key("a"), 0, 0, grouped=True))
    (held,) = state.receive(0, 1, 30 * S)[0]
    state.delete(0, held)
    for second in range(10, 100, 10):
        state.evaluate(second * S)
    assert not state.has_tenants
    copy = held.copy
    assert isinstance(copy, Stored)
    state.haunt(100 * S, copy)
    assert state.receive(100 * S, 1, 30 * S)[0][0].copy is copy
    check_counts(state)
