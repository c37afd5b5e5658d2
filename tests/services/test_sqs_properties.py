"""SQS queues beside a naive model: whatever is called in whatever order, both say the same."""

from __future__ import annotations

from itertools import groupby

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import initialize, invariant, rule

from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.stored import Moved
from tests.services.sqs_machine import GROUPS, LIMITS, PICKS, TIMEOUTS, QueueMachine
from tests.services.sqs_model import S
from tests.services.sqs_standard_machine import StandardMachine


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


TestFifo = FifoMachine.TestCase
TestStandard = StandardMachine.TestCase


for _case in (TestFifo, TestStandard):
    _case.settings = settings(max_examples=60, stateful_step_count=40)
