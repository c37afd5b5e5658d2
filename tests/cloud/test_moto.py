"""ms.Cloud beside moto: they differ only where `msgsim/cloud/MOTO.md` says so.

Random walks look for differences that are not listed; each listed one is shown by a test of its
own, which is skipped once moto behaves like msgsim.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import msgsim
from tests.cloud.fan import Fan
from tests.cloud.side_by_side import REGION, Both, Walk, both, redrive

pytest.importorskip("moto")
pytest.importorskip("freezegun")

PAGE = Path(msgsim.__file__).parent / "cloud" / "MOTO.md"
LISTED = set(re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE.read_text("utf-8"), re.MULTILINE))
TOPIC = f"arn:aws:sns:{REGION}:123456789012:news"

Shown = tuple[Any, Any]
SHOWS: dict[str, Callable[[Both], Shown]] = {}


def shows(show: Callable[[Both], Shown]) -> Callable[[Both], Shown]:
    """Register what shows the listed difference of that name."""
    SHOWS[show.__name__.replace("_", "-")] = show
    return show


@pytest.mark.parametrize("redriven", [False, True])
@pytest.mark.parametrize("fifo", [False, True])
@pytest.mark.parametrize("part", range(3))
def test_no_random_walk_finds_a_difference_that_is_not_listed(fifo, redriven, part):
    for seed in range(3 * part, 3 * part + 3):
        with both() as world:
            walk = Walk(world, seed, fifo, redriven)
            assert walk.go(35) or walk.dared, walk.told()
            assert walk.dared <= LISTED


@pytest.mark.parametrize("part", range(3))
def test_filters_differ_only_where_a_clause_has_two_matches(part):
    for seed in range(5 * part, 5 * part + 5):
        with both() as world:
            fan = Fan(world, seed)
            assert fan.subscribe() == []
            fan.publish(8)
            for policy, ours, theirs in fan.delivered():
                two = any(len(clause) > 1 for clause in policy.values())
                assert ours == theirs or two, policy


def test_every_listed_difference_is_shown_by_a_test():
    assert set(SHOWS) == LISTED


@pytest.mark.parametrize("name", sorted(LISTED))
def test_a_listed_difference_is_still_there(name):
    with both() as world:
        ours, theirs = SHOWS[name](world)
    if ours == theirs:
        pytest.skip(f"moto now does what msgsim does: {name} can be taken off the list")


def held(world: Both, name: str, group: bool = False, **attributes: Any) -> None:
    """Create a queue with one message and receive it."""
    world.queue(name, **attributes)
    ids = {"MessageGroupId": "g", "MessageDeduplicationId": "1"} if group else {}
    world.on(name, "send_message", MessageBody="m", **ids)
    world.receive(name)


def change(world: Both, seconds: int, index: int = 0) -> Shown:
    """Change the visibility timeout of a receipt."""
    return world.with_handle(index, "change_message_visibility", VisibilityTimeout=seconds)


@shows
def change_gone_standard(world):
    held(world, "orders")
    world.with_handle(0, "delete_message")
    shown = change(world, 5)
    assert shown[0] == "InvalidParameterValue"
    return shown


@shows
def change_gone_fifo(world):
    held(world, "orders.fifo", group=True)
    world.with_handle(0, "delete_message")
    shown = change(world, 5)
    assert shown[0] == "InvalidParameterValue"
    return shown


@shows
def change_late_standard(world):
    held(world, "orders", VisibilityTimeout=5)
    world.advance(6)
    assert change(world, 60)[0] == "ok"
    shown = world.receive("orders")
    assert shown[0] == [("m", 2, None)]
    return shown


@shows
def change_late_fifo(world):
    held(world, "orders.fifo", group=True, VisibilityTimeout=5)
    world.advance(6)
    shown = change(world, 60)
    assert shown[0] == "InvalidParameterValue"
    return shown


@shows
def change_old_handle_fifo(world):
    held(world, "orders.fifo", group=True, VisibilityTimeout=5)
    world.advance(6)
    world.receive("orders.fifo")
    shown = change(world, 60)
    assert shown[0] == "InvalidParameterValue"
    return shown


@shows
def delete_late_fifo(world):
    held(world, "orders.fifo", group=True, VisibilityTimeout=5)
    world.advance(6)
    shown = world.with_handle(0, "delete_message")
    assert shown[0] == "InvalidParameterValue"
    return shown


@shows
def delete_old_handle_fifo(world):
    held(world, "orders.fifo", group=True, VisibilityTimeout=5)
    world.advance(6)
    world.receive("orders.fifo")
    shown = world.with_handle(0, "delete_message")
    assert shown[0] == "InvalidParameterValue"
    return shown


@shows
def delete_gone_fifo(world):
    held(world, "orders.fifo", group=True, VisibilityTimeout=5)
    world.with_handle(0, "delete_message")
    world.advance(6)
    shown = world.with_handle(0, "delete_message")
    assert shown[0] == "InvalidParameterValue"
    return shown


@shows
def delete_moved_standard(world):
    world.queue("dead")
    held(world, "orders", RedrivePolicy=redrive("dead", 1), VisibilityTimeout=1)
    world.advance(2)
    world.receive("orders")
    shown = world.with_handle(0, "delete_message")
    assert shown[0] == "ok" and world.counts("dead")[0] == ["1", "0", "0"]
    return shown


@shows
def repeat_after_delete_fifo(world):
    held(world, "orders.fifo", group=True)
    world.with_handle(0, "delete_message")
    world.on(
        "orders.fifo",
        "send_message",
        MessageBody="m",
        MessageGroupId="g",
        MessageDeduplicationId="1",
    )
    shown = world.receive("orders.fifo")
    assert shown[0] == []
    return shown


@shows
def group_partly_back_fifo(world):
    world.queue("orders.fifo")
    for name in ("1", "2"):
        ids = {"MessageGroupId": "g", "MessageDeduplicationId": name}
        world.on("orders.fifo", "send_message", MessageBody=name, **ids)
    world.receive("orders.fifo")
    change(world, 1)
    world.advance(2)
    shown = world.receive("orders.fifo")
    assert shown[0] == [("1", 2, "g")]
    return shown


@shows
def zero_timeout(world):
    held(world, "orders")
    change(world, 0)
    shown = world.receive("orders")
    assert shown[0] == [("m", 2, None)]
    return shown


@shows
def twelve_hours(world):
    world.queue("orders")
    world.on("orders", "send_message", MessageBody="m")
    world.advance(3_600)
    world.receive("orders")
    shown = change(world, 43_200)
    assert shown[0] == "ok"
    return shown


@shows
def call_quota(world):
    world.queue("orders.fifo")
    answers = [world.counts("orders.fifo"), *(world.receive("orders.fifo") for _ in range(301))]
    assert answers[-1][0] == "RequestThrottled"
    return answers[-1]


@shows
def dead_letter_source(world):
    world.queue("dead")
    held(world, "orders", RedrivePolicy=redrive("dead", 1), VisibilityTimeout=1)
    world.advance(2)
    world.receive("orders")
    answers = world.on("dead", "receive_message", MessageSystemAttributeNames=["All"])
    shown = tuple(
        "DeadLetterQueueSourceArn" in each["Messages"][0]["Attributes"] for each in answers
    )
    assert shown[0] is True
    return shown


def fan(world: Both, policy: Any, attributes: dict[str, Any], raw: bool = False) -> Shown:
    """Publish one message to a queue with a filter policy; say whether it came."""
    world.call("sns", "create_topic", Name="news")
    world.queue("orders")
    world.call(
        "sns",
        "subscribe",
        TopicArn=TOPIC,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:123456789012:orders",
        Attributes={"FilterPolicy": json.dumps(policy), "RawMessageDelivery": str(raw).lower()},
    )
    world.call("sns", "publish", TopicArn=TOPIC, Message="m", MessageAttributes=attributes)
    ours, theirs = world.counts("orders")
    return ours[0], theirs[0]


@shows
def two_matches(world):
    attributes = {"a": {"DataType": "String", "StringValue": "red"}}
    shown = fan(world, {"a": [2, {"prefix": "re"}]}, attributes)
    assert shown[0] == "1"
    return shown


@shows
def string_array(world):
    attributes = {"a": {"DataType": "String.Array", "StringValue": '["red", "blue"]'}}
    shown = fan(world, {"a": [{"prefix": "re"}]}, attributes)
    assert shown[0] == "1"
    return shown


@shows
def equals_ignore_case(world):
    attributes = {"a": {"DataType": "String", "StringValue": "red"}}
    shown = fan(world, {"a": [{"equals-ignore-case": "RED"}]}, attributes)
    assert shown[0] == "1"
    return shown


@shows
def fifo_topic_repeat(world):
    world.call(
        "sns",
        "create_topic",
        Name="news.fifo",
        Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"},
    )
    world.queue("orders")
    world.call(
        "sns",
        "subscribe",
        TopicArn=f"{TOPIC}.fifo",
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:123456789012:orders",
    )
    for group in ("g1", "g2"):
        world.call("sns", "publish", TopicArn=f"{TOPIC}.fifo", Message="m", MessageGroupId=group)
    shown = world.counts("orders")
    assert shown[0][0] == "1"
    return shown
