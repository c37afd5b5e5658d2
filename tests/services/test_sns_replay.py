"""Archive and replay of FIFO topics.

Source: SNS Developer Guide, message-archiving-and-replay-topic-owner.html, …-subscriber.html.
"""

from __future__ import annotations

from typing import Any

import pytest

from msgsim.services.sns.archive import NS_PER_DAY, Archive
from tests.services.hand_built import HandBuilt, codes

ARCHIVED = {
    "type": "sns.topic",
    "FifoTopic": "true",
    "ContentBasedDeduplication": "true",
    "ArchivePolicy": {"MessageRetentionPeriod": "30"},
}
S = 10**9


def system(**replay: Any) -> HandBuilt:
    """A topic with an archive that gets one message per second for 20 s, and one subscriber."""
    built = HandBuilt(
        {
            "Orders": ARCHIVED,
            "Q": {"type": "sqs.queue"},
            "Sub": {
                "type": "sns.subscription",
                "TopicArn": "Orders",
                "Protocol": "sqs",
                "Endpoint": "Q",
                "latency": "0s",
                **replay,
            },
        },
        assumptions={("sns.subscription", "replay_rate"): 1_000},
    )
    for second in range(20):
        built.send_at(f"{second}s", "Orders", attributes={"second": second})
    return built


def stored(built: HandBuilt) -> list[tuple[float, int]]:
    """When the queue stored a message, and its rank."""
    return [(round(at, 1), copy.message.rank) for at, copy in built.log.of("Q", "sent")]


def replayed(built: HandBuilt) -> list[int]:
    messages = [copy.message for _, copy in built.log.of("Q", "sent")]
    return [message.rank for message in messages if getattr(message, "replayed", False)]


def test_a_replay_catches_up_and_goes_on_live() -> None:
    """Without EndingPoint: everything from StartingPoint, then new messages as before."""
    built = system(ReplayPolicy={"StartingPoint": "5s", "at": "9500ms"})
    built.run("9s")
    assert built["Sub"].replay_status == ""
    built.run("1m")
    ranks = [rank for _, rank in stored(built)]
    assert ranks == [*range(10), *range(5, 10), *range(10, 20)]
    assert replayed(built) == [5, 6, 7, 8, 9]
    assert built["Sub"].replay_status == "Completed"
    assert len(built.log.of("Sub", "sent_again")) == 5


def test_an_ending_point_leaves_the_subscription_paused() -> None:
    """With EndingPoint it stops there; new messages are not delivered until a new policy without
    an ending point is set.
    """
    built = system(ReplayPolicy={"StartingPoint": "2s", "EndingPoint": "4s", "at": "9500ms"})
    built.sim.at(15 * S + S // 2, lambda: built["Sub"].replay(15 * S))
    built.run("1m")
    assert [rank for _, rank in stored(built)] == [*range(10), 2, 3, 4, *range(15, 20)]
    missed = [(fact[1].rank, fact[2]) for fact in built.log.of("Sub", "discarded")]
    assert missed == [(rank, "ReplayEnded") for rank in range(10, 16)]


def test_messages_that_come_during_a_replay_wait_for_their_turn() -> None:
    """Order within a group holds: what is published while the replay runs comes behind it."""
    built = system()
    built.run("9500ms")
    built["Sub"].replay(0, None, gap_ns=S // 2)
    built.run("12s")
    assert built["Sub"].replay_status == "In progress"
    waiting = [message.rank for _, message in built["Sub"].holds()]
    assert waiting == [10, 11, 12]
    built.run("5m")
    ranks = [rank for _, rank in stored(built)]
    assert ranks == [*range(10), *range(10), *range(10, 20)]
    assert built["Sub"].replay_status == "Completed"


def test_the_filter_policy_applies_to_replayed_messages() -> None:
    built = system(
        FilterPolicy={"second": [{"numeric": ["<", 3]}]},
        ReplayPolicy={"StartingPoint": "0s", "at": "30s"},
    )
    built.run("1m")
    assert [rank for _, rank in stored(built)] == [0, 1, 2, 0, 1, 2]


def test_a_replayed_message_keeps_its_identity() -> None:
    """Same id, time and content, and the mark that it is replayed."""
    built = system(ReplayPolicy={"StartingPoint": "3s", "EndingPoint": "3s", "at": "30s"})
    built.run("1m")
    first, again = (copy.message for _, copy in built.log.of("Q", "sent") if copy.message.rank == 3)
    assert (again.number, again.born_ns, again.size_bytes) == (
        first.number,
        first.born_ns,
        first.size_bytes,
    )
    assert (first.replayed, again.replayed) == (False, True)


def test_an_ending_point_in_the_future_is_waited_for() -> None:
    built = system(ReplayPolicy={"StartingPoint": "0s", "EndingPoint": "12s", "at": "9500ms"})
    built.run("1m")
    assert [rank for _, rank in stored(built)] == [*range(10), *range(13)]


def test_the_archive_forgets_after_its_retention() -> None:
    """1 to 365 days; BeginningArchiveTime is the oldest instant that can be replayed."""
    archive = Archive(NS_PER_DAY)
    built = HandBuilt({"Orders": ARCHIVED})
    for day in range(3):
        archive.add(day * NS_PER_DAY, built.message())
    now = 2 * NS_PER_DAY
    assert archive.beginning_ns(now) == NS_PER_DAY
    assert archive.find(now, 0) == 1
    assert [message.number for message in archive.from_position(0)] == [1, 2]
    assert archive.find(now, now) == 2
    assert archive.find(now, now + 1) == archive.end == 3


def test_a_deactivated_archive_is_gone() -> None:
    """`{}` deactivates the archive and deletes what it holds."""
    built = system()
    built.run("10s")
    built["Orders"].set_archive(None)
    with pytest.raises(ValueError, match="no ArchivePolicy"):
        built["Sub"].replay(0)
    built["Orders"].set_archive(NS_PER_DAY)
    assert built["Sub"].archive.beginning_ns(built.sim.now) == 10 * S
    built["Sub"].replay(0)
    built.run("1m")
    assert replayed(built) == []


@pytest.mark.parametrize(
    ("topic", "replay", "expected"),
    [
        ({}, {"StartingPoint": "0s"}, []),
        ({}, {"StartingPoint": "9s", "EndingPoint": "3s"}, ["E251"]),
        ({}, {"PointType": "Sequence", "StartingPoint": "0s"}, ["E251"]),
        ({"ArchivePolicy": None}, {"StartingPoint": "0s"}, ["E251"]),
        (
            {"FifoTopic": "false", "ContentBasedDeduplication": None},
            {"StartingPoint": "0s"},
            ["E246"],
        ),
    ],
)
def test_findings(topic: dict[str, Any], replay: dict[str, Any], expected: list[str]) -> None:
    """Only FIFO topics archive; a replay needs an archive and a point in time."""
    written = {key: value for key, value in {**ARCHIVED, **topic}.items() if value is not None}
    subscription = {
        "type": "sns.subscription",
        "TopicArn": "Orders",
        "Protocol": "sqs",
        "Endpoint": "Q",
        "ReplayPolicy": replay,
    }
    assert codes({"Orders": written, "Q": {"type": "sqs.queue"}, "Sub": subscription}) == expected
