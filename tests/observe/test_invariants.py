"""Each invariant catches a violation that is planted for it, and says what, when and which."""

from __future__ import annotations

import re

import pytest

import msgsim
from msgsim.experiment import run as running
from msgsim.experiment.run import InvariantBroken, Run, drive, prepare
from msgsim.kernel.waiting import TokenBucket
from msgsim.observe.cost.bill import Bill
from msgsim.observe.invariants import (
    bills,
    clock,
    concurrency,
    deduplication,
    groups,
    lives,
    quotas,
    sequence,
)
from msgsim.observe.invariants.allowance import Allowance, SpreadAllowance
from msgsim.services.kinesis.shard import Shard
from msgsim.services.lambda_function.concurrency import ReservedShare, Share
from msgsim.services.sqs_queue.base import Queue
from msgsim.services.sqs_queue.billing import QueueMeter
from msgsim.services.sqs_queue.fifo import FifoState, Group
from msgsim.services.sqs_queue.fifo_queue import FifoQueue
from msgsim.services.sqs_queue.partitions import Partitions
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.standard_queue import StandardQueue
from msgsim.services.sqs_queue.state import QueueState
from msgsim.services.sqs_queue.stored import VISIBLE

pytestmark = pytest.mark.unchecked

STANDARD = """
duration: 30s
resources:
  Q: {type: sqs.queue, VisibilityTimeout: 2}
  W: {type: worker.fleet, queue: Q, workers: 4, MaxNumberOfMessages: 4,
      handler: {time: 1s, fails: 20%}}
workload: [{name: P, to: Q, rate: 5/s}]
"""
FIFO = """
duration: 60s
resources:
  Q: {type: sqs.queue, FifoQueue: true, VisibilityTimeout: 3}
  W: {type: worker.fleet, queue: Q, workers: 4, MaxNumberOfMessages: 2,
      handler: {time: 400ms, fails: 20%}}
workload: [{name: P, to: Q, rate: 5/s, keys: 3, resend: {share: 50%, after: 10s}}]
"""
BUSY_FIFO = """
duration: 5s
resources:
  Q: {type: sqs.queue, FifoQueue: true%s}
  W: {type: worker.fleet, queue: Q, workers: 4, handler: {time: 10ms}}
workload: [{name: P, to: Q, rate: 800/s, keys: 1}]
"""
MANY_RECEIVES = """
duration: 5s
resources:
  Q: {type: sqs.queue, FifoQueue: true%s}
  W: {type: worker.fleet, queue: Q, workers: 700, handler: {time: 10ms}, WaitTimeSeconds: %s}
workload: [{name: P, to: Q, rate: 5/s, keys: 9}]
"""
HIGH = ", DeduplicationScope: messageGroup, FifoThroughputLimit: perMessageGroupId"
STREAM = """
duration: 20s
resources:
  S: {type: kinesis.stream, ShardCount: 1}
  C: {type: kinesis.consumer, StreamARN: S, handler: {time: 10ms}}
workload: [{name: P, to: S, rate: %s, size: %s, batch: 20, keys: 5}]
"""
FUNCTION = """
duration: 20s
account: {ConcurrentExecutions: 3}
resources:
  Q: {type: sqs.queue, VisibilityTimeout: 30}
  F: {type: lambda.function, Timeout: 5, handler: {time: 3s}}
  M: {type: lambda.event_source_mapping, EventSourceArn: Q, FunctionName: F, BatchSize: 1}
  R: {type: sqs.queue, VisibilityTimeout: 30}
  N: {type: lambda.event_source_mapping, EventSourceArn: R, FunctionName: F, BatchSize: 1}
workload: [{name: P, to: Q, rate: 200/s}, {name: O, to: R, rate: 200/s}]
"""
ASYNCHRONOUS = """
duration: 20s
resources:
  T: {type: sns.topic, Subscription: [{Protocol: lambda, Endpoint: F}]}
  F: {type: lambda.function, Timeout: 5, ReservedConcurrentExecutions: 2, handler: {time: 3s}}
workload: [{name: P, to: T, rate: 5/s}]
"""


