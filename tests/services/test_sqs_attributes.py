"""SQS: attributes of a live queue, own delays, sizes, purge, counters and ages, by example."""

from __future__ import annotations

from typing import Any

import pytest

from msgsim.kernel.simulation import Simulation
from msgsim.scenario.load import load_text
from msgsim.services.sqs_queue.base import Queue
from tests.services.by_hand import Mail, Recorder, fifo, ns, receive, standard

MAKERS = {"standard": standard, "fifo": fifo}
S = 1_000_000_000


def make(kind: str, sim: Simulation, **more: Any) -> Queue:
    return MAKERS[kind](sim, **more)


# Changing a live queue ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_timeouts_before_and_after_a_change_end_each_at_its_time(
    sim: Simulation, mail: Mail, kind: str
) -> None:
    """Received at 0 s with 30 s, at 1 s with 5 s, at 2 s with 60 s: back at 30, 6 and 62 s."""
    queue, seen = make(kind, sim, visibility_ns=ns("30s")), Recorder()
    queue.bind([seen])
    for group in "abc":
        queue.accept(mail.message(group, group))
    for second, timeout in ((0, "30s"), (1, "5s"), (2, "60s")):
        sim.run(second * S)
        queue.set_attributes(visibility_ns=ns(timeout))
        receive(queue)
    found = {}
    for second in range(70):
        sim.run(second * S)
        for fact in seen.facts:
            if fact[1] == "returned":
                found.setdefault(fact[2], second)
    assert sorted(found) == [6 * S, 30 * S, 62 * S]


def test_a_new_delay_of_a_standard_queue_is_not_retroactive(sim: Simulation, mail: Mail) -> None:
    """Sent with 60 s, delay changed to 0: it stays delayed (SDG of May 2023)."""
    queue = standard(sim, delay_ns=ns("60s"))
    queue.accept(mail.message("old"))
    queue.set_attributes(delay_ns=0)
    queue.accept(mail.message("new"))
    assert queue.counters() == (1, 0, 1)
    assert receive(queue, limit=10, visibility="1h").bodies == ["new"]
    answer = receive(queue, wait="20s")
    sim.run(ns("50s"))
    assert answer.bodies == []
    answer = receive(queue, wait="20s")
    sim.run(ns("70s"))
    assert (answer.at_ns, answer.bodies) == (ns("60s"), ["old"])


@pytest.mark.parametrize(("delay", "at"), [("0s", "1s"), ("20s", "20s"), ("90s", "90s")])
def test_a_new_delay_of_a_fifo_queue_is_retroactive(
    sim: Simulation, mail: Mail, delay: str, at: str
) -> None:
    """Sent with 60 s, at 1 s changed: the new delay counts from the send (SDG of May 2023)."""
    queue = fifo(sim, delay_ns=ns("60s"))
    queue.accept(mail.message("m"))
    answer = receive(queue, wait="200s")
    sim.run(ns("1s"))
    queue.set_attributes(delay_ns=ns(delay))
    sim.run(ns("200s"))
    assert (answer.at_ns, answer.bodies) == (ns(at), ["m"])


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_a_shorter_retention_expires_what_is_stored(sim: Simulation, mail: Mail, kind: str) -> None:
    """Messages older than the new period are gone (SQS API SetQueueAttributes)."""
    queue, seen = make(kind, sim), Recorder()
    queue.bind([seen])
    queue.accept(mail.message("old"))
    sim.run(ns("100s"))
    queue.accept(mail.message("new"))
    queue.set_attributes(retention_ns=ns("60s"))
    assert seen.count("expired") == 1
    sim.run(ns("159s"))
    assert queue.counters() == (1, 0, 0)
    sim.run(ns("160s"))
    assert queue.counters() == (0, 0, 0)


def test_content_based_deduplication_can_be_switched_on(sim: Simulation, mail: Mail) -> None:
    """From then on equal bodies are duplicates (SQS API SetQueueAttributes)."""
    queue = fifo(sim)
    for switched_on, stored in ((False, 2), (True, 3)):
        queue.set_attributes(content_based=switched_on)
        for _ in range(2):
            queue.accept(mail.message("m"))
        assert queue.counters() == (stored, 0, 0)


# Delays -------------------------------------------------------------------------------------


def test_a_message_s_own_delay_overrides_the_queue_s(sim: Simulation, mail: Mail) -> None:
    """`DelaySeconds` of a message counts instead of the queue's, also with 0 (SQS API)."""
    queue = standard(sim, delay_ns=ns("60s"))
    assert queue.accept(mail.message("now"), 0) is None
    assert queue.accept_batch([mail.message("5"), mail.message("60")], [5 * S, None]) == [None] * 2
    assert queue.counters() == (1, 0, 2)
    assert receive(queue, limit=10, visibility="1h").bodies == ["now"]
    for at in ("5s", "60s"):
        answer = receive(queue, wait="60s", visibility="1h")
        sim.run(sim.now + ns("60s"))
        assert (answer.at_ns, answer.bodies) == (ns(at), [at.rstrip("s")])


