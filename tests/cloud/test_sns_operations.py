"""SNS operations by hand: parameters, answers and error codes as boto3 shows them."""

from __future__ import annotations

import json

import pytest

from tests.cloud.hands import Hands, refused


@pytest.fixture
def hands():
    return Hands()


def text(value):
    return {"DataType": "String", "StringValue": value}


def test_the_envelope_of_a_standard_topic(hands):
    """Fields recorded on AWS 2023-08-24; their size is about 815 + 2 · len(TopicArn) bytes."""
    topic, url = hands.topic(), hands.queue()
    subscription = hands.subscribe(topic, url, raw=False)
    hands.cloud.advance("1.5s")
    sent = hands.sns.publish(
        TopicArn=topic, Message='say "hi"', Subject="s", MessageAttributes={"a": text("1")}
    )
    (message,) = hands.receive(url)
    body = json.loads(message["Body"])
    assert list(body) == [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "UnsubscribeURL",
        "MessageAttributes",
    ]
    assert body["Type"] == "Notification" and body["TopicArn"] == topic
    assert body["MessageId"] == sent["MessageId"] != message["MessageId"]
    assert (body["Message"], body["Subject"]) == ('say "hi"', "s")
    assert body["Timestamp"] == "2026-01-01T00:00:01.500Z"
    assert body["UnsubscribeURL"].endswith(subscription)
    assert body["MessageAttributes"] == {"a": {"Type": "String", "Value": "1"}}
    assert "MessageAttributes" not in message


def test_the_size_of_the_envelope(hands):
    """SNS message formats; computed from AWS's sample, ± 5 %."""
    for name, fixed in (("news", 815), ("news.fifo", 345)):
        fifo = name.endswith(".fifo")
        topic, url = hands.topic(name), hands.queue(f"for-{name}")
        hands.subscribe(topic, url, raw=False)
        ids = {"MessageGroupId": "g", "MessageDeduplicationId": "1"} if fifo else {}
        hands.sns.publish(TopicArn=topic, Message="m", **ids)
        (body,) = hands.bodies(url)
        assert len(body) - 1 == pytest.approx(
            fixed + 2 * len(topic), rel=0.05 if not fifo else 0.15
        )


def test_a_fifo_topic_hands_group_and_id_on_and_signs_nothing(hands):
    """SNS guide, fifo-message-grouping.html; recorded on AWS 2023-12-07 and 2025-08-18."""
    topic = hands.topic("news.fifo")
    fifo, plain = hands.queue("orders.fifo"), hands.queue("plain")
    for url in (fifo, plain):
        hands.subscribe(topic, url, raw=False)
    sent = hands.sns.publish(
        TopicArn=topic, Message="m", MessageGroupId="g", MessageDeduplicationId="1"
    )
    (message,) = hands.receive(fifo)
    body = json.loads(message["Body"])
    assert body["SequenceNumber"] == sent["SequenceNumber"]
    assert message["Attributes"]["SequenceNumber"] != sent["SequenceNumber"], "the queue's own"
    assert message["Attributes"]["MessageGroupId"] == "g"
    assert message["Attributes"]["MessageDeduplicationId"] == "1"
    assert "Signature" not in body
    (other,) = hands.receive(plain)
    assert "MessageGroupId" not in other["Attributes"]


def test_a_standard_topic_hands_the_group_on_for_fair_queues(hands):
    """SNS API Publish, MessageGroupId on standard topics; recorded on AWS 2025-08-18."""
    topic, url = hands.topic(), hands.queue()
    hands.subscribe(topic, url)
    hands.sns.publish(TopicArn=topic, Message="m", MessageGroupId="tenant")
    (message,) = hands.receive(url)
    assert message["Attributes"]["MessageGroupId"] == "tenant"


def test_raw_delivery_carries_attributes_and_at_most_ten(hands):
    """SNS guide, sns-large-payload-raw-message-delivery.html: more are a client-side error."""
    topic, url = hands.topic(), hands.queue()
    hands.subscribe(topic, url)
    hands.sns.publish(TopicArn=topic, Message="m", MessageAttributes={"a": text("1")})
    many = {f"a{number}": text("1") for number in range(11)}
    hands.sns.publish(TopicArn=topic, Message="too many", MessageAttributes=many)
    (message,) = hands.receive(url, 10)
    assert message["Body"] == "m" and message["MessageAttributes"] == {"a": text("1")}
    assert hands.cloud.history()[-1].facts[-1] == "discarded"