def checked(text: str) -> Run:
    """Run a scenario with all invariants on."""
    run = prepare(msgsim.load_text(text), check=True)
    drive(run)
    return run


def broken(text: str) -> set[str]:
    """Return which invariants a run broke."""
    return {violation.name for violation in checked(text).violations}


@pytest.mark.parametrize(
    "text",
    [
        STANDARD,
        FIFO,
        BUSY_FIFO % "",
        BUSY_FIFO % HIGH,
        MANY_RECEIVES % ("", "1"),
        MANY_RECEIVES % (HIGH, "20"),
        STREAM % ("1500/s", "1KiB"),
        STREAM % ("100/s", "50KiB"),
        FUNCTION,
        ASYNCHRONOUS,
    ],
)
def test_a_sound_model_breaks_nothing(text: str) -> None:
    """The systems that the plants below spoil hold every invariant as they are, and are judged."""
    run = checked(text)

    assert run.violations == []
    assert run.observers.checked > 250


def test_a_copy_handed_out_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: what is handed out stays visible, so that the next receive takes it again."""
    hand_out = StandardState._hand_out

    def leaky(self, now, copy, visibility_ns):
        delivery = hand_out(self, now, copy, visibility_ns)
        if copy.message.number % 7 == 3:
            copy.state = VISIBLE
            self.visible += 1
            self.in_flight -= 1
            self.show(copy)
        return delivery

    monkeypatch.setattr(StandardState, "_hand_out", leaky)
    assert lives.INVISIBLE in broken(STANDARD)


def test_a_timeout_that_ends_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: copies come back a second before their visibility timeout ends."""
    end = QueueState._end_timeouts

    def hasty(self, now):
        for delivery in self._timeouts:
            delivery.deadline_ns += 1_000_000_000
        self.visibility_ns += 1_000_000_000
        try:
            return end(self, now + 1_000_000_000)
        finally:
            self.visibility_ns -= 1_000_000_000

    monkeypatch.setattr(QueueState, "_end_timeouts", hasty)
    assert lives.INVISIBLE in broken(STANDARD)


def test_a_copy_that_vanishes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: some copies are forgotten by the queue and nobody announces it."""
    send = StandardState.send

    def forgetful(self, now, message, delay_ns=None):
        copy = send(self, now, message, delay_ns)
        if message.number % 5 == 4:
            self.discard(copy)
        return copy

    monkeypatch.setattr(StandardState, "send", forgetful)
    run = checked(STANDARD.replace("P, to: Q", "P, to: Q, from: 1s"))
    first = next(each for each in run.violations if each.name == lives.CONSERVATION)
    assert first.component == "Q" and re.fullmatch(r"P#\d+", first.message)


def test_more_in_flight_than_aws_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: the queue does not look at its quota of messages in flight."""
    text = STANDARD.replace("workers: 4", "workers: 12").replace("rate: 5/s", "rate: 90/s")
    run = prepare(msgsim.load_text(text), check=True)
    monkeypatch.setattr(type(run.system.components["Q"]), "in_flight_limit", 10)
    drive(run)
    found = [each for each in run.violations if each.name == lives.IN_FLIGHT]
    assert found and found[0].expected == 10 < found[0].found and found[0].at_ns > 0


def test_a_message_that_overtakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: a group's line is served from the back."""

    def from_the_back(self, now, group, room, visibility_ns, deliveries, dead):
        for copy in reversed(group.line):
            if copy.state == VISIBLE and len(deliveries) < room:
                group.in_flight += 1
                deliveries.append(self._hand_out(now, copy, visibility_ns))

    monkeypatch.setattr(FifoState, "_serve", from_the_back)
    assert groups.ORDER in broken(FIFO)


def test_two_holders_of_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: copies in flight do not block their group."""

    def unblocked(self):
        return next((copy for copy in self.line if copy.state == VISIBLE), None)

    def skipping(self, now, group, room, visibility_ns, deliveries, dead):
        for copy in group.line:
            if copy.state == VISIBLE and len(deliveries) < room:
                group.in_flight += 1
                deliveries.append(self._hand_out(now, copy, visibility_ns))

    monkeypatch.setattr(Group, "head", unblocked)
    monkeypatch.setattr(FifoState, "_serve", skipping)
    assert groups.HOLDERS in broken(FIFO)


def test_an_id_accepted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: the queue has no memory of ids."""
    monkeypatch.setattr(FifoState, "_is_duplicate", lambda self, now, message: False)
    assert deduplication.TWICE in broken(FIFO)


