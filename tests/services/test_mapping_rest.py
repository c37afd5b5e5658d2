"""What a slot of a queue's mapping has received beyond the payload limit of its batch."""

from __future__ import annotations

from tests.services.hand_built import HandBuilt
from tests.services.lambda_built import built, function, mapping

MB = 1_000_000


def seven_messages() -> HandBuilt:
    """Six messages of 1 MB fill the 6 MB of an invocation; the seventh is left to the next one.

    `MaximumConcurrency` keeps other slots few, and the batch of one receive is ten.
    """
    system = built(
        {
            "Orders": {"type": "sqs.queue", "VisibilityTimeout": 30, "DelaySeconds": 1},
            "Fn": function("100ms", Timeout=5, ReservedConcurrentExecutions=5),
            "Map": mapping(ScalingConfig={"MaximumConcurrency": 2}),
        }
    )
    for _ in range(7):
        system.send("Orders", size_bytes=MB)
    return system


def test_what_is_left_makes_the_next_batch() -> None:
    """All seven come in one receive; two invocations carry them, and each is received once."""
    system = seven_messages()
    system.run("20s")
    assert [len(fact[1]) for fact in system.log.of("Orders", "received")] == [7]
    assert [fact[1] for fact in system.log.of("Fn", "started")] == [6, 1]
    assert len(system.log.of("Orders", "deleted")) == 7


def test_what_is_left_is_let_go_with_a_throttled_batch() -> None:
    """A throttled batch is tried until its visibility timeout ends, and then let go; so is what was
    received with it. The function is busy until just before that: everything comes back to the
    queue, is received again, and is handled once. Source: Lambda developer guide,
    services-sqs-errorhandling.html.
    """
    system = seven_messages()
    share = system["Fn"].share
    for _ in range(5):
        assert share.take() is None
        system.sim.at(30_900_000_000, share.give)
    system.run("30.95s")
    assert system.log.of("Fn", "started") == []
    system.run("2m")
    completed = [fact[1] for fact in system.log.of("Map", "completed")]
    assert sorted(delivery.message.number for delivery in completed) == list(range(7))
    assert {delivery.attempt for delivery in completed} == {2}
    assert len(system.log.of("Orders", "deleted")) == 7
