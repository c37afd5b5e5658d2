"""High-throughput FIFO, the scan window and repeated receive attempts, by example."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.kernel.simulation import Simulation
from msgsim.services.sqs_queue import SERVICE
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.fifo_queue import FifoQueue
from msgsim.services.sqs_queue.partitions import Partitions
from msgsim.services.sqs_queue.rules import PAGE
from msgsim.services.sqs_queue.spec import QueueSpec
from tests.services.by_hand import Answer, Mail, Recorder, fifo, ns, receive
from tests.services.hand_built import HandBuilt

S = 1_000_000_000
MS = 1_000_000


def groups_on(partitions: Partitions, partition: int, count: int) -> list[str]:
    """Names of groups that fall on one partition."""
    names = (f"g{number}" for number in range(10_000))
    found = [name for name in names if partitions.partition(name) == partition]
    return found[:count]


# Partitions ---------------------------------------------------------------------------------


def test_one_group_never_passes_300_calls_a_second() -> None:
    """A group lives on one partition, and each carries 300 calls/s (high-throughput guide)."""
    partitions = Partitions(300, 70_000, count=64)
    granted = sum(partitions.take(n * MS, "SendMessage", "g") for n in range(10_000))
    assert granted == pytest.approx(300 * 10 + 300, abs=1)


def test_actions_have_quotas_of_their_own() -> None:
    """Sends do not use up what deletes may do (quotas page)."""
    partitions = Partitions(300, 70_000)
    assert all(partitions.take(0, "SendMessage", "g") for _ in range(300))
    assert not partitions.take(0, "SendMessage", "g")
    assert partitions.take(0, "DeleteMessage", "g")


def test_groups_on_different_partitions_do_not_slow_each_other() -> None:
    """Two partitions carry twice as much."""
    partitions = Partitions(300, 70_000, count=2)
    for partition in range(2):
        (group,) = groups_on(partitions, partition, 1)
        assert sum(partitions.take(0, "SendMessage", group) for _ in range(400)) == 300


def test_a_batch_costs_a_transaction_on_every_partition_it_touches() -> None:
    """Entries of one partition form one transaction (high-throughput guide)."""
    partitions = Partitions(300, 70_000, count=2)
    left, right = groups_on(partitions, 0, 5), groups_on(partitions, 1, 5)
    assert partitions.take_batch(0, "SendMessage", left + right) == set()
    for group in (left[0], right[0]):
        assert sum(partitions.take(0, "SendMessage", group) for _ in range(400)) == 299
    assert partitions.take_batch(0, "SendMessage", left[:2]) == {0, 1}


def test_entries_of_a_full_partition_fail_alone(sim: Simulation, mail: Mail) -> None:
    """The others of the batch are stored."""
    partitions, seen = Partitions(300, 70_000, count=2), Recorder()
    queue = FifoQueue(sim, "q", FifoState(visibility_ns=30 * S), partitions=partitions)
    queue.bind([seen])
    (left,), (right,) = groups_on(partitions, 0, 1), groups_on(partitions, 1, 1)
    for _ in range(300):
        assert queue.accept(mail.message("m", left)) is None
    assert queue.accept(mail.message("m", left)) == "RequestThrottled"
    batch = [mail.message("m", group) for group in (left, right, left)]
    throttled = "RequestThrottled"
    assert queue.accept_batch(batch) == [throttled, None, throttled]
    assert [fact[3:] for fact in seen.facts if fact[1] == "throttled"] == [
        ("SendMessage", 1),
        ("SendMessage", 2),
    ]


def drive(partitions: Partitions, per_s: int, seconds: int, from_s: int = 0) -> float:
    """Send to many groups; return the share of calls that is granted in the last ten seconds."""
    granted = asked = 0
    for n in range(per_s * seconds):
        now = from_s * S + n * S // per_s
        answer = partitions.take(now, "SendMessage", f"g{n % 997}")
        if now >= (from_s + seconds - 10) * S:
            asked += 1
            granted += answer
    return granted / asked


def test_partitions_double_while_the_load_comes_near_what_they_carry() -> None:
    """From one, after each 60 s above 80 % (assumptions): 1,000 calls/s fit on the third."""
    partitions = Partitions(300, 70_000)
    assert drive(partitions, 1_000, 60) == pytest.approx(0.3, abs=0.02)
    assert drive(partitions, 1_000, 60, 60) == pytest.approx(0.6, abs=0.05)
    assert partitions.count == 2
    assert drive(partitions, 1_000, 60, 120) > 0.97
    assert partitions.count == 4
    drive(partitions, 1_000, 70, 180)
    assert partitions.count == 8, "1,000/s are 83 % of 1,200/s"
    drive(partitions, 1_000, 130, 250)
    assert partitions.count == 8


def test_a_quiet_queue_keeps_its_partition() -> None:
    """239 calls/s are below 80 % of 300."""
    partitions = Partitions(300, 70_000)
    assert drive(partitions, 239, 200) == 1
    assert partitions.count == 1


def test_the_region_limits_the_partitions() -> None:
    """2,400 calls/s in smaller Regions: eight partitions at most (quotas page)."""
    partitions = Partitions(300, 2_400, count=1_000)
    assert partitions.count == 8
    granted = sum(partitions.take(n * S // 5_000, "SendMessage", f"g{n}") for n in range(20_000))
    assert granted <= 2_400 * 4 + 2_400


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=20))
def test_a_split_keeps_groups_together(names: list[str]) -> None:
    """Doubling sends a group to its partition or to that one's new half, never elsewhere."""
    small, large = Partitions(300, 70_000, count=4), Partitions(300, 70_000, count=8)
    for name in names:
        assert large.partition(name) % 4 == small.partition(name)


