"""SQS queues under random schedules of senders and receivers: nobody holds what another holds,
and no poll misses a message.
"""

from __future__ import annotations

import random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from msgsim.kernel.simulation import Simulation
from tests.services.by_hand import Answer, Mail, fifo, standard
from tests.services.sqs_machine import GROUPS
from tests.services.sqs_model import S

SENDS = st.tuples(st.just("send"), st.integers(0, 60), GROUPS, st.just(0), st.just(0))
POLLS = st.tuples(
    st.just("poll"),
    st.integers(0, 60),
    st.sampled_from([1, 3, 10]),
    st.sampled_from([0, 2, 20]),
    st.sampled_from([0, 1, 5, 11, None]),
)
PLANS = st.lists(st.one_of(SENDS, POLLS), max_size=40)


class Consumer(Answer):
    """A receive whose caller deletes what it got after a while, or forgets it."""

    def __init__(self, sim: Simulation, queue: Any, work_s: int | None, holders: Holders) -> None:
        super().__init__(sim)
        self.queue = queue
        self.work_s = work_s
        self.holders = holders
        self.asked_ns = sim.now
        self.answers = 0

    def __call__(self, deliveries: list[Any], error: str | None) -> None:
        super().__call__(deliveries, error)
        self.answers += 1
        for delivery in deliveries:
            self.holders.take(delivery)
            if self.work_s is not None:
                self.sim.after(self.work_s * S, self.finish, delivery)

    def finish(self, delivery: Any) -> None:
        if self.queue.delete(delivery) is None:
            self.holders.deleted.add(delivery.message.number)


class Holders:
    """Who holds what, until when."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.until: dict[int, int] = {}
        self.first: dict[str, list[int]] = {}
        self.deleted: set[int] = set()

    def take(self, delivery: Any) -> None:
        number, key = delivery.message.number, delivery.message.key.name
        assert number not in self.deleted
        assert self.sim.now >= self.until.get(number, 0), "two holders at once"
        if number not in self.until:
            self.first.setdefault(key, []).append(delivery.message.rank)
        self.until[number] = delivery.deadline_ns


@pytest.mark.parametrize("kind", ["standard", "fifo"])
@given(plan=PLANS, delay_s=st.sampled_from([0, 0, 3]), quota=st.sampled_from([3, 1_000]))
@settings(max_examples=60)
def test_random_schedules(kind: str, plan: list[Any], delay_s: int, quota: int) -> None:
    """Every poll is answered once and in time; nothing has two holders; groups keep their order."""
    sim = Simulation(seed=1)
    make = standard if kind == "standard" else fifo
    queue = make(sim, visibility_ns=10 * S, delay_ns=delay_s * S, in_flight_limit=quota)
    mail, holders, consumers = Mail(sim), Holders(sim), []

    def act(what: str, first: Any, wait_s: int, work_s: int | None) -> None:
        if what == "send":
            assert queue.accept(mail.message("m", first)) is None
            return
        consumer = Consumer(sim, queue, work_s, holders)
        consumers.append((consumer, wait_s))
        queue.receive(first, wait_s * S, consumer)

    for what, at_s, first, wait_s, work_s in plan:
        sim.after(at_s * S, act, what, first, wait_s, work_s)
    sim.run(200 * S)

    for consumer, wait_s in consumers:
        assert consumer.answers == 1
        assert consumer.at_ns is not None
        waited = consumer.at_ns - consumer.asked_ns
        assert 0 <= waited <= wait_s * S
        assert consumer.deliveries or waited == wait_s * S
        assert consumer.error in ((None,) if wait_s or kind == "fifo" else (None, "OverLimit"))
    if kind == "fifo":
        assert all(ranks == sorted(ranks) for ranks in holders.first.values())
    sent = sum(step[0] == "send" for step in plan)
    assert queue.state.visible == queue.state.stored == sent - len(holders.deleted)
    assert not list(queue._polls)


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_a_poll_and_a_deliverable_message_never_wait_for_each_other(kind: str) -> None:
    """After any delete, return or delay end a long poll gets what is deliverable, at once."""
    for seed in range(30):
        sim, rng = Simulation(seed=1), random.Random(seed)
        queue = (standard if kind == "standard" else fifo)(sim, visibility_ns=5 * S)
        mail, holders = Mail(sim), Holders(sim)

        def send(group: str, queue: Any = queue, mail: Mail = mail) -> None:
            queue.accept(mail.message("", group))

        def ask(limit: int, work_s: int, queue: Any = queue, holders: Holders = holders) -> None:
            queue.receive(limit, 20 * S, Consumer(queue.sim, queue, work_s, holders))

        for _ in range(40):
            sim.after(rng.randrange(30) * S, send, rng.choice("ab"))
            sim.after(rng.randrange(60) * S, ask, rng.choice([1, 2]), rng.choice([0, 1, 4, 7]))
        for second in range(90):
            sim.run(second * S)
            if queue._polls and queue.state.visible:
                assert kind == "fifo"
                assert not queue.state.receive(sim.now, 1, 5 * S)[0]