def test_a_first_send_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: the queue takes some messages for repeated that are not."""
    known = FifoState._is_duplicate

    def confused(self, now, message):
        return message.number % 5 == 4 or known(self, now, message)

    monkeypatch.setattr(FifoState, "_is_duplicate", confused)
    assert deduplication.UNFOUNDED in broken(FIFO)


def test_more_calls_than_a_fifo_queue_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: 300 calls per second and action are not enforced."""
    monkeypatch.setattr(FifoQueue, "_spend", lambda *args: True)
    assert quotas.CALLS in broken(BUSY_FIFO % "")


def test_more_calls_than_a_partition_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: a partition does not count."""
    monkeypatch.setattr(Partitions, "take", lambda *args: True)
    assert quotas.PARTITION in broken(BUSY_FIFO % HIGH)


@pytest.mark.parametrize("wait", ["0, idle: 1s", "1", "20"])
@pytest.mark.parametrize("mode", ["", HIGH])
def test_more_receives_than_a_fifo_queue_takes(
    mode: str, wait: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plant: a receive costs nothing, and 700 workers ask for messages at once."""
    monkeypatch.setattr(FifoQueue, "_refuse_receive", lambda self, wait_ns: None)
    assert broken(MANY_RECEIVES % (mode, wait)) == {quotas.RECEIVES}


