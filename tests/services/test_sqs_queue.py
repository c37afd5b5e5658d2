"""SQS rules by example: receives, visibility, deletes and quotas. Sources: S… are those of the
page `sqs.queue`.
"""

from __future__ import annotations

import pytest

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.kernel.simulation import Simulation
from msgsim.services.sqs_queue.base import Queue
from tests.services.by_hand import Mail, fifo, ns, receive, standard


def test_a_received_message_is_invisible_until_its_timeout_ends(
    sim: Simulation, mail: Mail
) -> None:
    """Visibility timeout 1 s: the second receive is empty, a long poll gets it again (C01)."""
    queue = standard(sim, visibility_ns=ns("1s"))
    queue.accept(mail.message("m"))
    first = receive(queue)
    assert first.bodies == ["m"]
    assert receive(queue).bodies == []
    third = receive(queue, wait="5s")
    sim.run(ns("5s"))

    assert third.bodies == ["m"]
    assert third.at_ns == ns("1s")
    assert third.deliveries[0].attempt == 2
    assert third.deliveries[0] is not first.deliveries[0]


def test_a_long_poll_answers_as_soon_as_anything_is_there(sim: Simulation, mail: Mail) -> None:
    """Asking for three when two wait: two come at once; it does not wait for the third (C02)."""
    queue = standard(sim)
    for body in "ab":
        queue.accept(mail.message(body))
    answer = receive(queue, limit=3, wait="5s")

    assert answer.at_ns == 0
    assert sorted(str(body) for body in answer.bodies) == ["a", "b"]


def test_a_long_poll_ends_empty_after_its_wait(sim: Simulation) -> None:
    """An empty answer comes exactly when the wait is over."""
    queue = standard(sim)
    answer = receive(queue, wait="20s")
    sim.run(ns("30s"))

    assert (answer.at_ns, answer.bodies, answer.error) == (ns("20s"), [], None)


def test_polls_of_different_length_end_each_in_time(sim: Simulation, mail: Mail) -> None:
    """Waiting pollers are served in order of arrival, whatever their deadlines."""
    queue = standard(sim)
    long, short, late = (receive(queue, wait=wait) for wait in ("20s", "5s", "20s"))
    sim.run(ns("6s"))
    queue.accept(mail.message("m"))
    sim.run(ns("40s"))

    assert (short.at_ns, short.bodies) == (ns("5s"), [])
    assert (long.at_ns, long.bodies) == (ns("6s"), ["m"])
    assert (late.at_ns, late.bodies) == (ns("20s"), [])


def test_a_delayed_message_comes_inside_a_long_poll(sim: Simulation, mail: Mail) -> None:
    """`DelaySeconds` 3: a long poll of 5 s returns it after 3 s."""
    queue = standard(sim, delay_ns=ns("3s"))
    queue.accept(mail.message("m"))
    assert receive(queue).bodies == []
    answer = receive(queue, wait="5s")
    sim.run(ns("5s"))

    assert (answer.at_ns, answer.bodies) == (ns("3s"), ["m"])


def test_changing_visibility_counts_from_now(sim: Simulation, mail: Mail) -> None:
    """Timeout 60 s, at 15 s changed to 10 s: visible at 25 s (SQS API ChangeMessageVisibility)."""
    queue = standard(sim, visibility_ns=ns("60s"))
    queue.accept(mail.message("m"))
    held = receive(queue).deliveries[0]
    sim.run(ns("15s"))
    assert queue.change_visibility(held, ns("10s")) is None
    again = receive(queue, wait="20s")
    sim.run(ns("60s"))

    assert again.at_ns == ns("25s")


def test_visibility_zero_shows_the_message_at_once(sim: Simulation, mail: Mail) -> None:
    """`ChangeMessageVisibility` to 0 gives the message back."""
    queue = standard(sim)
    queue.accept(mail.message("m"))
    held = receive(queue).deliveries[0]
    waiting = receive(queue, wait="5s")
    queue.change_visibility(held, 0)

    assert (waiting.at_ns, waiting.bodies) == (0, ["m"])


def test_visibility_cannot_pass_twelve_hours_from_the_receive(sim: Simulation, mail: Mail) -> None:
    """43,200 s from the receive is the end; more is refused, not clamped."""
    queue = standard(sim, visibility_ns=ns("60s"))
    queue.accept(mail.message("m"))
    held = receive(queue).deliveries[0]
    sim.run(ns("5s"))

    assert queue.change_visibility(held, ns("43200s")) == "InvalidParameterValue"
    assert queue.change_visibility(held, ns("43195s")) is None


@pytest.mark.parametrize("kind", ["standard", "fifo"])
def test_a_late_delete(sim: Simulation, mail: Mail, kind: str) -> None:
    """After the timeout: a standard queue deletes, a FIFO queue refuses (C07)."""
    queue: Queue = (standard if kind == "standard" else fifo)(sim, visibility_ns=ns("1s"))
    queue.accept(mail.message("m"))
    held = receive(queue).deliveries[0]
    sim.run(ns("2s"))
    answer = queue.delete(held)
    found = receive(queue).bodies

    if kind == "standard":
        assert (answer, found) == (None, [])
    else:
        assert (answer, found) == ("InvalidParameterValue", ["m"])


def test_an_old_receipt_of_a_standard_queue_still_deletes(sim: Simulation, mail: Mail) -> None:
    """The call succeeds; msgsim lets it delete (page: choices), and deleting twice succeeds too."""
    queue = standard(sim, visibility_ns=ns("1s"))
    queue.accept(mail.message("m"))
    old = receive(queue).deliveries[0]
    sim.run(ns("2s"))
    newer = receive(queue).deliveries[0]
    assert queue.delete(old) is None
    assert queue.delete(newer) is None
    sim.run(ns("10s"))

    assert receive(queue).bodies == []
    assert queue.state.stored == 0


