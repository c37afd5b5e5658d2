"""A Hypothesis state machine drives ms.Cloud against a naive model of one SQS queue.

The model is a list of messages in order of sending, each with the moment from which it is visible.
It knows the rules of SQS and nothing of how msgsim keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from msgsim.cloud.errors import client_error_class
from tests.cloud.hands import Hands, count

TIMEOUT_S = 30
RETENTION_S = 600
WINDOW_S = 300
GROUPS = ("g1", "g2")


@dataclass
class Kept:
    """A message of the model."""

    body: str
    group: str
    sent_s: float
    visible_s: float
    receives: int = 0
    handle: str = ""
    old_handles: list[str] = field(default_factory=list)


class Queue(RuleBasedStateMachine):
    """What any queue does; subclasses say what standard and FIFO do differently."""

    fifo = False
    name = "orders"

    def __init__(self) -> None:
        super().__init__()
        self.hands = Hands()
        self.url = self.hands.queue(
            self.name, VisibilityTimeout=TIMEOUT_S, MessageRetentionPeriod=RETENTION_S
        )
        self.kept: list[Kept] = []
        self.ids: dict[str, float] = {}
        self.numbers = 0

    @property
    def now(self) -> float:
        return self.hands.cloud.now

    def deliverable(self) -> list[Kept]:
        """Return what a receive may hand out: by group in FIFO, any order in standard."""
        found, blocked = [], set()
        for message in self.kept:
            if self.fifo and message.group in blocked:
                continue
            if message.visible_s > self.now:
                blocked.add(message.group)
            else:
                found.append(message)
        return found

    @rule(seconds=st.sampled_from([0.25, 1, 10, 29.5, 30, 290, 601]))
    def advance(self, seconds):
        self.hands.cloud.advance(seconds)
        self.kept = [each for each in self.kept if each.sent_s + RETENTION_S > self.now]

    def send_one(self, group, delay, dedup):
        self.numbers += 1
        body = str(self.numbers)
        if self.fifo:
            self.hands.send(self.url, body, group=group, dedup=dedup)
            if self.now < self.ids.get(dedup, -WINDOW_S) + WINDOW_S:
                return
            self.ids[dedup] = self.now
            delay = 0
        else:
            self.hands.send(self.url, body, DelaySeconds=delay)
        self.kept.append(Kept(body, group, self.now, self.now + delay))

    @rule(most=st.integers(1, 10), timeout=st.sampled_from([None, 5, 100]))
    def receive(self, most, timeout):
        more = {} if timeout is None else {"VisibilityTimeout": timeout}
        may = self.deliverable()
        got = self.hands.receive(self.url, most, **more)
        assert len(got) == min(most, len(may))
        until = self.now + (TIMEOUT_S if timeout is None else timeout)
        for message in got:
            kept = next(each for each in may if each.body == message["Body"])
            kept.receives += 1
            assert count(message) == kept.receives
            if kept.handle:
                kept.old_handles.append(kept.handle)
            kept.handle, kept.visible_s = message["ReceiptHandle"], until
        if self.fifo:
            self.check_order([message["Body"] for message in got], may)

    def check_order(self, bodies, may):
        for group in GROUPS:
            line = [each.body for each in may if each.group == group]
            mine = [body for body in bodies if body in line]
            assert mine == line[: len(mine)], "a prefix of the group, in order"

    @precondition(lambda self: any(each.handle for each in self.kept))
    @rule(data=st.data())
    def delete(self, data):
        kept = data.draw(st.sampled_from([each for each in self.kept if each.handle]))
        handle = data.draw(st.sampled_from([kept.handle, *kept.old_handles]))
        good = not self.fifo or (handle == kept.handle and self.now < kept.visible_s)
        assert self.succeeds("delete_message", handle) is good
        if good:
            self.kept.remove(kept)

    @precondition(lambda self: any(each.handle for each in self.kept))
    @rule(data=st.data(), timeout=st.sampled_from([0, 3, 200]))
    def change(self, data, timeout):
        kept = data.draw(st.sampled_from([each for each in self.kept if each.handle]))
        in_flight = self.now < kept.visible_s
        done = self.succeeds("change_message_visibility", kept.handle, VisibilityTimeout=timeout)
        assert done is (in_flight or not self.fifo)
        if in_flight:
            kept.visible_s = self.now + timeout

    def succeeds(self, operation, handle, **more):
        try:
            getattr(self.hands.sqs, operation)(QueueUrl=self.url, ReceiptHandle=handle, **more)
        except client_error_class() as error:
            return error.response["Error"]["Code"] != "InvalidParameterValue"
        return True

    @rule(wait=st.integers(1, 20))
    def long_poll(self, wait):
        """It answers at the first moment at which something can be had, or when it ends."""
        before = self.now
        moments = {each.visible_s for each in self.kept} | {before, before + wait}
        got = self.hands.receive(self.url, 10, wait)
        self.kept = [each for each in self.kept if each.sent_s + RETENTION_S > self.now]
        assert self.now in moments or self.now == before + wait
        assert got or self.now == before + wait
        for message in got:
            kept = next(each for each in self.kept if each.body == message["Body"])
            assert kept.visible_s <= self.now
            kept.receives += 1
            if kept.handle:
                kept.old_handles.append(kept.handle)
            kept.handle, kept.visible_s = message["ReceiptHandle"], self.now + TIMEOUT_S

    @invariant()
    def counters_agree(self):
        visible, in_flight, delayed = self.hands.counts(self.url)
        hidden = [each for each in self.kept if each.visible_s > self.now]
        assert visible == len(self.kept) - len(hidden)
        assert in_flight == sum(1 for each in hidden if each.handle)
        assert delayed == sum(1 for each in hidden if not each.handle)


class Standard(Queue):
    @rule(delay=st.sampled_from([0, 0, 5]))
    def send(self, delay):
        self.send_one("", delay, None)


class Fifo(Queue):
    fifo = True
    name = "orders.fifo"

    @rule(group=st.sampled_from(GROUPS), dedup=st.sampled_from("abc"))
    def send(self, group, dedup):
        self.send_one(group, 0, dedup)


TestStandard = Standard.TestCase
TestFifo = Fifo.TestCase
TestStandard.settings = TestFifo.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None
)
