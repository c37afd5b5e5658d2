"""The ledger, on real queues driven by hand: every row sums, and says so when it does not."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.experiment.run import drive, prepare
from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from msgsim.model.message import Copy, Delivery, Key, Message
from msgsim.model.routes import Route
from msgsim.observe import Observers, completions
from msgsim.observe.journal import FILTERED
from msgsim.observe.ledger import Row
from tests.observe.hand_made import HandSystem, S, Source, Worker, queue_system, standard
from tests.services.by_hand import Recorder


def account(observers: Observers, name: str = "q") -> dict[str, int]:
    """The lines of a row that are not 0."""
    return {line: n for line, n in observers.ledger.account(name).items() if n}


def test_done_waiting_and_dead_lettered() -> None:
    """Three messages: one done, one dead-lettered on its second receive, one still there."""
    system, source, queue, worker = queue_system(dead_letters=True, max_receives=1)
    for _ in range(3):
        source.send(queue)
    first, bad = worker.take(queue, 2)
    worker.complete(first)
    queue.delete(first)
    worker.fail(bad)
    system.sim.run(31 * S)
    worker.take(queue, 1)
    seen = system.finish(40)
    assert account(seen) == {"published": 3, "done": 1, "in_flight": 1, "dead_lettered": 1}
    assert account(seen, "d") == {"moved_in": 1, "waiting": 1}
    assert seen.ledger.sums and not seen.violations
    assert seen.metrics.value("d", None, "never_processed") == 0
    assert seen.metrics.value("q", None, "gaps") == 1


def test_done_takes_precedence_over_where_the_copy_is() -> None:
    """Completed, never deleted: the copy waits again, but the message is done."""
    system, source, queue, worker = queue_system()
    source.send(queue)
    worker.complete(worker.take(queue)[0])
    seen = system.finish(40)
    assert queue.state.visible == 1
    assert account(seen) == {"published": 1, "done": 1}


def test_a_second_receive_completes_again() -> None:
    """A redelivered copy that is processed twice is one message done, and one duplicate."""
    system, source, queue, worker = queue_system()
    source.send(queue)
    worker.complete(worker.take(queue)[0])
    system.sim.run(31 * S)
    again = worker.take(queue)[0]
    worker.complete(again)
    queue.delete(again)
    seen = system.finish(40)
    assert account(seen) == {"published": 1, "done": 1}
    found = seen.to_json()["duplicates"]["q"]
    assert found["by_cause"]["queue redelivery"] == found["duplicate_processings"] == 1
    assert found["attempts"] == {"2": 1}
    assert seen.metrics.value("c", None, "attempts_per_message") == 2


def test_a_resend_makes_an_extra_copy() -> None:
    """The application sends a message again; a standard queue keeps both copies."""
    system, source, queue, worker = queue_system()
    message = source.send(queue)
    delivery = worker.take(queue)[0]
    worker.complete(delivery)
    queue.delete(delivery)
    source.send_again(queue, message)
    worker.complete(worker.take(queue)[0])
    seen = system.finish(10)
    assert account(seen) == {"published": 1, "extra_copies": 1, "done": 2}
    assert seen.metrics.value("q", None, "sent_twice") == 1
    assert seen.duplicates.subscribers["q"].causes == {"producer retry": 1}
    assert seen.metrics.value("q", None, "latency", "count") == 1


def test_a_resend_that_fifo_deduplicates() -> None:
    """One acceptance per deduplication id within five minutes (SQS API SendMessage)."""
    system, source, queue, _ = queue_system(fifo_queue=True)
    message = source.send(queue, deduplication_id="x")
    source.send_again(queue, message)
    seen = system.finish(10)
    lines = {"published": 1, "extra_copies": 1, "deduplicated": 1, "waiting": 1}
    assert account(seen) == lines
    assert seen.metrics.value("q", None, "gaps") == 0


def test_heartbeats_with_one_body() -> None:
    """Question Q3: 26 identical bodies, one every 70 s: 6 kept, 20 deduplicated, none lost."""
    system, source, queue, worker = queue_system(fifo_queue=True, content_based=True)
    for beat in range(26):
        system.sim.run(beat * 70 * S)
        source.send(queue, body="status: ok")
        for delivery in worker.take(queue):
            worker.complete(delivery)
            queue.delete(delivery)
    seen = system.finish(1_800)
    assert account(seen) == {"published": 26, "done": 6, "deduplicated": 20}
    assert seen.metrics.value("q", None, "send_deduplicated") == 20
    assert seen.metrics.value("q", None, "delivered.unique") == 6
    assert seen.metrics.value("q", None, "order_inversions") == 0
    assert seen.ordering.subscribers["q"].tracks[source.keys["A"]].next == 26


def test_refused_and_in_the_hands_of_the_client() -> None:
    system, source, queue, _ = queue_system()
    source.refuse(source.make())
    source.held.append(source.make())
    source.send(queue)
    seen = system.finish(10)
    assert account(seen) == {"published": 3, "refused": 1, "in_transit": 1, "waiting": 1}
    assert seen.ledger.sums


def test_a_slow_consumer_completes_what_was_dead_lettered() -> None:
    """The line moves from dead-lettered to done; the dead letter itself stays where it is."""
    system, source, queue, worker = queue_system(dead_letters=True, max_receives=1)
    source.send(queue)
    slow = worker.take(queue)[0]
    system.sim.run(31 * S)
    assert worker.take(queue) == []
    worker.complete(slow)
    seen = system.finish(40)
    assert account(seen) == {"published": 1, "done": 1}
    assert account(seen, "d") == {"moved_in": 1, "waiting": 1}
    assert seen.metrics.value("q", None, "gaps") == 0
    assert seen.metrics.value("d", None, "never_processed") == 1


def test_a_ghost_is_no_new_copy() -> None:
    """A replica that missed the delete shows the copy again; processing it is a duplicate."""
    system, source, queue, worker = queue_system()
    source.send(queue)
    delivery = worker.take(queue)[0]
    worker.complete(delivery)
    queue.delete(delivery)
    system.sim.run(5 * S)
    queue._haunt(delivery.copy)
    system.sim.run(7 * S)
    back = worker.take(queue)[0]
    worker.complete(back)
    queue.delete(back)
    seen = system.finish(10)
    assert account(seen) == {"published": 1, "done": 1}
    assert seen.duplicates.subscribers["q"].causes == {"replica": 1}
    assert not seen.violations
    assert seen.queues.watches["q"].stored.area == 2 * S


def test_retention_ends() -> None:
    system, source, queue, _ = queue_system(retention_ns=60 * S)
    source.send(queue)
    seen = system.finish(100)
    assert account(seen) == {"published": 1, "expired": 1}
    assert not seen.violations
    assert seen.metrics.value("q", None, "gaps") == 1
    assert seen.metrics.value("q", None, "ApproximateAgeOfOldestMessage", "max") == 60


def test_what_nobody_can_account_for_is_lost() -> None:
    system, source, queue, _ = queue_system()
    source.send(queue)
    queue.state._ages.clear()
    seen = system.finish(10)
    assert not seen.ledger.sums
    assert seen.ledger.lost("q") == 1
    names = {violation.name for violation in seen.violations}
    assert names == {
        "conservation: visible",
        "conservation: lost",
        "Little's law (copies × ns)",
    }


class Topic(Component):
    kind = "topic"
    signals = (facts.ACCEPTED, facts.THROTTLED, facts.DEDUPLICATED)

    def __init__(self, sim: Simulation, name: str, *branches: Branch) -> None:
        super().__init__(sim, name)
        self.branches = branches

    def accept(self, message: Any) -> None:
        self.on_accepted(self.sim.now, message)
        for branch in self.branches:
            branch.offer(message)


class Branch(Component):
    kind = "branch"
    signals = (facts.FORWARDED, facts.FILTERED, facts.DISCARDED, facts.DEAD_LETTERED)

    def __init__(self, sim: Simulation, name: str, queue: Any) -> None:
        super().__init__(sim, name)
        self.queue = queue
        self.held: list[Any] = []

    def offer(self, message: Any) -> None:
        kind = message.attributes.get("fate", "delivered")
        if kind == "filtered":
            self.on_filtered(self.sim.now, message)
        elif kind == "discarded":
            self.on_discarded(self.sim.now, message, "AccessDenied")
        elif kind == "travelling":
            self.held.append(message)
        else:
            self.queue.accept(message)

    def holds(self) -> Any:
        return [("in_transit", message) for message in self.held]


def test_fan_out_has_one_row_per_subscriber() -> None:
    sim = Simulation()
    source, queues = Source(sim, "w"), [standard(sim, "q0"), standard(sim, "q1")]
    plain, picky = Branch(sim, "b0", queues[0]), Branch(sim, "b1", queues[1])
    plain.offer = queues[0].accept  # type: ignore[method-assign,assignment]
    topic = Topic(sim, "t", plain, picky)
    parts: list[Component] = [source, *queues, plain, picky, topic]
    routes = [Route("t", "q0", "b0", ("w",)), Route("t", "q1", "b1", ("w",))]
    system = HandSystem(sim, {part.name: part for part in parts}, routes)
    system.observe()
    for fate in ("delivered", "filtered", "discarded", "travelling"):
        source.send(topic, attributes={"fate": fate})
    source.refuse(source.make())
    seen = system.finish(10)
    assert account(seen, "q0") == {"published": 5, "waiting": 4, "refused": 1}
    lines = {"waiting": 1, "filtered": 1, "discarded": 1, "in_transit": 1, "refused": 1}
    assert account(seen, "q1") == {"published": 5, **lines}
    assert seen.ledger.rows["q1"].reasons == {"AccessDenied": 1}
    assert seen.metrics.value("total", None, "lost") == 0
    assert seen.metrics.value("total", None, "published") == 5


def test_a_consumer_judged_at_itself() -> None:
    """Asynchronous events: done, given up after a failed attempt, still held."""
    sim = Simulation()
    source, function = Source(sim, "w"), Worker(sim, "f")
    topic = Topic(sim, "t")
    parts: list[Component] = [source, topic, function]
    system = HandSystem(sim, {p.name: p for p in parts}, [Route("t", "f", None, ("w",))])
    system.observe()
    deliveries = []
    for _ in range(3):
        message = source.send(topic)
        deliveries.append(Delivery(Copy(message, 0), 1, 0))
    function.on_taken(0, deliveries)
    function.complete(deliveries[0])
    function.complete(deliveries[0])
    function.fail(deliveries[1])
    deliveries[1].copy.gone = True
    function.on_dropped(0, deliveries[1].copy, "RetriesExhausted")
    function.held.append(deliveries[2].copy)
    seen = system.finish(10)
    assert account(seen, "f") == {"published": 3, "done": 1, "discarded": 1, "waiting": 1}
    assert seen.duplicates.subscribers["f"].causes == {"consumer retry": 1}
    assert seen.metrics.value("f", None, "discarded") == 1


class Stream(Component):
    kind = "stream"
    signals = (facts.STORED, facts.TRIMMED)

    def accept(self, message: Any) -> None:
        self.on_stored(self.sim.now, 0, message)


def test_records_a_stream_consumer_has_not_read() -> None:
    """Of five records one is done, one in hand, one trimmed unread, two still to be read."""
    sim = Simulation()
    source, stream, reader = Source(sim, "w"), Stream(sim, "s"), Worker(sim, "r")
    parts: list[Component] = [source, stream, reader]
    system = HandSystem(sim, {p.name: p for p in parts}, [Route("s", "r", None, ("w",))])
    system.observe()
    messages = [source.send(stream) for _ in range(5)]
    stream.on_trimmed(0, 0, 1, "r")
    taken = [Delivery(Copy(message, 0), 1, 0) for message in messages[1:3]]
    reader.complete(taken[0])
    reader.held.extend([taken[1].copy, *messages[3:]])
    seen = system.finish(10)
    assert account(seen, "r") == {"published": 5, "done": 1, "waiting": 3, "expired": 1}


steps = st.lists(
    st.tuples(
        st.sampled_from(["send", "resend", "take", "complete", "delete", "show", "wait", "haunt"]),
        st.integers(0, 6),
    ),
    max_size=40,
)


@given(steps=steps, fifo=st.booleans(), delay=st.sampled_from([0, 7]), retry=st.integers(1, 3))
@settings(max_examples=120)
def test_every_history_sums(
    steps: list[tuple[str, int]], fifo: bool, delay: int, retry: int
) -> None:
    """Whatever is done to a queue: the ledger sums, gauges agree, Little's law holds exactly."""
    system, source, queue, worker = queue_system(
        fifo_queue=fifo,
        dead_letters=True,
        max_receives=retry,
        delay_ns=delay * S,
        retention_ns=60 * S,
    )
    sent, taken, deleted = [], [], []
    moment = 0
    for step, argument in steps:
        if step == "send":
            number = len(sent)
            sent.append(source.send(queue, key="AB"[argument % 2], deduplication_id=str(number)))
        elif step == "resend" and sent:
            source.send_again(queue, sent[argument % len(sent)])
        elif step == "take":
            taken.extend(worker.take(queue, argument + 1))
        elif step in {"complete", "delete", "show"} and taken:
            delivery = taken[argument % len(taken)]
            if step == "complete":
                worker.complete(delivery)
            elif step == "show":
                queue.change_visibility(delivery, 3 * argument * S)
            elif delivery.copy.completions and queue.delete(delivery) is None:
                deleted.append(delivery.copy)
        elif step == "haunt" and deleted and not fifo:
            queue._haunt(deleted.pop())
        elif step == "wait":
            moment += argument * 5 + 1
            system.sim.run(moment * S)
            if argument % 2:
                system.observers.tick(system.sim.now)
    seen = system.finish(moment + 3)
    assert not seen.violations
    assert seen.ledger.sums
    assert seen.to_json()["sums"]


