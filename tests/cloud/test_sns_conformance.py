"""The conformance cases of SNS that need neither Lambda nor HTTP, by hand through ms.Cloud.

Cases 11 and 12 (HTTP, Lambda) are scenarios: see the tests of the services.
"""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from tests.cloud.hands import Hands, refused


@pytest.fixture
def hands():
    return Hands()


def text(value):
    return {"DataType": "String", "StringValue": value}


def number(value):
    return {"DataType": "Number", "StringValue": str(value)}


def facts(hands, place):
    """Return every fact that a place announced."""
    return [
        event.fact
        for life in hands.cloud.history()
        for event in life.events
        if event.place == place
    ]


@pytest.mark.conformance("SNS 1")
def test_case_1_every_subscription_gets_one_copy(hands):
    """SNS features page: fan-out."""
    topic = hands.topic()
    queues = [hands.queue(f"q{index}") for index in range(3)]
    for url in queues:
        hands.subscribe(topic, url)
    hands.sns.publish(TopicArn=topic, Message="m")
    assert [hands.bodies(url) for url in queues] == [["m"]] * 3
    assert [hands.bodies(url) for url in queues] == [[]] * 3
    (life,) = hands.cloud.history()
    assert life.facts.count("accepted") == 1 and life.facts.count("delivered") == 3


@pytest.mark.conformance("SNS 2")
def test_case_2_limits_of_a_batch_and_of_a_message(hands):
    """SNS API PublishBatch; sizes recorded on AWS 2024-09-04: body, names, types and values."""
    topic, url = hands.topic(), hands.queue()
    hands.subscribe(topic, url)

    def entries(*sizes, same=False):
        return [
            {"Id": "same" if same else f"e{index}", "Message": "x" * size}
            for index, size in enumerate(sizes)
        ]

    def batch(found):
        return hands.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=found)

    with refused("TooManyEntriesInBatchRequest"):
        batch(entries(*[1] * 11))
    with refused("BatchEntryIdsNotDistinct"):
        batch(entries(1, 1, same=True))
    with refused("BatchRequestTooLong"):
        batch(entries(200_000, 62_145))
    with refused("EmptyBatchRequest"):
        batch([])
    attribute = {"name": text("value")}
    extra = len("name") + len("String") + len("value")
    with refused("InvalidParameter", "Message too long"):
        hands.sns.publish(
            TopicArn=topic, Message="x" * (262_145 - extra), MessageAttributes=attribute
        )
    assert hands.counts(url) == (0, 0, 0), "the failing calls published nothing"
    hands.sns.publish(TopicArn=topic, Message="x" * (262_144 - extra), MessageAttributes=attribute)
    assert hands.counts(url) == (1, 0, 0)


@pytest.mark.conformance("SNS 3")
def test_case_3_parameters_of_fifo_topics(hands):
    """SNS API Publish; recorded on AWS 2025-08-18."""
    topic = hands.topic("news.fifo")
    with refused("InvalidParameter", "MessageGroupId parameter is required"):
        hands.sns.publish(TopicArn=topic, Message="m")
    with refused("InvalidParameter", "ContentBasedDeduplication enabled"):
        hands.sns.publish(TopicArn=topic, Message="m", MessageGroupId="g")
    with refused("InvalidParameter", "not valid for this topic type"):
        hands.sns.publish(TopicArn=hands.topic(), Message="m", MessageDeduplicationId="1")


@pytest.mark.conformance("SNS 4")
def test_case_4_the_topic_compares_ids_over_all_groups(hands):
    """SNS guide, fifo-message-dedup.html: the duplicate is accepted and not delivered."""
    topic = hands.topic("news.fifo", ContentBasedDeduplication="true")
    url = hands.queue("orders.fifo")
    hands.subscribe(topic, url)

    def publish(group):
        answer = hands.sns.publish(TopicArn=topic, Message="m", MessageGroupId=group)
        assert answer["MessageId"] and answer["ResponseMetadata"]["HTTPStatusCode"] == 200

    publish("g1")
    hands.cloud.advance(10)
    publish("g2")
    (only,) = hands.receive(url, most=10)
    assert only["Attributes"]["MessageGroupId"] == "g1"
    hands.delete(url, only)
    hands.cloud.advance_to(700)
    publish("g1")
    assert hands.bodies(url) == ["m"]


@pytest.mark.conformance("SNS 5")
def test_case_5_every_fifo_queue_gets_the_same_order():
    """SNS guide, fifo-topic-message-ordering.html; arrival times may differ."""
    hands = Hands(latency=True)
    topic = hands.topic("news.fifo", ContentBasedDeduplication="true")
    queues = [hands.queue(f"q{index}.fifo") for index in range(5)]
    for url in queues:
        hands.subscribe(topic, url)
    for index in range(10):
        hands.sns.publish(TopicArn=topic, Message=str(index), MessageGroupId="g")
    hands.cloud.advance(10)
    assert [hands.bodies(url) for url in queues] == [[str(index) for index in range(10)]] * 5


