"""SQS redrive: allow policies, dead letters and message move tasks, by example."""

from __future__ import annotations

from typing import Any

import pytest

from msgsim.kernel.simulation import Simulation
from msgsim.services.sqs_queue import SERVICE
from msgsim.services.sqs_queue.base import Queue
from msgsim.services.sqs_queue.move_task import MoveTask
from msgsim.services.sqs_queue.spec import QueueSpec
from msgsim.services.sqs_queue.stored import Moved
from tests.services.by_hand import Mail, Recorder, fifo, ns, receive, standard

MAKERS = {"standard": standard, "fifo": fifo}
S = 1_000_000_000


class Redrive:
    """A source whose messages die at their first failure, and its dead-letter queue."""

    def __init__(self, kind: str = "standard", count: int = 0) -> None:
        self.sim = Simulation(seed=1)
        self.mail = Mail(self.sim)
        self.kind = kind
        self.source = self.queue("source", max_receives=1)
        self.dead = self.queue("dead")
        self.source.dead_letter_queue = self.dead
        for number in range(count):
            self.kill(str(number))

    def queue(self, name: str, **more: Any) -> Queue:
        return MAKERS[self.kind](self.sim, name, **more)

    def kill(self, body: str, source: Queue | None = None) -> None:
        """Let a message die: received once, not deleted, looked for once more."""
        source = source or self.source
        source.accept(self.mail.message(body, body))
        for _ in range(2):
            receive(source, visibility="0s")
            self.sim.run(self.sim.now + 1)

    def start(self, *args: Any) -> MoveTask:
        task = self.dead.start_move_task(*args)
        assert isinstance(task, MoveTask)
        return task


@pytest.fixture(params=["standard", "fifo"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


# Dead letters -------------------------------------------------------------------------------


def test_a_dead_letter_keeps_its_message_and_its_count(kind: str) -> None:
    """Same message, source noted, and the first receive from the DLQ shows N + 1 (S20)."""
    redrive = Redrive(kind, count=1)
    found = receive(redrive.dead).deliveries[0]
    copy = found.copy
    assert isinstance(copy, Moved)
    assert (found.message.body, found.attempt, copy.source) == ("0", 2, redrive.source)
    assert copy.first_received_ns == 0


def test_dead_letters_with_one_deduplication_id_both_survive() -> None:
    """FIFO to FIFO: the id is replaced by the message id (REDRIVE)."""
    redrive = Redrive("fifo")
    other = redrive.queue("other", max_receives=1)
    other.dead_letter_queue = redrive.dead
    for source in (redrive.source, other):
        source.accept(redrive.mail.message("m", source.name, deduplication_id="same"))
        for _ in range(2):
            receive(source, visibility="0s")
            redrive.sim.run(redrive.sim.now + 1)
    found = receive(redrive.dead, limit=10).deliveries
    ids = {delivery.copy.deduplication_id for delivery in found}  # type: ignore[attr-defined]
    assert len(found) == len(ids) == 2
    assert "same" not in ids


@pytest.mark.parametrize(
    ("permission", "sources", "allowed"),
    [
        ("allowAll", (), True),
        ("denyAll", (), False),
        ("byQueue", ("source",), True),
        ("byQueue", ("another",), False),
    ],
)
def test_the_redrive_allow_policy(permission: str, sources: tuple[str, ...], allowed: bool) -> None:
    """A dead-letter queue says who may use it (SQS API SetQueueAttributes)."""
    redrive = Redrive()
    dead = redrive.queue("other")
    assert dead.set_allow_policy(permission, sources) is None
    answer = redrive.source.set_redrive(dead, 3)
    assert answer == (None if allowed else "InvalidParameterValue")
    assert redrive.source.dead_letter_queue is (dead if allowed else redrive.dead)
    assert dead.sources == ([redrive.source] if allowed else [])


@pytest.mark.parametrize(
    ("permission", "sources"),
    [("maybe", ()), ("allowAll", ("a",)), ("byQueue", tuple("abcdefghijk"))],
)
def test_a_bad_redrive_allow_policy(permission: str, sources: tuple[str, ...]) -> None:
    """At most ten queues, and only with `byQueue` (SQS API SetQueueAttributes)."""
    assert Redrive().dead.set_allow_policy(permission, sources) == "InvalidAttributeValue"


def test_a_redrive_policy_can_be_removed_and_needs_both_parts() -> None:
    """Without a policy a message is handed out again and again."""
    redrive = Redrive()
    assert redrive.source.set_redrive(redrive.dead, None) == "InvalidParameterValue"
    assert redrive.source.set_redrive(fifo(redrive.sim, "f"), 2) == "InvalidParameterValue"
    assert redrive.source.set_redrive(None, None) is None
    redrive.kill("m")
    assert receive(redrive.source).bodies == ["m"]
    assert redrive.dead.counters() == (0, 0, 0)


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"redrivePermission": "denyAll"}, ["E205"]),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["Other"]}, ["E205"]),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["Source"]}, []),
        ({"redrivePermission": "allowAll"}, []),
    ],
)
def test_a_scenario_respects_the_allow_policy(policy: dict[str, Any], code: list[str]) -> None:
    """The check says so before the run."""
    specs = {
        "Dead": QueueSpec.model_validate({"RedriveAllowPolicy": policy}),
        "Source": QueueSpec.model_validate(
            {"RedrivePolicy": {"deadLetterTargetArn": "Dead", "maxReceiveCount": 3}}
        ),
    }
    found = [each.code for each in SERVICE.check("Source", specs["Source"], specs)]
    assert found == code
    assert not list(SERVICE.check("Dead", specs["Dead"], specs))