def test_a_queue_that_is_subscriber_and_dead_letter_queue_of_one_topic() -> None:
    """What another subscription gives up comes to it besides its own copy, as moved in."""
    text = """
duration: 10s
resources:
  Q: {type: sqs.queue}
  Both: {type: sqs.queue}
  T: {type: sns.topic, Subscription: [{Protocol: sqs, Endpoint: Both}]}
  Sub: {type: sns.subscription, TopicArn: T, Protocol: sqs, Endpoint: Q,
        RedrivePolicy: {deadLetterTargetArn: Both}}
workload: [{name: P, to: T, rate: 1/s}]
faults: [{at: 5.5s, deny: Sub}]
"""
    run = prepare(msgsim.load_text(text))
    drive(run)
    account = run.observers.ledger.account("Both")

    assert (account["published"], account["moved_in"], account["lost"]) == (
        10,
        4,
        0,
    )  # of 10, those of seconds 6 to 9


SHARED_WITH_A_FILTER = """
duration: 120s
resources:
  Q: {type: sqs.queue, VisibilityTimeout: 10}
  W: {type: worker.fleet, queue: Q, workers: 2, VisibilityTimeout: 2, handler: {time: 5s}}
  F: {type: lambda.function, Timeout: 5, handler: {time: 100ms}}
  M: {type: lambda.event_source_mapping, EventSourceArn: Q, FunctionName: F, BatchSize: 1,
      FilterCriteria: {Filters: [{Pattern: {body: {kind: ["a"]}}}]}}
workload: [{name: P, to: Q, count: 80, rate: 2/s, attributes: {kind: {a: 1, b: 2}}}]
"""