def test_a_message_may_have_a_text_for_each_protocol(hands):
    """SNS API Publish, MessageStructure."""
    topic, url = hands.topic(), hands.queue()
    hands.subscribe(topic, url)

    def publish(message):
        hands.sns.publish(TopicArn=topic, Message=message, MessageStructure="json")

    publish('{"default": "all", "sqs": "queues"}')
    publish('{"default": "all", "lambda": "functions"}')
    assert hands.bodies(url) == ["queues", "all"]
    for bad in ('{"sqs": "no default"}', "no json", '{"default": 1}'):
        with refused("InvalidParameter", "Message Structure"):
            publish(bad)


def test_topics_are_created_once_and_can_be_found(hands):
    topic = hands.topic(DisplayName="News")
    assert topic == hands.topic(DisplayName="News") == "arn:aws:sns:us-east-1:123456789012:news"
    with refused("InvalidParameter", "already exists with different attributes"):
        hands.topic(DisplayName="Other")
    with refused("InvalidParameter", "Topic Name"):
        hands.sns.create_topic(Name="news.fifo")
    assert hands.sns.list_topics()["Topics"] == [{"TopicArn": topic}]
    hands.sns.set_topic_attributes(
        TopicArn=topic, AttributeName="MaximumMessageSize", AttributeValue="1024"
    )
    with refused("InvalidParameter", "Message too long"):
        hands.sns.publish(TopicArn=topic, Message="x" * 1025)
    for name, value in (("FifoTopic", "true"), ("Nonsense", "1"), ("MaximumMessageSize", "1")):
        with refused("InvalidParameter"):
            hands.sns.set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)
    hands.sns.delete_topic(TopicArn=topic)
    hands.sns.delete_topic(TopicArn=topic)
    with refused("NotFound", "Topic does not exist"):
        hands.sns.publish(TopicArn=topic, Message="m")
    with refused("InvalidParameter", "TopicArn"):
        hands.sns.publish(TopicArn=topic.replace("us-east-1", "eu-west-1"), Message="m")


def test_subscriptions_come_and_go(hands):
    topic, url = hands.topic(), hands.queue()
    arn = hands.subscribe(topic, url)
    assert hands.subscribe(topic, url) == arn
    with refused("InvalidParameter", "already exists with different attributes"):
        hands.subscribe(topic, url, raw=False)
    (listed,) = hands.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (listed["SubscriptionArn"], listed["Endpoint"]) == (arn, hands.arn(url))
    assert hands.sns.list_subscriptions()["Subscriptions"] == [listed]
    shown = hands.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert shown["RawMessageDelivery"] == "true" and shown["PendingConfirmation"] == "false"
    hands.sns.unsubscribe(SubscriptionArn=arn)
    hands.sns.publish(TopicArn=topic, Message="m")
    assert hands.bodies(url) == []
    shown = hands.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (shown["SubscriptionsConfirmed"], shown["SubscriptionsDeleted"]) == ("0", "1")
    with refused("NotFound"):
        hands.sns.get_subscription_attributes(SubscriptionArn=arn)


def test_what_subscribe_refuses(hands):
    topic, url = hands.topic(), hands.queue()
    fifo = hands.queue("orders.fifo")
    with refused("InvalidParameter", "FIFO SQS Queues can not be subscribed"):
        hands.subscribe(topic, fifo)
    with refused("InvalidParameter", "does not support this protocol"):
        hands.sns.subscribe(TopicArn=topic, Protocol="pigeon", Endpoint="x")
    with refused("UnsupportedOperation"):
        hands.sns.subscribe(TopicArn=topic, Protocol="https", Endpoint="https://example.com")
    with refused("InvalidParameter", "RawMessageDelivery"):
        hands.sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=hands.arn(url),
            Attributes={"RawMessageDelivery": "maybe"},
        )
    for policy, reason in (
        ('{"a": []}', "Empty arrays are not allowed"),
        ('{"a": [{"nonsense": 1}]}', "Unrecognized match type"),
        (json.dumps({f"k{n}": ["x"] for n in range(6)}), "more than 5 keys"),
    ):
        with refused("InvalidParameter", reason):
            hands.subscribe(topic, url, FilterPolicy=policy)
    with refused("InvalidParameter", "deadLetterTargetArn"):
        hands.subscribe(topic, url, RedrivePolicy={"deadLetterTargetArn": "nonsense"})
    news = hands.topic("news.fifo")
    with refused("InvalidParameter", "must use a FIFO queue as DLQ"):
        hands.subscribe(news, fifo, RedrivePolicy={"deadLetterTargetArn": hands.arn(url)})


