"""The conformance cases of SQS, driven by hand through ms.Cloud.

C09, C10 and C11 are about event source mappings: `tests/services/test_mapping_sqs_failures.py` and
`tests/services/test_mapping_sqs_scaling.py` have them.
"""

from __future__ import annotations

import pytest

from tests.cloud.hands import Hands, count, redrive, refused

DAY = 86_400


@pytest.fixture
def hands():
    return Hands()


@pytest.mark.conformance("SQS C01")
def test_c01_a_message_comes_back_after_the_visibility_timeout(hands):
    """SQS API ReceiveMessage; recorded AWS test `test_receive_after_visibility_timeout`."""
    url = hands.queue(VisibilityTimeout=1)
    hands.send(url, "m")
    (first,) = hands.receive(url)
    assert hands.receive(url) == []
    (again,) = hands.receive(url, wait=5)
    assert hands.cloud.now == 1
    assert again["MessageId"] == first["MessageId"]
    assert again["ReceiptHandle"] != first["ReceiptHandle"]
    assert (count(first), count(again)) == (1, 2)


@pytest.mark.conformance("SQS C02")
def test_c02_a_long_poll_does_not_wait_to_fill_the_batch(hands):
    """Recorded AWS test `…max_number_of_messages_does_not_block`: it answers in under 2 s."""
    url = hands.queue()
    hands.send(url, "a")
    hands.send(url, "b")
    assert len(hands.receive(url, most=3, wait=5)) >= 1
    assert hands.cloud.now < 2


@pytest.mark.conformance("SQS C03")
def test_c03_the_receive_after_max_receive_count_moves_the_message(hands):
    """Recorded AWS test `test_dead_letter_queue_with_fifo_and_content_based_deduplication`."""
    dead = hands.queue("dead.fifo", ContentBasedDeduplication="true")
    url = hands.queue(
        "orders.fifo",
        ContentBasedDeduplication="true",
        RedrivePolicy=redrive(hands.arn(dead), 2),
    )
    sent = hands.send(url, "m", group="g")
    seen = [hands.receive(url, VisibilityTimeout=0) for _ in range(3)]
    assert [len(messages) for messages in seen] == [1, 1, 0]
    (moved,) = hands.receive(dead, wait=10)
    assert moved["MessageId"] == sent["MessageId"]
    assert count(moved) == 3, "the first receive from the dead-letter queue shows N + 1"
    assert moved["Attributes"]["DeadLetterQueueSourceArn"] == hands.arn(url)
    assert moved["Attributes"]["MessageDeduplicationId"] == sent["MessageId"], "it is replaced"
    hands.send(url, "next", group="g")
    assert hands.bodies(url) == ["next"]


@pytest.mark.conformance("SQS C04")
@pytest.mark.parametrize("content_based", [True, False])
def test_c04_a_repeated_send_is_swallowed_for_five_minutes_even_after_a_delete(
    hands, content_based
):
    """SQS API SendMessage; recorded AWS tests `…arrives_once_after_delete`,
    `test_deduplication_interval`."""
    flag = str(content_based).lower()
    url = hands.queue("orders.fifo", ContentBasedDeduplication=flag)
    dedup = None if content_based else "1"
    hands.send(url, "m", group="g", dedup=dedup)
    (message,) = hands.receive(url)
    hands.delete(url, message)
    assert hands.send(url, "m", group="g", dedup=dedup)["MessageId"] == message["MessageId"]
    assert hands.receive(url) == []
    hands.cloud.advance_to("6m")
    hands.send(url, "m", group="g", dedup=dedup)
    assert hands.bodies(url) == ["m"]