@pytest.mark.conformance("SNS 6")
def test_case_6_keys_are_joined_by_and_values_by_or(hands):
    """SNS guide, sns-subscription-filter-policies.html, numeric-value-matching.html."""
    policy = {"store": ["a", "b"], "price": [{"numeric": [">", 0, "<=", 100]}]}
    topic, url = hands.topic(), hands.queue()
    hands.subscribe(topic, url, FilterPolicy=policy)
    for body, attributes in (
        ("a100", {"store": text("a"), "price": number(100)}),
        ("b0", {"store": text("b"), "price": number(0)}),
        ("c50", {"store": text("c"), "price": number(50)}),
        ("a", {"store": text("a")}),
        ("a50x", {"store": text("a"), "price": number(50), "extra": text("x")}),
    ):
        hands.sns.publish(TopicArn=topic, Message=body, MessageAttributes=attributes)
    assert hands.bodies(url) == ["a100", "a50x"]


@pytest.mark.conformance("SNS 7")
def test_case_7_a_message_without_attributes_is_filtered_and_did_not_fail(hands):
    """SNS guide, sns-monitoring-using-cloudwatch.html, FilteredOut-NoMessageAttributes."""
    dead = hands.queue("dead")
    topic, url = hands.topic(), hands.queue()
    hands.subscribe(
        topic,
        url,
        FilterPolicy={"store": ["a"]},
        RedrivePolicy={"deadLetterTargetArn": hands.arn(dead)},
    )
    hands.sns.publish(TopicArn=topic, Message="m")
    assert hands.counts(url) == hands.counts(dead) == (0, 0, 0)
    assert facts(hands, "news.orders") == ["filtered"]


@pytest.mark.conformance("SNS 8")
def test_case_8_a_changed_policy_is_in_force_after_at_most_15_minutes():
    """SNS guide, message-filtering-apply.html; until then either version may be applied."""
    hands = Hands(latency=True)
    topic, url = hands.topic(), hands.queue()
    arn = hands.subscribe(topic, url, FilterPolicy={"store": ["old"]})
    hands.sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"store": ["new"]}'
    )
    shown = hands.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert json.loads(shown["FilterPolicy"]) == {"store": ["new"]}
    hands.cloud.advance_to(900)
    for store in ("old", "new"):
        hands.sns.publish(TopicArn=topic, Message=store, MessageAttributes={"store": text(store)})
    hands.cloud.advance(10)
    assert hands.bodies(url) == ["new"]


@pytest.mark.conformance("SNS 9")
def test_case_9_an_outage_of_sqs_delays_and_loses_nothing(hands):
    """SNS guide, sns-message-delivery-retries.html: 3 at once, 2 after 1 s, then 1 → 20 s."""
    dead = hands.queue("dead")
    topic, url = hands.topic(), hands.queue()
    hands.subscribe(topic, url, RedrivePolicy={"deadLetterTargetArn": hands.arn(dead)})
    hands.cloud.outage(url, "60s")
    hands.sns.publish(TopicArn=topic, Message="m")
    hands.cloud.advance_to(100)
    (life,) = hands.cloud.history()
    failed = [event.at_s for event in life.events if event.fact == "attempt_failed"]
    assert failed[:6] == [0, 0, 0, 0, 1, 2]
    waits = [later - earlier for earlier, later in pairwise(failed[5:])]
    assert waits == sorted(waits) and waits[0] >= 1 and waits[-1] <= 20
    delivered = [event.at_s for event in life.events if event.fact == "delivered"]
    assert len(delivered) == 1 and 60 <= delivered[0] <= 80
    assert hands.bodies(url) == ["m"] and hands.counts(dead) == (0, 0, 0)


@pytest.mark.conformance("SNS 10")
@pytest.mark.parametrize("with_dead_letters", [True, False])
def test_case_10_a_deleted_queue_is_not_tried_again(hands, with_dead_letters):
    """SNS guide, sns-dead-letter-queues.html: a client-side error."""
    dead = hands.queue("dead")
    topic, url = hands.topic(), hands.queue()
    redrive = {"RedrivePolicy": {"deadLetterTargetArn": hands.arn(dead)}}
    hands.subscribe(topic, url, **(redrive if with_dead_letters else {}))
    hands.sqs.delete_queue(QueueUrl=url)
    hands.sns.publish(TopicArn=topic, Message="m")
    hands.cloud.advance("1h")
    (life,) = hands.cloud.history()
    assert life.facts.count("attempt_failed") == 1
    assert hands.bodies(dead) == (["m"] if with_dead_letters else [])
    assert facts(hands, "news.orders")[-1] == (
        "dead_lettered" if with_dead_letters else "discarded"
    )


@pytest.mark.conformance("SNS 13")
def test_case_13_the_regional_publish_quota_counts_messages(hands):
    """SNS quotas: us-east-1 30,000 messages/s, batches counted message by message."""
    topic = hands.topic()
    entries = [{"Id": str(index), "Message": "m"} for index in range(10)]
    for _ in range(3_000):
        hands.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
    with refused("ThrottlingException", "Rate exceeded"):
        hands.sns.publish(TopicArn=topic, Message="m")
    hands.cloud.advance(1)
    hands.sns.publish(TopicArn=topic, Message="m")


@pytest.mark.conformance("SNS 13")
def test_case_13_other_regions_have_smaller_quotas():
    hands = Hands(region="eu-central-1")
    topic = hands.topic()
    for _ in range(1_500):
        hands.sns.publish(TopicArn=topic, Message="m")
    with refused("ThrottlingException", "Rate exceeded"):
        hands.sns.publish(TopicArn=topic, Message="m")