def test_a_slow_worker_completes_what_a_mapping_filtered_meanwhile() -> None:
    """The timeout of a worker ends, the mapping's filter drops the copy, the worker finishes it.

    Such a copy is done, and not filtered as well; nor is it a second processing, or a gap.
    """
    recorder = Recorder()
    run = prepare(msgsim.load_text(SHARED_WITH_A_FILTER), observers=[recorder], check=True)
    drive(run)
    done = {fact[3].message for fact in recorder.facts if fact[1] == "completed"}
    again = sum(1 for fact in recorder.facts if fact[1] == "completed") - len(done)
    filtered = {fact[3] for fact in recorder.facts if fact[:2] == ("M", "filtered")}
    seen = run.observers

    assert len(done & filtered) > 2, "the scenario no longer shows the race"
    assert account(seen, "Q") == {"published": 80, "done": len(done),
                                  "filtered": len(filtered - done)}  # fmt: skip
    assert seen.completions.streams["Q"].messages == len(done)
    assert seen.completions.streams["Q"].again == again
    assert seen.metrics.value("Q", None, "gaps") == 0
    assert not seen.violations


def test_of_two_copies_that_were_filtered_one_is_done() -> None:
    """Two copies of one message, both kept out; a worker finishes one of them after all."""
    stream = completions.Stream("Q")
    row = Row("Q")
    stream.late_readers.append(row.reclaim)
    key = Key("A", "P")
    message = Message(0, key, 0, 0)
    row.lines["filtered"] = 2
    stream.keep_out(1, message)
    stream.keep_out(2, message)
    copy = Copy(message, 0)
    copy.gone = True

    assert stream._late(copy) == FILTERED
    assert row.lines["filtered"] == 1
    assert stream._late(Copy(message, 0)) == 0
    assert row.lines["filtered"] == 0