# Move tasks ---------------------------------------------------------------------------------


def test_a_task_moves_everything_back_to_where_it_came_from(kind: str) -> None:
    """Without a destination each message returns to its own source (StartMessageMoveTask)."""
    redrive = Redrive(kind, count=2)
    other = redrive.queue("other", max_receives=1)
    other.dead_letter_queue = redrive.dead
    redrive.kill("theirs", other)
    task = redrive.start()
    assert (task.status, task.to_move) == ("RUNNING", 3)
    redrive.sim.run(redrive.sim.now + S)
    assert (task.status, task.moved) == ("COMPLETED", 3)
    assert receive(redrive.source, limit=10).bodies == ["0", "1"]
    assert receive(other, limit=10).bodies == ["theirs"]
    assert redrive.dead.counters() == (0, 0, 0)


def test_a_moved_message_is_new(kind: str) -> None:
    """New id, new enqueue time, receives counted from one again (REDRIVE)."""
    redrive, seen = Redrive(kind, count=1), Recorder()
    redrive.source.bind([seen])
    redrive.dead.bind([seen])
    redrive.sim.run(ns("1h"))
    redrive.start()
    redrive.sim.run(ns("2h"))
    found = receive(redrive.source).deliveries[0]
    assert (found.message.body, found.attempt) == ("0", 1)
    assert found.message.number != 0
    assert ns("1h") <= found.copy.arrived_ns < ns("1h") + S
    assert (seen.count("moved_out"), seen.count("sent")) == (1, 1)


def test_a_task_keeps_its_pace(kind: str) -> None:
    """Rate 1, four messages: at least three seconds (S22)."""
    redrive = Redrive(kind, count=4)
    target = redrive.queue("target")
    task = redrive.start(target, 1)
    begun = redrive.sim.now
    for second in range(1, 5):
        redrive.sim.run(begun + second * S)
        assert task.moved == target.counters()[0] == second
    assert task.status == "COMPLETED"


def test_a_task_moves_the_oldest_first(kind: str) -> None:
    """Order of age (REDRIVE)."""
    redrive = Redrive(kind, count=5)
    target = redrive.queue("target")
    redrive.start(target, 100)
    redrive.sim.run(redrive.sim.now + S)
    assert receive(target, limit=10).bodies == list("01234")