def test_attributes_of_a_subscription_change(hands):
    topic, url = hands.topic(), hands.queue()
    arn = hands.subscribe(topic, url)

    def change(name, value):
        hands.sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName=name, AttributeValue=value
        )

    def publish(body):
        hands.sns.publish(TopicArn=topic, Message=body)
        return hands.bodies(url)

    change("FilterPolicyScope", "MessageBody")
    change("FilterPolicy", '{"kind": ["a"]}')
    assert publish('{"kind": "a"}') and not publish('{"kind": "b"}')
    change("FilterPolicy", "")
    assert publish('{"kind": "b"}')
    change("RawMessageDelivery", "false")
    assert json.loads(publish("m")[0])["Message"] == "m"
    with refused("InvalidParameter", "Invalid value [X]"):
        change("FilterPolicyScope", "X")


def test_what_publish_refuses(hands):
    topic = hands.topic()

    def publish(message="m", **more):
        hands.sns.publish(TopicArn=topic, Message=message, **more)

    with refused("InvalidParameter", "Empty message"):
        publish("")
    for subject in ("", "x" * 100, "a\nb"):
        with refused("InvalidParameter", "Subject"):
            publish(Subject=subject)
    for name, value in (
        ("a..b", text("1")),
        ("a", {"DataType": "Text", "StringValue": "1"}),
        ("a", {"DataType": "Number", "StringValue": "x"}),
        ("a", {"DataType": "Binary", "StringValue": "x"}),
    ):
        with refused("ParameterValueInvalid"):
            publish(MessageAttributes={name: value})
    with refused("InvalidParameter", "TopicArn or TargetArn"):
        hands.sns.publish(Message="m")
    assert issubclass(hands.sns.exceptions.NotFoundException, hands.sns.exceptions.ClientError)