def test_a_waiting_poll_does_not_get_a_delayed_message_early(sim: Simulation, mail: Mail) -> None:
    """A long poll that waits is served when the message's own delay ends."""
    queue = standard(sim)
    answer = receive(queue, wait="20s")
    queue.accept(mail.message("m"), 3 * S)
    sim.run(ns("20s"))
    assert (answer.at_ns, answer.bodies) == (ns("3s"), ["m"])


def test_a_fifo_message_has_no_delay_of_its_own(sim: Simulation, mail: Mail) -> None:
    """Above 0: `InvalidParameterValue`; 0 is accepted and the queue's delay holds (C08)."""
    queue = fifo(sim, delay_ns=ns("2s"))
    assert queue.accept(mail.message("a"), 2 * S) == "InvalidParameterValue"
    assert queue.accept(mail.message("b"), 0) is None
    assert queue.accept_batch([mail.message("c"), mail.message("d")], [S, 0]) == [
        "InvalidParameterValue",
        None,
    ]
    sim.run(ns("1s"))
    assert receive(queue).bodies == []
    sim.run(ns("2s"))
    assert receive(queue, limit=10).bodies == ["b", "d"]


# Receives -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_a_timeout_given_by_a_receive_holds_for_it_alone(
    sim: Simulation, mail: Mail, kind: str
) -> None:
    """The next receive uses the queue's value again (SQS API ReceiveMessage)."""
    queue = make(kind, sim, visibility_ns=ns("30s"))
    queue.accept(mail.message("m"))
    receive(queue, visibility="5s")
    again = receive(queue, wait="20s")
    sim.run(ns("20s"))
    assert again.at_ns == ns("5s")
    third = receive(queue, wait="20s")
    sim.run(ns("50s"))
    assert third.at_ns == ns("35s")


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_a_timeout_of_zero_shows_the_message_at_the_same_instant(
    sim: Simulation, mail: Mail, kind: str
) -> None:
    """Received with timeout 0 it can be received again at once; on FIFO a delete comes too late."""
    queue = make(kind, sim)
    queue.accept(mail.message("m"))
    first = receive(queue, visibility="0s")
    sim.run(sim.now)
    second = receive(queue, visibility="0s")
    sim.run(sim.now)
    assert (first.bodies, second.bodies, second.deliveries[0].attempt) == (["m"], ["m"], 2)
    late = queue.delete(second.deliveries[0])
    assert late == (None if kind == "standard" else "InvalidParameterValue")


# Sizes --------------------------------------------------------------------------------------


def test_a_message_may_be_exactly_as_large_as_allowed(sim: Simulation, mail: Mail) -> None:
    """`MaximumMessageSize` bytes are accepted, one more is `InvalidParameterValue` (S20)."""
    queue = standard(sim)
    queue.max_message_bytes = 2_048
    assert queue.accept(mail.message("m", size_bytes=2_048)) is None
    assert queue.accept(mail.message("m", size_bytes=2_049)) == "InvalidParameterValue"
    queue.set_attributes(max_message_bytes=4_096)
    assert queue.accept(mail.message("m", size_bytes=2_049)) is None


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_an_entry_that_is_too_large_fails_alone(sim: Simulation, mail: Mail, kind: str) -> None:
    """Only the offending entries of a batch fail (S20)."""
    queue = make(kind, sim)
    queue.max_message_bytes = 2_048
    batch = [mail.message("m", size_bytes=size) for size in (1_000, 3_000, 2_000)]
    assert queue.accept_batch(batch) == [None, "InvalidParameterValue", None]
    assert queue.counters() == (2, 0, 0)