def test_the_table_of_regions() -> None:
    """The quotas page, read 2026: six rows."""
    table = PAGE.quota("high_throughput_calls_per_s")
    assert (table["us-east-1"], table["eu-central-1"], table["ap-south-1"]) == (
        70_000,
        19_000,
        9_000,
    )
    assert (table["sa-east-1"], table["elsewhere"]) == (4_500, 2_400)


@pytest.mark.parametrize(
    ("properties", "codes"),
    [
        ({"DeduplicationScope": "messageGroup"}, []),
        ({"DeduplicationScope": "queue"}, ["E206"]),
        ({}, ["E206"]),
    ],
)
def test_high_throughput_needs_deduplication_per_group(
    properties: dict[str, Any], codes: list[str]
) -> None:
    """`perMessageGroupId` goes only with `messageGroup` (SQS API CreateQueue)."""
    spec = QueueSpec.model_validate(
        {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId", **properties}
    )
    assert [found.code for found in SERVICE.check("q", spec, {"q": spec})] == codes


@pytest.mark.parametrize(("region", "most"), [("us-east-1", 234), ("eu-south-2", 8)])
def test_a_built_queue_has_the_partitions_of_its_region(region: str, most: int) -> None:
    """70,000 / 300 calls/s are 234 partitions, 2,400 / 300 are 8; assumptions can be overridden."""
    properties = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    built = HandBuilt(
        {"Q": {"type": "sqs.queue", "FifoQueue": "true", **properties}},
        region=region,
        assumptions={("sqs.queue", "first_partitions"): 4},
    )
    partitions = built["Q"].partitions
    assert (partitions.most, partitions.count) == (most, 4)
    assert built.send("Q", deduplication_id="x") is None


def test_deletes_are_charged_to_the_partitions_of_their_groups(sim: Simulation, mail: Mail) -> None:
    """A batch of deletes over two partitions costs one call on each."""
    partitions = Partitions(300, 70_000, count=2)
    queue = FifoQueue(sim, "q", FifoState(visibility_ns=30 * S), partitions=partitions)
    groups = groups_on(partitions, 0, 1) + groups_on(partitions, 1, 1)
    for group in groups:
        queue.accept(mail.message("m", group))
    held = receive(queue, limit=10).deliveries
    while partitions.take(0, "DeleteMessage", groups[0]):
        pass
    answers = dict(zip([d.message.key.name for d in held], queue.delete_batch(held), strict=True))
    assert answers == {groups[0]: "RequestThrottled", groups[1]: None}
    assert queue.delete(held[0]) in ("RequestThrottled", None)
    assert queue.counters() == (0, 1, 0)


def test_receives_draw_on_all_partitions(sim: Simulation) -> None:
    """Two partitions: 600 receive calls at once, then `RequestThrottled`."""
    queue = FifoQueue(
        sim, "q", FifoState(visibility_ns=30 * S), partitions=Partitions(300, 70_000, count=2)
    )
    errors = [receive(queue).error for _ in range(601)]
    assert errors == [None] * 600 + ["RequestThrottled"]


# The scan window ----------------------------------------------------------------------------


def test_free_groups_beyond_the_window_are_not_found(sim: Simulation, mail: Mail) -> None:
    """The first N messages all wait behind one in flight: receives are empty (SCAN)."""
    queue = fifo(sim, scan_window=5)
    for number in range(5):
        queue.accept(mail.message(str(number), "blocked"))
    queue.accept(mail.message("free", "free"))
    held = receive(queue).deliveries[0]
    assert receive(queue).bodies == []
    waiting = receive(queue, wait="20s")
    queue.delete(held)
    assert waiting.bodies == ["1"]
    assert receive(queue).bodies == ["free"]


def test_the_window_moves_on_however_a_message_leaves(sim: Simulation, mail: Mail) -> None:
    """Expiry, dead-lettering and deletes let the next ones in."""
    dead = fifo(sim, "dead")
    queue = fifo(sim, scan_window=2, retention_ns=ns("60s"), max_receives=1)
    queue.dead_letter_queue = dead
    for name in "abcd":
        queue.accept(mail.message(name, name))
        sim.run(sim.now + 10 * S)
    first = receive(queue, limit=10, visibility="1s")
    assert first.bodies == ["a", "b"]
    sim.run(sim.now + 2 * S)
    assert receive(queue, limit=10).bodies == []
    assert dead.counters() == (2, 0, 0)
    found = receive(queue, limit=10)
    assert found.bodies == ["c", "d"]
    queue.accept(mail.message("e", "e"))
    assert receive(queue).bodies == []
    sim.run(ns("80s"))
    assert receive(queue).bodies == ["e"]


class Window:
    """The first `size` undeleted messages, counted from scratch."""

    def __init__(self, state: FifoState, size: int) -> None:
        self.state, self.size = state, size

    def contains(self, copy: Any) -> bool:
        inside = sorted(self.state.copies(), key=lambda each: each.sequence)[: self.size]
        return copy in inside


@given(
    steps=st.lists(
        st.tuples(st.sampled_from("srrd"), st.sampled_from("abc"), st.integers(0, 20)), max_size=60
    ),
    size=st.integers(1, 6),
)
def test_only_messages_inside_the_window_are_handed_out(
    steps: list[tuple[str, str, int]], size: int
) -> None:
    """Whatever happens, what a receive gives out is among the first N, and nothing is forgotten."""
    sim = Simulation(seed=1)
    mail, queue, held = Mail(sim), fifo(sim, scan_window=size), []
    state = queue.state
    assert isinstance(state, FifoState)
    window = Window(state, size)
    for what, group, pick in steps:
        if what == "s":
            queue.accept(mail.message("m", group))
        elif what == "d" and held:
            queue.delete(held.pop(pick % len(held)))
        elif what == "r":
            before = sorted(state.copies(), key=lambda each: each.sequence)[:size]
            expected = prefix(before)
            found = receive(queue).deliveries
            assert bool(found) == bool(expected)
            assert all(delivery.copy in expected for delivery in found)
            held += found
    assert all(window.contains(copy) for copy in prefix_heads(state, size))
    for delivery in held:
        queue.delete(delivery)
    while found := receive(queue, limit=10).deliveries:
        queue.delete_batch(found)
    assert queue.counters() == (0, 0, 0)


def prefix(inside: list[Any]) -> list[Any]:
    """What may be handed out first of each group: its head, if that is visible and inside."""
    heads: dict[str, Any] = {}
    for copy in inside:
        heads.setdefault(copy.message.key.name, copy)
    return [copy for copy in heads.values() if copy.state == 1]


def prefix_heads(state: FifoState, size: int) -> list[Any]:
    return prefix(sorted(state.copies(), key=lambda each: each.sequence)[:size])


def test_an_id_equal_to_the_hash_of_a_body_is_the_same_id(sim: Simulation, mail: Mail) -> None:
    """A content-based id is the SHA-256 of the body, and compares with given ones (SQS API)."""
    queue = fifo(sim, content_based=True)
    queue.accept(mail.message("m"))
    digest = "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a"
    queue.accept(mail.message("other", deduplication_id=digest))
    assert queue.counters() == (1, 0, 0)


# Receive attempts ---------------------------------------------------------------------------


def ask(queue: FifoQueue, attempt_id: str | None, wait: str = "0s", limit: int = 10) -> Answer:
    answer = Answer(queue.sim)
    queue.receive(limit, ns(wait), answer, None, attempt_id)
    return answer


def test_a_repeated_attempt_gets_the_same_receipts_and_a_fresh_timeout(
    sim: Simulation, mail: Mail
) -> None:
    """Same messages, same handles, visibility restarted (SQS API ReceiveMessage)."""
    queue, seen = fifo(sim, visibility_ns=ns("30s")), Recorder()
    queue.bind([seen])
    for group in "ab":
        queue.accept(mail.message(group, group))
    first = ask(queue, "x")
    sim.run(ns("20s"))
    again = ask(queue, "x")
    assert again.deliveries == first.deliveries
    assert ask(queue, "y").bodies == []
    back = ask(queue, None, wait="60s")
    sim.run(ns("80s"))
    assert back.at_ns == ns("50s")
    assert (seen.count("repeated"), seen.count("received")) == (1, 2)


@pytest.mark.parametrize("touch", ["delete", "change"])
def test_an_attempt_ends_when_one_of_its_messages_is_touched(
    sim: Simulation, mail: Mail, touch: str
) -> None:
    """Deleted, or its visibility changed: the call is a new receive (SQS API)."""
    queue = fifo(sim)
    for group in "ab":
        queue.accept(mail.message(group, group))
    held = ask(queue, "x").deliveries
    if touch == "delete":
        queue.delete(held[0])
    else:
        queue.change_visibility(held[0], ns("60s"))
    assert ask(queue, "x").bodies == []


def test_an_attempt_is_remembered_for_five_minutes(sim: Simulation, mail: Mail) -> None:
    """From the receive; then the id means nothing."""
    queue = fifo(sim, visibility_ns=ns("1h"))
    queue.accept(mail.message("m"))
    ask(queue, "x")
    sim.run(ns("299s"))
    assert ask(queue, "x").bodies == ["m"]
    sim.run(ns("300s"))
    assert ask(queue, "x").bodies == []


def test_a_message_that_came_back_ends_the_attempt(sim: Simulation, mail: Mail) -> None:
    """After the visibility timeout another receive may have it: a new receipt, counted."""
    queue = fifo(sim, visibility_ns=ns("10s"))
    queue.accept(mail.message("m"))
    first = ask(queue, "x")
    sim.run(ns("20s"))
    second = ask(queue, "x")
    assert second.deliveries[0] is not first.deliveries[0]
    assert second.deliveries[0].attempt == 2


def test_an_answer_that_came_late_is_remembered_too(sim: Simulation, mail: Mail) -> None:
    """A long poll's attempt counts from its answer."""
    queue = fifo(sim)
    first = ask(queue, "x", wait="20s")
    sim.run(ns("5s"))
    queue.accept(mail.message("m"))
    sim.run(ns("10s"))
    assert ask(queue, "x").deliveries == first.deliveries != []