@pytest.mark.conformance("SQS C05")
@pytest.mark.parametrize(
    ("attributes", "delivered"),
    [
        ({"DeduplicationScope": "queue"}, False),
        ({"DeduplicationScope": "messageGroup"}, True),
        ({"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}, True),
    ],
)
def test_c05_an_id_is_compared_within_its_scope(hands, attributes, delivered):
    """SQS API SetQueueAttributes, DeduplicationScope; recorded AWS tests of 2024."""
    url = hands.queue("orders.fifo", **attributes)
    hands.send(url, "a", group="group1", dedup="1")
    (message,) = hands.receive(url)
    hands.delete(url, message)
    hands.send(url, "b", group="group2", dedup="1")
    assert bool(hands.receive(url)) is delivered


@pytest.mark.conformance("SQS C06")
def test_c06_a_receive_takes_as_many_as_possible_of_one_group(hands):
    """SQS guide, FIFO-queues-understanding-logic; `…message_group_id_ordering`."""
    url = hands.queue("orders.fifo")
    for group, body in (("g1", "1"), ("g2", "1"), ("g1", "2"), ("g1", "3")):
        hands.send(url, f"{group}-m{body}", group=group, dedup=f"{group}{body}")
    assert hands.bodies(url) == ["g1-m1", "g1-m2", "g1-m3", "g2-m1"]


@pytest.mark.conformance("SQS C07")
def test_c07_a_late_delete_works_on_a_standard_queue(hands):
    """Recorded on AWS 2025-03-28: the handle has no lifetime of its own."""
    url = hands.queue(VisibilityTimeout=1)
    hands.send(url, "m")
    (message,) = hands.receive(url)
    hands.cloud.advance(1)
    hands.delete(url, message)
    assert hands.receive(url) == [] and hands.counts(url) == (0, 0, 0)


@pytest.mark.conformance("SQS C07")
def test_c07_a_late_delete_is_refused_on_a_fifo_queue(hands):
    """Recorded on AWS 2025-03-28: the handle dies with the visibility window."""
    url = hands.queue("orders.fifo", VisibilityTimeout=1)
    hands.send(url, "m", group="g", dedup="1")
    (message,) = hands.receive(url)
    hands.cloud.advance(1)
    with refused("InvalidParameterValue"):
        hands.delete(url, message)
    assert hands.bodies(url) == ["m"]


@pytest.mark.conformance("SQS C08")
def test_c08_a_fifo_queue_has_only_its_own_delay(hands):
    """SQS API SendMessage, DelaySeconds; recorded AWS tests of 2024 and 2025."""
    url = hands.queue("orders.fifo", DelaySeconds=2)
    with refused("InvalidParameterValue"):
        hands.send(url, "m", group="g", dedup="1", DelaySeconds=2)
    hands.send(url, "m", group="g", dedup="1", DelaySeconds=0)
    hands.cloud.advance(1)
    assert hands.receive(url) == []
    hands.cloud.advance(1.001)
    assert hands.bodies(url) == ["m"]


@pytest.mark.conformance("SQS C12")
def test_c12_too_many_in_flight_is_an_error_for_short_polls_only():
    """SQS guide, quotas-queues.html and sqs-visibility-timeout.html."""
    hands = Hands(in_flight_messages=3)
    url = hands.queue()
    for body in "abcd":
        hands.send(url, body)
    held = hands.receive(url, most=10)
    assert len(held) == 3
    with refused("OverLimit"):
        hands.receive(url)
    assert hands.receive(url, wait=2) == [] and hands.cloud.now == 2
    hands.delete(url, held[0])
    assert hands.bodies(url) == ["d"]


@pytest.mark.conformance("SQS C12")
def test_c12_too_many_in_flight_is_never_an_error_on_a_fifo_queue():
    """SQS guide, quotas-fifo.html."""
    hands = Hands(in_flight_messages=3)
    url = hands.queue("orders.fifo")
    for body in "abcd":
        hands.send(url, body, group=body, dedup=body)
    held = hands.receive(url, most=10)
    assert len(held) == 3
    assert hands.receive(url) == [] and hands.receive(url, wait=2) == []
    hands.delete(url, held[0])
    assert hands.bodies(url) == ["d"]


@pytest.mark.conformance("SQS C13")
@pytest.mark.parametrize(("suffix", "days_after_the_move"), [("", 3), (".fifo", 4)])
def test_c13_retention_after_a_move_counts_from_the_send_or_from_the_move(
    hands, suffix, days_after_the_move
):
    """SQS guide, setting-up-dead-letter-queue-retention.html."""
    fifo = suffix == ".fifo"
    dead = hands.queue(f"dead{suffix}", MessageRetentionPeriod=4 * DAY)
    url = hands.queue(
        f"orders{suffix}",
        MessageRetentionPeriod=14 * DAY,
        RedrivePolicy=redrive(hands.arn(dead), 1),
    )
    hands.send(url, "m", **({"group": "g", "dedup": "1"} if fifo else {}))
    hands.receive(url, VisibilityTimeout=0)
    hands.cloud.advance(DAY)
    assert hands.receive(url) == [] and hands.counts(dead) == (1, 0, 0)
    hands.cloud.advance(days_after_the_move * DAY - 1)
    assert hands.counts(dead) == (1, 0, 0)
    hands.cloud.advance(2)
    assert hands.counts(dead) == (0, 0, 0)


def test_q3_identical_bodies_within_five_minutes_are_one_message(hands):
    """Content-based deduplication hashes the body only: 26 equal heartbeats every 70 s make 6."""
    url = hands.queue("orders.fifo", ContentBasedDeduplication="true")
    received = []
    for second in range(0, 1_800, 70):
        hands.cloud.advance_to(second)
        hands.send(url, "status: ok", group="g")
        for message in hands.receive(url):
            received.append(second)
            hands.delete(url, message)
    assert received == [0, 350, 700, 1_050, 1_400, 1_750]
    lives = hands.cloud.history()
    assert len(lives) == 26
    assert sum("deduplicated" in life.facts for life in lives) == 20


def test_q3_a_unique_id_for_each_send_keeps_them_all(hands):
    url = hands.queue("orders.fifo", ContentBasedDeduplication="true")
    for number in range(26):
        hands.send(url, "status: ok", group="g", dedup=str(number))
        hands.cloud.advance(70)
    assert hands.counts(url) == (26, 0, 0)


@pytest.mark.parametrize("timeout", [43_200, 300])
def test_q11_what_a_crashed_consumer_holds_stays_in_flight_until_its_timeout(hands, timeout):
    """The rest of a standard queue flows on; recovery takes exactly the rest of the timeout."""
    url = hands.queue(VisibilityTimeout=timeout)
    for number in range(100):
        hands.send(url, str(number))
    hands.cloud.advance(10)
    held = hands.receive(url, most=10)
    for _ in range(9):
        for message in hands.receive(url, most=10):
            hands.delete(url, message)
    hands.cloud.advance_to(200)
    assert hands.counts(url) == (0, 10, 0)
    waiting = hands.cloud.start(hands.sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
    hands.cloud.advance_to(10 + timeout - 1)
    assert waiting.done and "Messages" not in waiting.result()
    again = hands.receive(url, most=10, wait=5)
    assert hands.cloud.now == 10 + timeout
    assert {message["Body"] for message in again} == {message["Body"] for message in held}


def test_q11_on_a_fifo_queue_the_whole_group_waits_with_it(hands):
    url = hands.queue("orders.fifo", VisibilityTimeout=300)
    for number in range(100):
        hands.send(url, str(number), group="g", dedup=str(number))
    hands.cloud.advance(10)
    assert len(hands.receive(url, most=10)) == 10
    hands.cloud.advance_to(309)
    assert hands.receive(url, most=10) == []
    assert hands.bodies(url, wait=5) == [str(number) for number in range(10)]
    assert hands.cloud.now == 310


def test_q11_a_heartbeat_keeps_the_message_hidden_and_the_holder_can_release_it(hands):
    """ChangeMessageVisibility counts from now; 0 makes the message visible at once."""
    url = hands.queue(VisibilityTimeout=300)
    hands.send(url, "m")
    (message,) = hands.receive(url)
    for _ in range(10):
        hands.cloud.advance(60)
        hands.sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=300
        )
    assert hands.receive(url) == [] and hands.cloud.now == 600
    hands.sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    assert hands.bodies(url) == ["m"]