@pytest.mark.parametrize("kind", ["standard", "fifo"])
@pytest.mark.parametrize(
    ("count", "size", "code"),
    [
        (10, 104_857, None),
        (10, 104_858, "AWS.SimpleQueueService.BatchRequestTooLong"),
        (11, 1, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        (0, 1, None),
    ],
)
def test_a_batch_has_ten_entries_and_a_mebibyte(
    sim: Simulation, mail: Mail, kind: str, count: int, size: int, code: str | None
) -> None:
    """Otherwise the whole request is refused, whatever `MaximumMessageSize` says (S20)."""
    queue = make(kind, sim)
    batch = [mail.message("m", str(n), size_bytes=size) for n in range(count)]
    assert queue.accept_batch(batch) == [code] * count
    assert queue.counters() == ((0 if code else count), 0, 0)


# Purge and counters -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_a_purge_removes_everything_in_every_state(sim: Simulation, mail: Mail, kind: str) -> None:
    """Visible, in flight and delayed messages go; receipts of them are harmless (S20)."""
    queue, seen = make(kind, sim), Recorder()
    queue.bind([seen])
    for group in "abc":
        queue.accept(mail.message(group, group))
    held = receive(queue).deliveries[0]
    queue.set_attributes(delay_ns=ns("60s"))
    queue.accept(mail.message("d", "d"))
    assert queue.counters() == (2, 1, 1)
    assert queue.purge() is None

    assert queue.counters() == (0, 0, 0)
    assert seen.count("purged") == 4
    assert queue.oldest_ns() is None
    assert list(queue.holds()) == []
    assert queue.change_visibility(held, 0) == "InvalidParameterValue"
    waiting = receive(queue, wait="20s")
    sim.run(ns("100s"))
    assert (waiting.at_ns, waiting.bodies) == (ns("20s"), [])
    assert seen.count("returned") == 0
    queue.set_attributes(delay_ns=0)
    queue.accept(mail.message("a", "a"))
    assert receive(queue).bodies == ["a"]


def test_a_purge_forgets_deduplication_ids(sim: Simulation, mail: Mail) -> None:
    """The same id is accepted again after a purge (S20)."""
    queue = fifo(sim)
    for _ in range(2):
        queue.accept(mail.message("m", deduplication_id="x"))
    assert queue.counters() == (1, 0, 0)
    queue.purge()
    queue.accept(mail.message("m", deduplication_id="x"))
    assert receive(queue).bodies == ["m"]


def test_a_second_purge_within_a_minute_is_refused(sim: Simulation) -> None:
    """`PurgeQueueInProgress` for 60 s (SQS API PurgeQueue)."""
    queue = standard(sim)
    assert queue.purge() is None
    sim.run(ns("59s"))
    assert queue.purge() == "AWS.SimpleQueueService.PurgeQueueInProgress"
    sim.run(ns("60s"))
    assert queue.purge() is None


def test_blocked_messages_of_a_fifo_queue_count_as_visible(sim: Simulation, mail: Mail) -> None:
    """Behind an in-flight message of their group, yet `ApproximateNumberOfMessages` (S20)."""
    queue = fifo(sim)
    for body in "abc":
        queue.accept(mail.message(body))
    receive(queue)
    assert receive(queue).bodies == []
    assert queue.counters() == (2, 1, 0)


# The age of the oldest ----------------------------------------------------------------------


def test_a_poison_pill_is_left_out_of_the_oldest_age(sim: Simulation, mail: Mail) -> None:
    """Received three times: the metric shows the next message (SQS metrics page)."""
    queue = standard(sim)
    queue.accept(mail.message("poison"))
    sim.run(ns("10s"))
    queue.accept(mail.message("young"), 100 * S)
    for turn in range(3):
        assert queue.oldest_ns() == 0, turn
        receive(queue, visibility="0s")
        sim.run(sim.now + S)
    assert queue.oldest_ns() == ns("10s")


def test_the_oldest_age_of_a_fifo_queue_keeps_rising(sim: Simulation, mail: Mail) -> None:
    """FIFO is never re-ordered: the failing message counts until it is gone (metrics page)."""
    queue = fifo(sim)
    queue.accept(mail.message("poison"))
    for _ in range(5):
        receive(queue, visibility="0s")
        sim.run(sim.now + S)
    assert queue.oldest_ns() == 0


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_ages_in_a_dead_letter_queue_count_from_the_move(
    sim: Simulation, mail: Mail, kind: str
) -> None:
    """On both types, and however often the source had handed the message out (DLQ page)."""
    source, dead = make(kind, sim, name="s", max_receives=4), make(kind, sim, name="d")
    source.dead_letter_queue = dead
    source.accept(mail.message("m"))
    for _ in range(4):
        receive(source, visibility="0s")
        sim.run(sim.now + ns("1h"))
    receive(source)
    assert dead.oldest_ns() == ns("4h")
    receive(dead, visibility="0s")
    sim.run(sim.now + S)
    assert dead.oldest_ns() == ns("4h")


# Advice ---------------------------------------------------------------------------------------

USERS = {
    "a fleet": "Workers: {type: worker.fleet, queue: Orders, workers: 1, handler: {time: 1s}}",
    "a mapping": "Fn: {type: lambda.function, handler: {time: 1s}}\n"
    "  Map: {type: lambda.event_source_mapping, EventSourceArn: Orders, FunctionName: Fn}",
}


@pytest.mark.parametrize("user", [None, *USERS])
def test_a_queue_that_nobody_consumes_draws_advice(user: str | None) -> None:
    """Its messages wait until retention ends; a dead-letter queue may do so, it is made for it."""
    text = f"""
duration: 1m
resources:
  Orders: {{type: sqs.queue, VisibilityTimeout: 60,
           RedrivePolicy: {{deadLetterTargetArn: Dlq, maxReceiveCount: 5}}}}
  Dlq: {{type: sqs.queue}}
  {USERS.get(user or "", "")}
workload: [{{to: Orders, rate: 1/s}}]
actions: [{{at: 1s, purge: Dlq}}, {{at: 2s, move: Dlq}}]
faults: [{{at: 1s, down: Orders}}, {{at: 1h, down: Dlq}}]
"""
    codes = [each.code for each in load_text(text).warnings]
    assert codes == (["W382"] if user else ["W341", "W382"])