def test_the_in_flight_quota(sim: Simulation, mail: Mail) -> None:
    """Quota 2: a short poll gets `OverLimit`, a long poll waits until one is deleted (C12)."""
    queue = standard(sim, in_flight_limit=2)
    for body in "abc":
        queue.accept(mail.message(body))
    held = receive(queue, limit=10).deliveries
    assert len(held) == 2
    assert receive(queue).error == "OverLimit"
    waiting = receive(queue, wait="20s")
    sim.run(ns("3s"))
    assert waiting.at_ns is None
    queue.delete(held[0])

    assert waiting.at_ns == ns("3s")
    assert len(waiting.bodies) == 1


def test_the_in_flight_quota_of_a_fifo_queue_has_no_error(sim: Simulation, mail: Mail) -> None:
    """FIFO: receives are empty without an error, and work again after a delete (C12)."""
    queue = fifo(sim, in_flight_limit=1)
    for group in "ab":
        queue.accept(mail.message(group, group))
    held = receive(queue, limit=10).deliveries
    empty = receive(queue)
    assert (len(held), empty.bodies, empty.error) == (1, [], None)
    queue.delete(held[0])

    assert receive(queue).bodies == ["b"]


def test_three_receives_send_a_standard_message_to_the_back(sim: Simulation, mail: Mail) -> None:
    """A message that came back is served before younger ones, but not after three receives (S8)."""
    queue = standard(sim, visibility_ns=ns("10s"))
    queue.accept(mail.message("old"))
    for turn in range(3):
        assert receive(queue).bodies == ["old"]
        if turn == 0:
            queue.accept(mail.message("young"))
        sim.run(sim.now + ns("11s"))

    assert receive(queue).bodies == ["young"]
    assert receive(queue).bodies == ["old"]


def test_a_short_poll_asks_some_hosts_and_may_miss_a_message(sim: Simulation, mail: Mail) -> None:
    """One message on 8 hosts, 3 asked: found with probability 3/8; long polls always find it."""
    queue = standard(sim, hosts=8, hosts_asked=3, visibility_ns=ns("1s"))
    found = 0
    tries = 2_000
    queue.accept(mail.message("m"))
    for _ in range(tries):
        answer = receive(queue, visibility="0s")
        found += len(answer.bodies)
        sim.run(sim.now + 1)
    assert abs(found / tries - 3 / 8) < 5 * (3 / 8 * 5 / 8 / tries) ** 0.5
    assert receive(queue, wait="1s").bodies == ["m"]


def test_long_polls_show_disorder(sim: Simulation, mail: Mail) -> None:
    """With several hosts even a lone long-polling consumer sees best-effort order only."""
    queue = standard(sim, hosts=8)
    sent = [str(number) for number in range(200)]
    for body in sent:
        queue.accept(mail.message(body))
    seen = [body for _ in range(200) for body in receive(queue, wait="1s").bodies]

    assert sorted(seen) == sorted(sent)
    assert seen != sent


def test_an_outage_refuses_calls_and_serves_waiters_when_it_ends(
    sim: Simulation, mail: Mail
) -> None:
    """While down every call fails with a server error; a waiting poll is served at recovery."""
    queue = standard(sim, visibility_ns=ns("5s"))
    queue.accept(mail.message("m"))
    receive(queue)
    waiting = receive(queue, wait="20s")
    queue.fail()
    assert queue.accept(mail.message("x")) == "ServiceUnavailable"
    assert receive(queue).error == "ServiceUnavailable"
    sim.run(ns("8s"))
    assert waiting.at_ns is None
    queue.recover()

    assert (waiting.at_ns, waiting.bodies) == (ns("8s"), ["m"])


@pytest.mark.parametrize(
    ("of_queue", "of_fleet", "polls"), [(5, None, 12), (20, None, 3), (5, 20, 3)]
)
def test_a_receive_waits_as_long_as_the_queue_says(
    of_queue: int, of_fleet: int | None, polls: int
) -> None:
    """`ReceiveMessageWaitTimeSeconds` holds where the call does not say; the call wins (S1)."""
    wait = "" if of_fleet is None else f", WaitTimeSeconds: {of_fleet}"
    text = f"""
    duration: 61s
    resources:
      Q: {{type: sqs.queue, ReceiveMessageWaitTimeSeconds: {of_queue}}}
      W: {{type: worker.fleet, queue: Q, workers: 1, receive_time: 0s, handler: {{time: 1s}}{wait}}}
    workload: [{{to: Q, rate: 1/s, from: 60.5s}}]
    """
    run = to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]

    assert run["queues"]["Q"]["counts"]["empty_receives"] == polls


def test_a_queues_own_size_limit_holds_for_sends_and_not_for_deliveries_of_a_topic() -> None:
    """`MaximumMessageSize` 1 KiB: a send of 2 KiB is refused, a topic's delivery is taken."""
    text = """
    duration: 10s
    resources:
      T: {type: sns.topic, Subscription: [{Protocol: sqs, Endpoint: A, RawMessageDelivery: true}]}
      A: {type: sqs.queue, MaximumMessageSize: 1024}
      B: {type: sqs.queue, MaximumMessageSize: 1024}
    workload:
      - {to: T, rate: 1/s, size: 2KiB, until: 5s}
      - {to: B, rate: 1/s, size: 2KiB, until: 5s}
    """
    ledger = to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]["ledger"]

    assert (ledger["A"]["waiting"], ledger["A"]["refused"]) == (5, 0)
    assert (ledger["B"]["waiting"], ledger["B"]["refused"]) == (0, 5)
