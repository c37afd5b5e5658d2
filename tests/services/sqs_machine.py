"""The random callers that both kinds of queue have, beside the naive model."""

from __future__ import annotations

from collections import Counter
from typing import Any

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from msgsim.model.message import Key, Message
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.state import QueueState
from msgsim.services.sqs_queue.stored import Moved, Stored
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
        return not copy.ghost and (isinstance(self.state, FifoState) or here < 3)

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
