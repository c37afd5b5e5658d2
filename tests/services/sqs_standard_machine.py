"""The random callers of a standard queue beside the naive model."""

from __future__ import annotations

import random

import hypothesis.strategies as st
from hypothesis.stateful import initialize, precondition, rule

from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.stored import Moved
from tests.services.sqs_machine import LIMITS, PICKS, TIMEOUTS, QueueMachine
from tests.services.sqs_model import Entry, S


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