@pytest.mark.parametrize(
    ("rate", "size", "name"),
    [("1500/s", "1KiB", quotas.RECORDS), ("100/s", "50KiB", quotas.BYTES)],
)
def test_more_than_a_shard_takes(
    rate: str, size: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plant: shards take whatever comes."""
    monkeypatch.setattr(Shard, "take_write", lambda self, now, charged: True)
    monkeypatch.setattr(TokenBucket, "take", lambda self, now, amount=1: True)
    assert name in broken(STREAM % (rate, size))


def test_more_invocations_than_the_account_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: nobody counts what runs."""
    monkeypatch.setattr(Share, "take", lambda self, set_aside=0: None)
    assert concurrency.ACCOUNT in broken(FUNCTION)


def test_more_invocations_than_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: a function runs beyond its reserved part."""
    monkeypatch.setattr(ReservedShare, "take", lambda self, set_aside=0: None)
    assert concurrency.RESERVED in broken(ASYNCHRONOUS)


def test_records_out_of_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: a read returns its records backwards."""
    read = Shard.read

    def backwards(self, now, position, limit):
        found = read(self, now, position, limit)
        return found._replace(records=found.records[::-1])

    monkeypatch.setattr(Shard, "read", backwards)
    assert sequence.ORDER in broken(STREAM % ("50/s", "1KiB"))


def test_a_fact_from_another_time() -> None:
    """Plant: a component announces what happened a second ago."""
    run = prepare(msgsim.load_text(STANDARD), check=True)
    queue = run.system.components["Q"]
    run.system.sim.after(
        5_000_000_000, lambda: queue.on_empty and queue.on_empty(4_000_000_000, None)
    )
    drive(run)
    found = next(each for each in run.violations if each.name == clock.PAST)
    assert (found.at_ns, found.found, found.component) == (5_000_000_000, 4_000_000_000, "Q")


def test_a_bill_that_misses_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: the meter does not see empty receives."""
    other = QueueMeter._other

    def blind(self, action, items, code):
        if items:
            other(self, action, items, code)

    monkeypatch.setattr(QueueMeter, "_other", blind)
    rare = STANDARD.replace("rate: 5/s", "rate: 1/s")
    assert bills.BILL in broken(rare.replace("workers: 4", "workers: 9, WaitTimeSeconds: 1"))


def test_books_that_do_not_balance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: the queue keeps copies that it says it has dropped (conservation, Little's law)."""
    monkeypatch.setattr(StandardState, "delete", lambda self, now, delivery: None)
    names = broken(STANDARD)
    assert any(name.startswith("conservation: ") for name in names)
    assert any(name.startswith("Little's law") for name in names)


@pytest.mark.parametrize(
    ("word", "name"),
    [("waiting", "visible"), ("in_flight", "in flight"), ("delayed", "delayed")],
)
def test_a_queue_that_hides_a_copy(word: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: asked what it holds, the queue leaves one copy out."""
    holds = Queue.holds

    def forgetful(self):
        found = list(holds(self))
        hidden = next((each for each in found if each[0] == word), None)
        return [each for each in found if each is not hidden]

    monkeypatch.setattr(Queue, "holds", forgetful)
    crowded = STANDARD.replace("VisibilityTimeout: 2", "VisibilityTimeout: 9, DelaySeconds: 1")
    found = next(
        each
        for each in checked(crowded.replace("rate: 5/s", "rate: 20/s")).violations
        if each.name == f"conservation: {name}"
    )
    assert (found.component, found.found - found.expected) == ("Q", 1)


def test_a_message_that_was_never_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: the queue says yes to some messages and does not take them."""
    deliver = StandardQueue.deliver

    def polite(self, message, delay_ns=None):
        return None if message.number % 5 == 4 else deliver(self, message, delay_ns)

    monkeypatch.setattr(StandardQueue, "deliver", polite)
    assert broken(STANDARD) == {"conservation: lost"}


def test_a_bill_whose_total_is_not_its_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: the total is a cent more than its lines."""
    total = Bill.usd
    monkeypatch.setattr(Bill, "usd", lambda self, name: total(self, name) + (name is None) * 0.01)
    assert broken(STANDARD) == {bills.TOTAL}


def test_a_copy_that_tells_a_wrong_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: copies say that they arrived a nanosecond after they did; all counts are right.

    Nothing but Little's law sees it: what the queue holds and the times spent in it do not agree.
    """
    send, planted = StandardState.send, []

    def late(self, now, message, delay_ns=None):
        copy = send(self, now, message, delay_ns)
        if message.number % 7 == 3:
            copy.arrived_ns += 1
            planted.append(copy)
        return copy

    monkeypatch.setattr(StandardState, "send", late)
    delayed = STANDARD.replace("VisibilityTimeout: 2", "VisibilityTimeout: 9, DelaySeconds: 1")
    (found,) = checked(delayed).violations
    assert (found.name, found.component, found.at_ns) == ("Little's law (copies × ns)", "Q", -1)
    assert found.found - found.expected == len(planted) > 9, "a nanosecond for each"


def test_tests_fail_on_a_broken_invariant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where runs are always checked, a violation is an error with its message and moment."""
    monkeypatch.setattr(running, "CHECK", True)
    monkeypatch.setattr(FifoState, "_is_duplicate", lambda self, now, message: False)
    with pytest.raises(InvariantBroken, match=r"an id accepted twice at Q, at \d+\.\d{9} s, mess"):
        drive(prepare(msgsim.load_text(FIFO)))


def test_an_allowance_is_exact() -> None:
    """300 at once, then one each 1/300 s; a nanosecond early is one too many."""
    allowed = Allowance(300, 300)

    assert not any(allowed.exceeded(0) for _ in range(300))
    assert allowed.exceeded(0)
    assert allowed.exceeded(3_333_333)
    assert not allowed.exceeded(3_333_334)
    assert not allowed.exceeded(1_000_000_000, 298)
    assert allowed.exceeded(1_000_000_000, 2)


def test_a_spread_allowance_takes_the_best_moments() -> None:
    """300 at once and 300 in a second are 600 by then; whatever was saved up, 300 are next."""
    allowed = SpreadAllowance(300, 300)

    assert not allowed.exceeded(1_000_000_000, 600)
    assert allowed.exceeded(1_000_000_000, 1)
    assert not allowed.exceeded(60_000_000_000, 0)
    assert not allowed.exceeded(60_000_000_000, 300)
    assert allowed.exceeded(60_003_333_333, 1)