def test_a_batch_answers_entry_by_entry(hands):
    topic, url = hands.topic(), hands.queue()
    hands.subscribe(topic, url)
    answer = hands.sns.publish_batch(
        TopicArn=topic,
        PublishBatchRequestEntries=[
            {"Id": "good", "Message": "m"},
            {"Id": "bad", "Message": "m", "MessageAttributes": {"a..b": text("1")}},
        ],
    )
    assert [done["Id"] for done in answer["Successful"]] == ["good"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [
        ("bad", "ParameterValueInvalid")
    ]
    assert hands.bodies(url) == ["m"]
    with refused("InvalidBatchEntryId"):
        hands.sns.publish_batch(
            TopicArn=topic, PublishBatchRequestEntries=[{"Id": "a b", "Message": "m"}]
        )


def test_a_fifo_topic_archives_and_a_subscription_replays(hands):
    """SNS guide, message-archiving-and-replay-…: same MessageId, `Replayed`, then live again."""
    archive = '{"MessageRetentionPeriod": "30"}'
    topic = hands.topic("news.fifo", ContentBasedDeduplication="true", ArchivePolicy=archive)
    sent = [
        hands.sns.publish(TopicArn=topic, Message=body, MessageGroupId="g")["MessageId"]
        for body in "ab"
    ]
    hands.cloud.advance("1h")
    url = hands.queue("late.fifo")
    policy = {"PointType": "Timestamp", "StartingPoint": "2026-01-01T00:00:00.000Z"}
    arn = hands.subscribe(topic, url, raw=False, ReplayPolicy=policy)
    hands.cloud.advance(1)
    hands.sns.publish(TopicArn=topic, Message="c", MessageGroupId="g")
    bodies = [json.loads(body) for body in hands.bodies(url)]
    assert [body["Message"] for body in bodies] == ["a", "b", "c"]
    assert [body["MessageId"] for body in bodies[:2]] == sent
    assert [body.get("Replayed", False) for body in bodies] == [True, True, False]
    shown = hands.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert shown["ReplayStatus"] == "Completed"
    shown = hands.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert shown["BeginningArchiveTime"] == "2026-01-01T00:00:00.000Z"
    with refused("InvalidState"):
        hands.sns.delete_topic(TopicArn=topic)
    hands.sns.set_topic_attributes(
        TopicArn=topic, AttributeName="ArchivePolicy", AttributeValue="{}"
    )
    hands.sns.delete_topic(TopicArn=topic)


def test_what_archive_and_replay_refuse(hands):
    for policy in ('{"MessageRetentionPeriod": "366"}', "nonsense", '{"Nonsense": 1}'):
        with refused("InvalidParameter", "ArchivePolicy"):
            hands.topic("news.fifo", ArchivePolicy=policy)
    with refused("InvalidParameter"):
        hands.topic("news", ArchivePolicy='{"MessageRetentionPeriod": "1"}')
    topic, url = hands.topic("news.fifo"), hands.queue("orders.fifo")
    for policy in ({"PointType": "Timestamp"}, {"PointType": "Timestamp", "StartingPoint": "x"}):
        with refused("InvalidParameter", "ReplayPolicy"):
            hands.subscribe(topic, url, ReplayPolicy=policy)
    policy = {"PointType": "Timestamp", "StartingPoint": "2026-01-01T00:00:00Z"}
    with refused("InvalidParameter", "no archive"):
        hands.subscribe(topic, url, ReplayPolicy=policy)


def test_high_throughput_can_be_turned_on_and_not_off(hands):
    """SNS guide, fifo-high-throughput.html: MessageGroup cannot be reverted to Topic."""
    topic = hands.topic("news.fifo", ContentBasedDeduplication="true")
    url = hands.queue("orders.fifo", DeduplicationScope="messageGroup")
    hands.subscribe(topic, url)
    attribute = {"TopicArn": topic, "AttributeName": "FifoThroughputScope"}

    def publish():
        for group in ("g1", "g2"):
            hands.sns.publish(TopicArn=topic, Message="m", MessageGroupId=group)

    publish()
    assert hands.counts(url)[0] == 1, "scope Topic: the same id in another group is a duplicate"
    hands.sns.set_topic_attributes(**attribute, AttributeValue="MessageGroup")
    hands.cloud.advance(301)
    publish()
    assert hands.counts(url)[0] == 3
    with refused("InvalidParameter", "FifoThroughputScope"):
        hands.sns.set_topic_attributes(**attribute, AttributeValue="Topic")
    hands.sns.set_topic_attributes(**attribute, AttributeValue="MessageGroup")


@pytest.mark.parametrize("what", ["topics", "subscriptions", "policies"])
def test_an_account_has_only_so_many(hands, monkeypatch, what):
    """403 TopicLimitExceeded, SubscriptionLimitExceeded, FilterPolicyLimitExceeded (SNS quotas);
    the quotas are lowered here, their numbers are the page's.
    """
    from msgsim.cloud import sns_quotas

    assert sns_quotas.TOPICS == {False: 100_000, True: 1_000}
    assert sns_quotas.SUBSCRIPTIONS == {False: 12_500_000, True: 100}
    assert (sns_quotas.POLICIES_OF_A_TOPIC, sns_quotas.POLICIES_OF_THE_ACCOUNT) == (200, 10_000)
    monkeypatch.setattr(sns_quotas, "TOPICS", {False: 2, True: 1})
    monkeypatch.setattr(sns_quotas, "SUBSCRIPTIONS", {False: 2, True: 2})
    monkeypatch.setattr(sns_quotas, "POLICIES_OF_A_TOPIC", 1)
    topic = hands.topic()
    urls = [hands.queue(f"q{index}") for index in range(3)]
    if what == "topics":
        hands.topic("b")
        hands.topic("b.fifo")
        hands.topic(), hands.topic("b.fifo")  # those that exist are returned
        with refused("TopicLimitExceeded"):
            hands.topic("c")
        with refused("TopicLimitExceeded"):
            hands.topic("c.fifo")
    elif what == "subscriptions":
        for url in (*urls[:2], *urls[:2]):
            hands.subscribe(topic, url)
        with refused("SubscriptionLimitExceeded"):
            hands.subscribe(topic, urls[2])
    else:
        hands.subscribe(topic, urls[0], FilterPolicy={"a": ["x"]})
        with refused("FilterPolicyLimitExceeded"):
            hands.subscribe(topic, urls[1], FilterPolicy={"a": ["x"]})
        arn = hands.subscribe(topic, urls[1])
        policy = {"AttributeName": "FilterPolicy", "AttributeValue": '{"a": ["x"]}'}
        with refused("FilterPolicyLimitExceeded"):
            hands.sns.set_subscription_attributes(SubscriptionArn=arn, **policy)