@pytest.mark.parametrize("rate", [0, 501])
def test_the_rate_of_a_task_is_at_most_500(rate: int) -> None:
    """`MaxNumberOfMessagesPerSecond` 1 to 500 (SQS API)."""
    redrive = Redrive(count=1)
    assert redrive.dead.start_move_task(None, rate) == "InvalidParameterValue"


def test_what_may_be_moved_and_where_to(kind: str) -> None:
    """Source: some queue's DLQ; destination: another queue of the same type (S22)."""
    redrive = Redrive(kind, count=1)
    wrong = fifo(redrive.sim, "x") if kind == "standard" else standard(redrive.sim, "x")
    refused = "InvalidParameterValue"
    assert redrive.source.start_move_task() == refused
    assert redrive.dead.start_move_task(wrong) == refused
    assert redrive.dead.start_move_task(redrive.dead) == refused


def test_one_task_at_a_time() -> None:
    """A second one is refused while the first is active, and welcome afterwards (S22)."""
    redrive = Redrive(count=2)
    first = redrive.start(None, 1)
    assert redrive.dead.start_move_task() == "InvalidParameterValue"
    redrive.sim.run(redrive.sim.now + 3 * S)
    second = redrive.start()
    assert redrive.dead.move_tasks == [first, second]


def test_a_cancelled_task_goes_on_for_a_while() -> None:
    """10 messages at 1/s, cancelled at 2: more follow for 5 s (assumption; S22 saw 8)."""
    redrive = Redrive(count=10)
    task = redrive.start(None, 1)
    begun = redrive.sim.now
    redrive.sim.run(begun + 2 * S)
    assert task.cancel() is None
    assert task.status == "CANCELLING"
    assert task.cancel() == "InvalidParameterValue"
    redrive.sim.run(begun + 60 * S)
    assert task.status == "CANCELLED"
    assert 2 < task.moved < 10
    assert task.moved + redrive.dead.counters()[0] == 10


def test_a_task_fails_when_its_destination_is_deleted() -> None:
    """The rest stays in the dead-letter queue (S22)."""
    redrive = Redrive(count=4)
    target = redrive.queue("target")
    task = redrive.start(target, 1)
    redrive.sim.run(redrive.sim.now + 2 * S)
    target.exists = False
    redrive.sim.run(redrive.sim.now + 10 * S)
    assert (task.status, task.moved) == ("FAILED", 2)
    assert task.failure_reason == "AWS.SimpleQueueService.NonExistentQueue"
    assert redrive.dead.counters() == (2, 0, 0)


def test_a_message_without_a_source_needs_a_destination() -> None:
    """Sent to the dead-letter queue by hand: nobody knows where it came from."""
    redrive = Redrive()
    redrive.dead.accept(redrive.mail.message("m"))
    task = redrive.start()
    redrive.sim.run(redrive.sim.now + S)
    assert (task.status, task.failure_reason) == ("FAILED", "CouldNotDetermineMessageSource")
    redrive.start(redrive.source)
    redrive.sim.run(redrive.sim.now + S)
    assert receive(redrive.source).bodies == ["m"]


def test_a_task_leaves_what_somebody_holds_and_waits_for_an_outage(kind: str) -> None:
    """A message in flight is not moved; while the destination is down the task waits."""
    redrive = Redrive(kind, count=3)
    task = redrive.start(None, 1)
    held = receive(redrive.dead).deliveries[0]
    redrive.source.fail()
    redrive.sim.run(redrive.sim.now + 5 * S)
    assert task.moved == 0
    redrive.source.recover()
    redrive.sim.run(redrive.sim.now + 10 * S)
    assert (task.status, task.moved) == ("COMPLETED", 2)
    assert redrive.dead.delete(held) is None


def test_a_task_ends_after_36_hours() -> None:
    """36 h are the most (REDRIVE)."""
    redrive = Redrive(count=1)
    task = redrive.start(None, 1)
    redrive.source.fail()
    redrive.sim.run(ns("36h") - S)
    assert task.status == "RUNNING"
    redrive.sim.run(ns("37h"))
    assert task.status == "FAILED"
