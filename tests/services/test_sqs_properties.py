"""SQS queues beside a naive model: whatever is called in whatever order, both say the same."""

from __future__ import annotations

import random
from collections import Counter, deque
from itertools import groupby
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from msgsim.kernel.simulation import Simulation
from msgsim.model.message import Key, Message
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.state import QueueState
from msgsim.services.sqs_queue.stored import Moved, Stored
from tests.services.by_hand import Answer, Mail, Recorder, fifo, ns, receive, standard
from tests.services.sqs_model import TWELVE_HOURS_S, Entry, NaiveQueue, S

DEFAULT_VISIBILITY_S = 30

GROUPS = st.sampled_from("abc")
LIMITS = st.sampled_from([1, 2, 3, 10])
TIMEOUTS = st.sampled_from([0, 1, 10, 30, 30, 30, 45, 600, TWELVE_HOURS_S])
STEPS = st.sampled_from([0, 1, 5, 10, 15, 30, 60, 299, 300, 1_000, 40_000])
PICKS = st.integers(0, 1_000)


class QueueMachine(RuleBasedStateMachine):
    """What standard and FIFO share: the clock, receipts, counts, and the next change."""

    state: QueueState
    model: NaiveQueue
    old_receipts_work: bool

    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        self.delay_s = 0

    def configure(self, delay_s: int, retention_s: int, max_receives: int | None, quota: int):
        self.delay_s = delay_s
        self.model = NaiveQueue(retention_s, max_receives, quota)
        return {
            "visibility_ns": DEFAULT_VISIBILITY_S * S,
            "delay_ns": delay_s * S,
            "retention_ns": retention_s * S,
            "max_receives": max_receives,
            "in_flight_limit": quota,
        }

    @property
    def now(self) -> int:
        return self.model.now_s * S

    def message(self, group: str, name: str | None = None) -> Message:
        self.made += 1
        return Message(self.made, Key(group), 0, self.now, deduplication_id=name)

    def since_s(self, entry: Entry) -> int:
        """Ages count from the move in a dead-letter queue (S7, S8)."""
        copy = entry.copy
        return copy.moved_ns // S if isinstance(copy, Moved) else entry.arrived_s

    def counts(self, entry: Entry) -> bool:
        """Poison pills of a standard queue, and ghosts, do not count for the oldest age (S8)."""
        copy = entry.copy
        here = copy.receives - (copy.receives_before if isinstance(copy, Moved) else 0)
        return not copy.ghost and (isinstance(self, FifoMachine) or here < 3)

    def note_stored(self, copy: Stored, group: str, delay_s: int = 0, age_s: int = 0) -> None:
        arrived_s = self.model.now_s - age_s
        self.model.entries.append(Entry(copy, group, arrived_s, delay_s, copy.receives))

    def settle(self, seconds: int = 0) -> None:
        """Let everything due happen, in the queue and in the model."""
        returned, expired = self.model.advance(seconds)
        found_returned, found_expired = self.state.expire(self.now)
        assert Counter(map(id, found_expired)) == Counter(map(id, expired))
        assert Counter(map(id, found_returned)) == Counter(map(id, returned))

    def receipt(self, pick: int) -> tuple[Entry, Any] | None:
        """One of all receipts ever handed out."""
        all_of_them = [(e, r) for e in self.model.entries for r in e.receipts]
        return all_of_them[pick % len(all_of_them)] if all_of_them else None

    @rule(seconds=STEPS)
    def wait(self, seconds: int) -> None:
        self.settle(seconds)

    @rule()
    def wait_until_just_before_the_next_change(self) -> None:
        due = self.state.next_change()
        if due is None:
            assert not self.model.alive()
            return
        before = (self.state.visible, self.state.in_flight, self.state.delayed)
        assert self.state.expire(due - 1) == ([], [])
        assert (self.state.visible, self.state.in_flight, self.state.delayed) == before

    @rule()
    def wait_until_the_next_change(self) -> None:
        due = self.state.next_change()
        if due is not None:
            self.settle(due // S - self.model.now_s)

    @rule(pick=PICKS, timeout_s=TIMEOUTS)
    def change_visibility(self, pick: int, timeout_s: int) -> None:
        found = self.receipt(pick)
        if found is None:
            return
        entry, receipt = found
        now_s = self.model.now_s
        running = entry.state(now_s) == "in_flight"
        too_long = now_s + timeout_s - receipt.received_ns // S > TWELVE_HOURS_S
        dead = not self.old_receipts_work and (receipt is not entry.receipt or not running)
        refused = bool(entry.fate) or too_long or dead
        answer = self.state.change_visibility(self.now, receipt, timeout_s * S)
        assert answer == ("InvalidParameterValue" if refused else None)
        if not refused and running:
            before = [(e.receipt, e.until_s) for e in self.model.alive() if e is not entry]
            entry.until_s = now_s + timeout_s
            if timeout_s == 0:
                returned, expired = self.state.expire(self.now)
                assert (returned, expired) == ([entry.receipt], [])
            assert before == [(e.receipt, e.until_s) for e in self.model.alive() if e is not entry]

    @rule(seconds=TIMEOUTS)
    def change_the_default_timeout(self, seconds: int) -> None:
        """For later receives: what is in flight keeps the end it was given."""
        self.state.set_visibility(seconds * S)

    @rule(seconds=st.sampled_from([0, 5, 90]))
    def change_the_delay(self, seconds: int) -> None:
        """Standard: for later sends; FIFO: for what is delayed already, too (SDG of May 2023)."""
        self.delay_s = seconds
        self.state.set_delay(seconds * S)
        for entry in self.model.alive():
            if not self.old_receipts_work and entry.state(self.model.now_s) == "delayed":
                entry.delay_s = seconds
        assert self.state.expire(self.now) == ([], [])

    @rule(seconds=st.sampled_from([60, 700, 345_600]))
    def change_the_retention(self, seconds: int) -> None:
        """A shorter one expires what is too old now."""
        self.model.retention_s = seconds
        self.state.retention_ns = seconds * S
        self.settle()

    @rule(sure=st.sampled_from([False] * 9 + [True]))
    def purge(self, sure: bool) -> None:
        if not sure:
            return
        purged = self.state.purge()
        assert Counter(map(id, purged)) == Counter(id(e.copy) for e in self.model.alive())
        for entry in self.model.alive():
            entry.fate = "purged"
        self.model.accepted_ids.clear()

    def check_received(self, deliveries: list[Any], dead: list[Stored], visibility_s: int) -> None:
        for copy in dead:
            entry = self.model.entry_of(copy)
            assert self.model.is_doomed(entry)
            assert entry.state(self.model.now_s) == "visible"
            entry.fate = "dead-lettered"
        for delivery in deliveries:
            entry = self.model.entry_of(delivery.copy)
            assert entry.state(self.model.now_s) == "visible"
            assert not self.model.is_doomed(entry)
            assert delivery.attempt == entry.receives + 1
            assert delivery.deadline_ns == self.now + visibility_s * S
            assert all(delivery is not old for old in entry.receipts)
            self.model.note_received(delivery, visibility_s)
        if visibility_s == 0:
            returned, _ = self.state.expire(self.now)
            assert Counter(map(id, returned)) == Counter(map(id, deliveries))

    @invariant()
    def counts_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        state, model = self.state, self.model
        counts = {
            "visible": state.visible,
            "in_flight": state.in_flight,
            "delayed": state.delayed,
        }
        assert counts == {name: model.count(name) for name in counts}
        assert state.stored == len(model.alive())
        assert Counter(id(copy) for copy in state.copies()) == Counter(
            id(entry.copy) for entry in model.alive()
        )
        oldest = min(
            (self.since_s(entry) for entry in model.alive() if self.counts(entry)), default=None
        )
        assert state.oldest_ns() == (None if oldest is None else oldest * S)

    @invariant()
    def next_change_is_true(self) -> None:
        if not hasattr(self, "model"):
            return
        due, wanted = self.state.next_change(), self.model.next_change_s()
        stale_delays = {
            (entry.arrived_s + entry.delay_s) * S for entry in self.model.entries if entry.fate
        }
        if wanted is None:
            assert due is None or due in stale_delays
        else:
            assert due is not None
            assert due == wanted * S or (due < wanted * S and due in stale_delays)


class FifoMachine(QueueMachine):
    """Message groups by the prefix rule; deduplication by scanning every accepted send."""

    old_receipts_work = False
    state: FifoState

    @initialize(
        per_group=st.booleans(),
        delay_s=st.sampled_from([0, 0, 5, 90]),
        retention_s=st.sampled_from([60, 700, 345_600]),
        max_receives=st.sampled_from([None, 1, 2]),
        quota=st.sampled_from([2, 5, 1_000]),
    )
    def begin(
        self, per_group: bool, delay_s: int, retention_s: int, max_receives: int | None, quota: int
    ) -> None:
        common = self.configure(delay_s, retention_s, max_receives, quota)
        self.per_group = per_group
        self.state = FifoState(scope="messageGroup" if per_group else "queue", **common)

    @rule(group=GROUPS, name=st.sampled_from([None, None, None, "x", "y"]))
    def send(self, group: str, name: str | None) -> None:
        duplicate = name is not None and self.model.is_duplicate(group, name, self.per_group)
        copy = self.state.send(self.now, self.message(group, name))
        assert (copy is None) == duplicate
        if copy is not None:
            self.note_stored(copy, group, self.delay_s)
            if name is not None:
                self.model.accepted_ids.append((self.model.now_s, group, name))

    @rule(group=GROUPS, receives=st.integers(0, 3))
    def move_in(self, group: str, receives: int) -> None:
        """Redrive of another queue brings a message: to the end of its group, undelayed."""
        copy = Moved(self.message(group), self.now, self.now, receives)
        self.state.move_in(copy)
        self.note_stored(copy, group)

    @rule(limit=LIMITS, visibility_s=TIMEOUTS)
    def receive(self, limit: int, visibility_s: int) -> None:
        model = self.model
        runs = {group: model.deliverable(group) for group in "abc"}
        room = model.room(limit)
        deliveries, dead = self.state.receive(self.now, limit, visibility_s * S)
        answered = [name for name, _ in groupby(d.message.key.name for d in deliveries)]
        assert len(answered) == len(set(answered)), "a group is not contiguous"
        wanted = sum(not model.is_doomed(entry) for run in runs.values() for entry in run)
        assert len(deliveries) == min(room, wanted)
        full = len(deliveries) == room
        for group, run in runs.items():
            taken = [d.copy for d in deliveries if d.message.key.name == group]
            moved = [copy for copy in dead if copy.message.key.name == group]
            head = run[: len(taken) + len(moved)]
            assert taken == [entry.copy for entry in head if not model.is_doomed(entry)]
            assert moved == [entry.copy for entry in head if model.is_doomed(entry)]
            left = run[len(head) :]
            assert not left or (full and group not in answered[:-1])
        self.check_received(deliveries, dead, visibility_s)

    @rule(pick=PICKS)
    def delete(self, pick: int) -> None:
        found = self.receipt(pick)
        if found is None:
            return
        entry, receipt = found
        valid = receipt is entry.receipt and self.model.now_s < entry.until_s
        answer = self.state.delete(self.now, receipt)
        assert answer == (None if valid else "InvalidParameterValue")
        if valid and not entry.fate:
            entry.fate = "deleted"

    @invariant()
    def groups_in_flight_agree(self) -> None:
        if hasattr(self, "model"):
            now_s = self.model.now_s
            held = {e.group for e in self.model.alive() if e.state(now_s) == "in_flight"}
            assert self.state.groups_in_flight() == len(held)


class StandardMachine(QueueMachine):
    """At least once, from several hosts; receipts never die; replicas may miss a delete."""

    old_receipts_work = True
    state: StandardState

    @initialize(
        hosts=st.integers(1, 3),
        seed=st.integers(0, 99),
        delay_s=st.sampled_from([0, 0, 5, 90]),
        retention_s=st.sampled_from([60, 700, 345_600]),
        max_receives=st.sampled_from([None, 1, 2, 4]),
        quota=st.sampled_from([2, 5, 1_000]),
    )
    def begin(
        self,
        hosts: int,
        seed: int,
        delay_s: int,
        retention_s: int,
        max_receives: int | None,
        quota: int,
    ) -> None:
        order = random.Random(seed)
        self.state = StandardState(
            host_count=hosts,
            pick_host=lambda number: number % hosts,
            visit_order=lambda: order.sample(range(hosts), hosts),
            **self.configure(delay_s, retention_s, max_receives, quota),
        )

    @rule(delay_s=st.sampled_from([None, None, 0, 3, 90]))
    def send(self, delay_s: int | None) -> None:
        delay_ns = None if delay_s is None else delay_s * S
        copy = self.state.send(self.now, self.message("g"), delay_ns)
        self.note_stored(copy, "g", self.delay_s if delay_s is None else delay_s)

    @rule(receives=st.integers(0, 4), age_s=st.integers(0, 59))
    def move_in(self, receives: int, age_s: int) -> None:
        """Redrive of another queue brings a message: retention counts on."""
        copy = Moved(self.message("g"), self.now - age_s * S, self.now, receives)
        self.state.move_in(copy)
        self.note_stored(copy, "g", age_s=age_s)

    @rule(limit=LIMITS, visibility_s=TIMEOUTS, hosts_asked=st.sampled_from([None, None, 1, 2]))
    def receive(self, limit: int, visibility_s: int, hosts_asked: int | None) -> None:
        model = self.model
        visible = [e for e in model.alive() if e.state(model.now_s) == "visible"]
        wanted = sum(not model.is_doomed(entry) for entry in visible)
        room = model.room(limit)
        deliveries, dead = self.state.receive(self.now, limit, visibility_s * S, hosts_asked)
        assert len(deliveries) <= min(room, wanted)
        if hosts_asked is None:
            assert len(deliveries) == min(room, wanted)
        self.check_received(deliveries, dead, visibility_s)

    @rule(visibility_s=TIMEOUTS)
    def hand_over(self, visibility_s: int) -> None:
        """A message that a long poll waits for goes to it without resting in the queue."""
        if self.model.room(1):
            delivery = self.state.hand_over(self.now, self.message("g"), visibility_s * S)
            self.model.entries.append(Entry(delivery.copy, "g", self.model.now_s))
            self.check_received([delivery], [], visibility_s)

    @rule(pick=PICKS)
    def delete(self, pick: int) -> None:
        found = self.receipt(pick)
        if found is not None:
            entry, receipt = found
            assert self.state.delete(self.now, receipt) is None
            entry.fate = entry.fate or "deleted"

    @precondition(lambda self: any(entry.fate == "deleted" for entry in self.model.entries))
    @rule(pick=PICKS)
    def haunt(self, pick: int) -> None:
        """A replica had missed a delete: the copy is visible once more."""
        deleted = [e for e in self.model.entries if e.fate == "deleted"]
        entry = deleted[pick % len(deleted)]
        if entry.arrived_s + self.model.retention_s > self.model.now_s:
            self.state.haunt(self.now, entry.copy)
            entry.fate, entry.receipt, entry.delay_s = "", None, 0


TestFifo = FifoMachine.TestCase
TestStandard = StandardMachine.TestCase
for _case in (TestFifo, TestStandard):
    _case.settings = settings(max_examples=60, stateful_step_count=40)


# Memory -------------------------------------------------------------------------------------


def held_by(thing: Any) -> int:
    """How many entries all containers inside a state have together, groups included."""
    if isinstance(thing, (deque, list)):
        return len(thing) + sum(held_by(item) for item in thing if isinstance(item, deque))
    if isinstance(thing, dict):
        lines = (getattr(value, "line", ()) for value in thing.values())
        return len(thing) + sum(len(line) for line in lines)
    return 0


def weight(state: QueueState) -> int:
    """All entries that a state keeps."""
    return sum(held_by(value) for value in vars(state).values())


@pytest.mark.parametrize("kind", ["standard", "fifo", "one group", "dead letters"])
@pytest.mark.parametrize("timeouts", ["default", "by hand", "late deletes"])
def test_a_poison_message_kept_for_ever_keeps_nothing_else(kind: str, timeouts: str) -> None:
    """3,000 messages pass a poison message; what the lines keep does not depend on their number."""
    is_fifo = kind in {"fifo", "one group"}
    state = (FifoState if is_fifo else StandardState)(visibility_ns=30 * S)
    now, poison = 0, Message(0, Key("a"), 0, 0)
    state.send(now, poison)
    for number in range(3_000):
        now += S
        message = Message(number + 1, Key("a" if kind == "one group" else f"g{number}"), 0, now)
        if kind == "dead letters":
            copy = Moved(message, now, now, 5)
            state.move_in(copy)
        else:
            state.send(now, message)
        visibility_ns = 30 * S if timeouts == "default" else 20_000 * S
        for delivery in state.receive(now, 10, visibility_ns)[0]:
            if delivery.message is poison:
                state.change_visibility(now, delivery, S // 2)
                continue
            if timeouts == "late deletes" and not is_fifo:
                state.change_visibility(now, delivery, 0)
                state.expire(now)
            assert state.delete(now, delivery) is None
        now += S
        state.expire(now)
    assert state.stored == 1
    state.next_change()
    assert weight(state) < 500


# Components ---------------------------------------------------------------------------------

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


# What the properties found ------------------------------------------------------------------


def test_a_change_to_the_same_moment_returns_the_message_once() -> None:
    """Timeout 30 s, at 10 s changed to 20 s, twice: one return at 30 s (API, 1.6 of the sheet)."""
    state = StandardState(visibility_ns=30 * S)
    state.send(0, Message(0, Key("g"), 0, 0))
    held = state.receive(0, 1, 30 * S)[0][0]
    for _ in range(2):
        assert state.change_visibility(10 * S, held, 20 * S) is None
    assert state.expire(30 * S)[0] == [held]
    assert (state.visible, state.in_flight) == (1, 0)


def test_an_old_receipt_of_a_fifo_queue_does_not_move_the_new_timeout() -> None:
    """On FIFO a handle dies with its visibility window (S20): it no longer changes anything."""
    state = FifoState(visibility_ns=30 * S)
    state.send(0, Message(0, Key("g"), 0, 0))
    old = state.receive(0, 1, 30 * S)[0][0]
    state.expire(30 * S)
    new = state.receive(30 * S, 1, 30 * S)[0][0]
    assert state.change_visibility(40 * S, old, 600 * S) == "InvalidParameterValue"
    assert state.expire(60 * S)[0] == [new]


@pytest.mark.parametrize("kind", ["standard", "fifo"])
@pytest.mark.parametrize(("delay", "polled"), [("900s", False), ("0s", True)])
def test_retention_is_announced_when_it_ends(kind: str, delay: str, polled: bool) -> None:
    """Retention of 60 s ends after 60 s, also under a longer delay or visibility timeout."""
    sim, seen = Simulation(seed=1), Recorder()
    make = standard if kind == "standard" else fifo
    queue = make(sim, visibility_ns=ns("1h"), delay_ns=ns(delay), retention_ns=ns("60s"))
    queue.bind([seen])
    if polled:
        receive(queue, wait="20s")
    queue.accept(Mail(sim).message("m"))
    sim.run(ns("60s") - 1)
    assert seen.count("expired") == 0
    sim.run(ns("60s"))
    assert seen.count("expired") == 1


def test_a_message_too_old_for_the_dead_letter_queue_is_never_received_there() -> None:
    """A DLQ's retention counts from the original arrival (S7): older messages expire at once."""
    sim = Simulation(seed=1)
    source = standard(sim, "source", max_receives=1)
    dead = standard(sim, "dead", retention_ns=ns("60s"))
    source.dead_letter_queue = dead
    source.accept(Mail(sim).message("m"))
    receive(source)
    waiting = receive(dead, wait="200s")
    sim.run(ns("100s"))
    receive(source)
    sim.run(ns("300s"))

    assert (waiting.at_ns, waiting.bodies) == (ns("200s"), [])
    assert dead.state.stored == 0


def test_dead_letters_are_spread_over_the_hosts_of_their_queue() -> None:
    """A moved message rests on a host like any other: a short poll of one host sees a part."""
    sim = Simulation(seed=1)
    mail = Mail(sim)
    source = standard(sim, "source", max_receives=1)
    dead = standard(sim, "dead", hosts=4, hosts_asked=1)
    source.dead_letter_queue = dead
    for number in range(40):
        source.accept(mail.message(str(number)))
    for _ in range(2):
        while receive(source, limit=10).deliveries:
            pass
        sim.run(sim.now + ns("31s"))

    assert dead.state.stored == 40
    assert {copy.shelf for copy in dead.state.copies()} == {0, 1, 2, 3}


def test_a_ghost_is_held_once() -> None:
    """A replica shows a deleted copy again: the queue holds one copy, and expires it once."""
    state = StandardState(visibility_ns=30 * S, retention_ns=60 * S)
    for number in range(2):
        state.send(0, Message(number, Key("g"), 0, 0))
    for delivery in state.receive(0, 2, 30 * S)[0]:
        if delivery.message.number == 1:
            state.delete(0, delivery)
            state.haunt(S, delivery.copy)
    assert len(list(state.copies())) == 2
    assert len(state.expire(60 * S)[1]) == 2
