"""Kinesis event source mappings in ms.Cloud: the user's own handler, AWS's events and records."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cloud.hands import Hands, refused

INVALID = "InvalidParameterValueException"
PARTIAL = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


class Room(Hands):
    """A cloud with a stream `clicks`, a function `fn`, and what the function saw."""

    def __init__(self, shards: int = 1, **options: Any) -> None:
        super().__init__(**options)
        self.lam = self.cloud.client("lambda")
        self.kinesis = self.cloud.client("kinesis")
        self.kinesis.create_stream(StreamName="clicks", ShardCount=shards)
        self.stream_arn = self.kinesis.describe_stream_summary(StreamName="clicks")[
            "StreamDescriptionSummary"
        ]["StreamARN"]
        self.seen: list[tuple[float, list[str]]] = []

    def function(self, answer: Any = None, name: str = "fn", time: Any = 0, **more: Any) -> None:
        """Create a function that notes its records and answers with `answer(event, texts)`."""

        def code(event: Any, context: Any) -> Any:
            texts = texts_of(event)
            self.seen.append((self.cloud.now, texts))
            return None if answer is None else answer(event, texts)

        self.lam.create_function(
            FunctionName=name, Code={"callable": code, "time": time}, Timeout=60, **more
        )

    def map(self, function: str = "fn", source: str | None = None, **more: Any) -> str:
        more = {"StartingPosition": "TRIM_HORIZON", **more}
        return self.lam.create_event_source_mapping(
            EventSourceArn=source or self.stream_arn, FunctionName=function, **more
        )["UUID"]

    def put(self, *texts: str, key: str = "k", **more: Any) -> list[str]:
        """Put records in one call, and return their sequence numbers."""
        records = [{"Data": text.encode(), "PartitionKey": key, **more} for text in texts]
        answer = self.kinesis.put_records(StreamName="clicks", Records=records)
        return [record["SequenceNumber"] for record in answer["Records"]]

    def consumer(self, name: str = "fast") -> str:
        made = self.kinesis.register_stream_consumer(StreamARN=self.stream_arn, ConsumerName=name)
        return made["Consumer"]["ConsumerARN"]

    @property
    def batches(self) -> list[list[str]]:
        return [texts for _, texts in self.seen]

    @property
    def texts(self) -> list[str]:
        return [text for batch in self.batches for text in batch]

    def documents(self, url: str) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies(url)]


@pytest.fixture
def room() -> Room:
    return Room()


def texts_of(event: dict[str, Any]) -> list[str]:
    return [base64.b64decode(record["kinesis"]["data"]).decode() for record in event["Records"]]


def reports(*texts: str) -> Any:
    """Return a handler that reports these records as failed, by sequence number."""

    def answer(event: Any, found: list[str]) -> Any:
        numbers = [record["kinesis"]["sequenceNumber"] for record in event["Records"]]
        failed = [n for n, text in zip(numbers, found, strict=True) if text in texts]
        return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}

    return answer


def raises_at(*texts: str) -> Any:
    def answer(event: Any, found: list[str]) -> None:
        if set(texts) & set(found):
            raise ValueError("no")

    return answer


# Events -----------------------------------------------------------------------------------------


def test_an_event_has_the_shape_of_aws(room):
    """Names, order and values of members. Source: LocalStack's snapshot of AWS (2024-10-12), test
    test_create_kinesis_event_source_mapping; Lambda developer guide, with-kinesis.html.
    """
    events: list[Any] = []
    room.function(lambda event, texts: events.append(event))
    room.map()
    (number,) = room.put("hello", key="test_0")
    room.cloud.advance(2)
    (record,) = events[0]["Records"]
    assert list(events[0]) == ["Records"]
    assert list(record) == [
        "kinesis", "eventSource", "eventVersion", "eventID", "eventName", "invokeIdentityArn",
        "awsRegion", "eventSourceARN",
    ]  # fmt: skip
    assert record["kinesis"] == {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "test_0",
        "sequenceNumber": number,
        "data": "aGVsbG8=",
        "approximateArrivalTimestamp": datetime(2026, 1, 1, tzinfo=UTC).timestamp(),
    }
    assert record["eventID"] == f"shardId-000000000000:{number}"
    assert (record["eventSource"], record["eventName"]) == ("aws:kinesis", "aws:kinesis:record")
    assert record["eventVersion"] == "1.0" and record["awsRegion"] == "us-east-1"
    assert record["invokeIdentityArn"].startswith("arn:aws:iam::123456789012:role/")
    assert record["eventSourceARN"] == room.stream_arn


def test_the_role_of_the_function_is_the_identity_that_invokes(room):
    events: list[Any] = []
    role = "arn:aws:iam::123456789012:role/clicks-role"
    room.function(lambda event, texts: events.append(event), Role=role)
    room.map()
    room.put("a")
    room.cloud.advance(2)
    assert events[0]["Records"][0]["invokeIdentityArn"] == role


def test_data_need_not_be_text(room):
    events: list[Any] = []
    room.lam.create_function(
        FunctionName="fn", Code={"callable": lambda event, context: events.append(event)}
    )
    room.map()
    room.kinesis.put_record(StreamName="clicks", Data=b"\xff\x00", PartitionKey="k")
    room.cloud.advance(2)
    assert base64.b64decode(events[0]["Records"][0]["kinesis"]["data"]) == b"\xff\x00"


def test_a_record_has_a_biography_once_a_mapping_has_read_it(room):
    room.function()
    room.map()
    (number,) = room.put("a")
    room.cloud.advance(2)
    (life,) = room.cloud.history(f"shardId-000000000000:{number}")
    assert life.facts == ["taken", "completed"] and life.body == "a"


# Batches ----------------------------------------------------------------------------------------


def test_one_batch_of_a_shard_is_in_progress_at_a_time(room):
    """The next batch begins when the function has returned, in the order of the shard. Source:
    with-kinesis.html; LocalStack's AWS test test_…with_async_invocation: a function that sleeps 5 s
    gets its second batch more than 5 s after the first.
    """
    room.function(lambda event, texts: room.cloud.sleep(5))
    room.map(BatchSize=10)
    room.put(*(f"{n}" for n in range(20)))
    room.cloud.advance(30)
    assert room.batches == [[f"{n}" for n in range(10)], [f"{n}" for n in range(10, 20)]]
    assert room.seen[1][0] - room.seen[0][0] >= 5


def test_a_batch_holds_records_of_one_shard(room):
    room = Room(shards=2)
    shards: list[set[str]] = []
    room.function(
        lambda event, texts: shards.append({r["eventID"].split(":")[0] for r in event["Records"]})
    )
    room.map()
    for hash_key in ("0", str(2**127)):
        room.put("a", "b", ExplicitHashKey=hash_key)
    room.cloud.advance(2)
    assert sorted(shards, key=min) == [{"shardId-000000000000"}, {"shardId-000000000001"}]


def test_a_window_gathers_until_it_ends_or_the_batch_is_full(room):
    """`MaximumBatchingWindowInSeconds`. Source: invocation-eventsourcemapping.html."""
    room.function()
    room.map(BatchSize=3, MaximumBatchingWindowInSeconds=30)
    room.put("a")
    room.cloud.advance(10)
    assert room.batches == []
    room.put("b", "c")
    room.cloud.advance(2)
    assert room.batches == [["a", "b", "c"]]
    room.put("d")
    room.cloud.advance(33)
    assert room.batches[1:] == [["d"]]


def test_parallelization_keeps_the_order_of_each_key(room):
    """Up to n batches of a shard at once; a key's records stay in order. Source: with-kinesis.html,
    ParallelizationFactor.
    """
    running, most = [0], [0]
    order: dict[str, list[int]] = {}

    def code(event: Any, texts: list[str]) -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        room.cloud.sleep(1)
        for text in texts:
            key, _, number = text.partition("/")
            order.setdefault(key, []).append(int(number))
        running[0] -= 1

    room.function(code)
    room.map(BatchSize=1, ParallelizationFactor=4)
    for number in range(4):
        for key in range(12):
            room.put(f"{key}/{number}", key=str(key))
    room.cloud.advance(60)
    assert 1 < most[0] <= 4
    assert order == {str(key): [0, 1, 2, 3] for key in range(12)}


def test_filters_leave_records_out(room):
    """The pattern's key for Kinesis is `data`, decoded; data that is no JSON does not match a
    pattern for JSON. Source: invocation-eventfiltering.html, with-kinesis-filtering.html.
    """
    room.function()
    room.map(FilterCriteria={"Filters": [{"Pattern": '{"data": {"kind": ["a"]}}'}]})
    room.put('{"kind": "a"}', '{"kind": "b"}', "kind a", '{"kind": "a", "n": 2}')
    room.cloud.advance(2)
    assert room.batches == [['{"kind": "a"}', '{"kind": "a", "n": 2}']]


# Errors -----------------------------------------------------------------------------------------


def test_an_error_blocks_its_shard_and_no_other():
    """The whole batch is tried again in place until it succeeds; nothing overtakes it. Source:
    kinesis-on-failure-destination.html; the pauses (0.25 s, doubling) are a labelled assumption.
    """
    room = Room(shards=2)
    attempts: list[float] = []

    def code(event: Any, texts: list[str]) -> None:
        if "poison" in texts:
            attempts.append(room.cloud.now)
            if len(attempts) < 4:
                raise ValueError

    room.function(code)
    room.map(BatchSize=2)
    room.put("poison", "after", "later", ExplicitHashKey="0")
    room.put("other", ExplicitHashKey=str(2**127))
    room.cloud.advance(20)
    blocked = [batch for batch in room.batches if batch != ["other"]]
    assert blocked == [["poison", "after"]] * 4 + [["later"]]
    assert [round(at - attempts[0], 3) for at in attempts] == [0, 0.25, 0.75, 1.75]
    assert room.batches.count(["other"]) == 1
    (other_at,) = [at for at, batch in room.seen if batch == ["other"]]
    assert other_at <= 1


def test_without_limits_a_batch_blocks_until_it_expires_in_the_stream(room):
    """MaximumRetryAttempts and MaximumRecordAgeInSeconds are -1 by default: what always fails stays
    until the retention period ends, here 24 h. Source: kinesis-on-failure-destination.html.
    """
    room.function(raises_at("poison"))
    room.map(BatchSize=1)
    room.put("poison", "after")
    room.cloud.advance("23h")
    assert ["after"] not in room.batches and len(room.batches) > 1000
    room.cloud.advance("2h")
    assert ["after"] not in room.batches  # it was as old, and expired with the poison
    room.put("fresh")
    room.cloud.advance("2m")
    assert room.batches[-1] == ["fresh"]


@pytest.mark.parametrize("retries", [0, 1, 2])
def test_retries_are_limited_and_the_batch_is_documented(room, retries):
    """r retries are r + 1 invocations; then a document without the records' data goes to the
    queue, and the shard goes on. Source: kinesis-on-failure-destination.html; values as in
    LocalStack's AWS tests (approximateInvokeCount r + 1).
    """
    url = room.queue("lost")
    room.function(raises_at("b"))
    room.map(
        BatchSize=3,
        MaximumRetryAttempts=retries,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
    )
    numbers = room.put("a", "b", "c", "d")
    room.cloud.advance(30)
    assert room.batches == [["a", "b", "c"]] * (retries + 1) + [["d"]]
    (document,) = room.documents(url)
    assert list(document) == [
        "requestContext", "version", "timestamp", "KinesisBatchInfo", "responseContext",
    ]  # fmt: skip
    function_arn = room.lam.get_function(FunctionName="fn")["Configuration"]["FunctionArn"]
    context = document["requestContext"]
    assert len(context.pop("requestId")) == 36
    assert context == {
        "functionArn": function_arn,
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": retries + 1,
    }
    assert document["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert document["version"] == "1.0"
    assert document["timestamp"].startswith("2026-01-01T00:00:0")
    assert document["KinesisBatchInfo"] == {
        "shardId": "shardId-000000000000",
        "startSequenceNumber": numbers[0],
        "endSequenceNumber": numbers[2],
        "approximateArrivalOfFirstRecord": "2026-01-01T00:00:00.000Z",
        "approximateArrivalOfLastRecord": "2026-01-01T00:00:00.000Z",
        "batchSize": 3,
        "streamArn": room.stream_arn,
    }


def test_what_a_document_names_can_be_read_from_the_stream(room):
    """It holds no data: shard and sequence number are the way back. Source: same page."""
    url = room.queue("lost")
    room.function(raises_at("b"))
    room.map(
        BatchSize=1,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
    )
    room.put("a", "b", "c")
    room.cloud.advance(5)
    (document,) = room.documents(url)
    info = document["KinesisBatchInfo"]
    iterator = room.kinesis.get_shard_iterator(
        StreamName="clicks",
        ShardId=info["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=info["startSequenceNumber"],
    )["ShardIterator"]
    records = room.kinesis.get_records(ShardIterator=iterator, Limit=info["batchSize"])["Records"]
    assert [record["Data"] for record in records] == [b"b"]


def test_a_topic_can_take_the_documents(room):
    url, topic = room.queue("lost"), room.topic("alarms")
    room.subscribe(topic, url)
    room.function(raises_at("a"))
    room.map(MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": topic}})
    room.put("a")
    room.cloud.advance(5)
    (document,) = room.documents(url)
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"


def test_records_that_are_too_old_are_discarded_one_by_one(room):
    """A batch with one record that is too old and five fresh ones: the one is documented, without
    a responseContext and with one invocation, and the five are invoked together. Source:
    LocalStack's AWS test test_kinesis_maximum_record_age_exceeded_discard_records (2025-04-13).
    """
    url = room.queue("lost")
    room.put("old")
    room.cloud.advance(61)
    room.put(*"12345")
    room.function()
    room.map(
        BatchSize=10,
        MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
    )
    room.cloud.advance(5)
    assert room.batches == [["1", "2", "3", "4", "5"]]
    (document,) = room.documents(url)
    assert document["requestContext"]["condition"] == "RecordAgeExceeded"
    assert document["requestContext"]["approximateInvokeCount"] == 1
    assert "responseContext" not in document
    assert document["KinesisBatchInfo"]["batchSize"] == 1


def test_a_minute_of_retries_is_eight_invocations(room):
    """MaximumRecordAgeInSeconds 60, no limit of retries, a function that always fails: eight
    invocations on AWS. Source: LocalStack's AWS test test_kinesis_maximum_record_age_exceeded
    [expire-while-retrying] (2025-04-13); the pauses of the assumption were fitted to it.
    """
    url = room.queue("lost")
    room.function(raises_at("a"))
    room.map(
        BatchSize=1,
        MaximumBatchingWindowInSeconds=1,
        MaximumRecordAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
    )
    room.put("a")
    room.cloud.advance("5m")
    assert room.batches == [["a"]] * 8
    (document,) = room.documents(url)
    assert document["requestContext"]["condition"] == "RecordAgeExceeded"
    assert "responseContext" not in document


def test_bisecting_isolates_the_bad_record(room):
    """A batch that fails is split in two, which uses up no retry. Source: with-kinesis.html,
    BisectBatchOnFunctionError.
    """
    url = room.queue("lost")
    room.function(raises_at("c"))
    room.map(
        BatchSize=4,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
    )
    numbers = room.put(*"abcd")
    room.cloud.advance(30)
    assert room.batches == [list("abcd"), list("ab"), list("cd"), ["c"], ["c"], ["d"]]
    (document,) = room.documents(url)
    assert document["KinesisBatchInfo"]["startSequenceNumber"] == numbers[2]
    assert document["KinesisBatchInfo"]["batchSize"] == 1
    assert document["requestContext"]["approximateInvokeCount"] == 2


def test_a_throttle_uses_up_no_retry(room):
    """What fails before the function runs does not count. Source: same, "Before invocation"."""
    room.function(time="10s")
    room.lam.put_function_concurrency(FunctionName="fn", ReservedConcurrentExecutions=1)
    room.cloud.start(room.lam.invoke, FunctionName="fn", Payload='{"Records": []}')
    room.map(MaximumRetryAttempts=0)
    room.put("a")
    room.cloud.advance(60)
    assert room.batches == [[], ["a"]]


def test_a_time_out_is_an_error(room):
    room.function(lambda event, texts: room.cloud.sleep(100) if len(room.seen) == 1 else None)
    room.map()
    room.put("a")
    room.cloud.advance(70)
    assert room.batches == [["a"], ["a"]]
    assert 60 <= room.seen[1][0] - room.seen[0][0] <= 61


# Partial responses ------------------------------------------------------------------------------


def test_the_lowest_reported_record_is_the_checkpoint(room):
    """It and everything after it come again, what was before does not. Source:
    services-kinesis-batchfailurereporting.html.
    """
    room.function(lambda event, texts: reports("b", "d")(event, texts) if len(texts) > 4 else None)
    room.map(**PARTIAL)
    room.put(*"abcde")
    room.cloud.advance(10)
    assert room.batches == [list("abcde"), list("bcde")]


def test_the_rest_of_a_batch_has_fresh_retries(room):
    """BatchSize 3, three retries, the sixth record always fails: it is delivered 1 + 4 times, and
    the document says four invocations and one record. Source: LocalStack's AWS test
    test_kinesis_report_batch_item_failures.
    """
    url = room.queue("lost")
    room.function(reports("6"))
    room.map(
        BatchSize=3,
        MaximumRetryAttempts=3,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
        **PARTIAL,
    )
    room.put(*"123456")
    room.cloud.advance(60)
    assert room.batches == [list("123"), list("456"), ["6"], ["6"], ["6"], ["6"]]
    (document,) = room.documents(url)
    assert document["requestContext"]["approximateInvokeCount"] == 4
    assert document["KinesisBatchInfo"]["batchSize"] == 1
    assert document["responseContext"]["functionError"] is None


@pytest.mark.parametrize(
    "response",
    [None, {}, "", {"batchItemFailures": []}, {"batchItemFailures": None}],
)
def test_responses_that_mean_success(room, response):
    """Source: services-kinesis-batchfailurereporting.html; LocalStack's AWS tests
    test_kinesis_report_batch_item_success_scenarios.
    """
    room.function(lambda event, texts: response)
    room.map(MaximumRetryAttempts=2, **PARTIAL)
    room.put("a")
    room.cloud.advance(10)
    assert room.batches == [["a"]]


@pytest.mark.parametrize(
    "failures",
    [
        [{"itemIdentifier": ""}],
        [{"itemIdentifier": None}],
        [{"itemIdentifier": "invalid"}],
        [{"id": "x"}],
        "raise",
    ],
)
def test_responses_that_mean_failure_of_the_whole_batch(room, failures):
    """An identifier that is empty, null or unknown, another key, an exception: all records come
    again, here three times in all. Source: as above, test_…failure_scenarios.
    """
    url = room.queue("lost")

    def code(event: Any, texts: list[str]) -> Any:
        if failures == "raise":
            raise ValueError
        return {"batchItemFailures": failures}

    room.function(code)
    room.map(
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": room.arn(url)}},
        **PARTIAL,
    )
    room.put("a", "b")
    room.cloud.advance(10)
    assert room.batches == [["a", "b"]] * 3
    (document,) = room.documents(url)
    assert document["KinesisBatchInfo"]["batchSize"] == 2
    expected = "Unhandled" if failures == "raise" else None
    assert document["responseContext"]["functionError"] == expected


def test_a_report_is_not_read_unless_the_mapping_says_so(room):
    room.function(reports("a"))
    room.map()
    room.put("a", "b")
    room.cloud.advance(10)
    assert room.batches == [["a", "b"]]


# Tumbling windows -------------------------------------------------------------------------------


def counting(events: list[dict[str, Any]]) -> Any:
    """Return a handler that adds up records in the window's state."""

    def answer(event: Any, texts: list[str]) -> Any:
        events.append({**event, "texts": texts})
        state = event["state"]
        return {"state": {"count": state.get("count", 0) + len(texts)}}

    return answer


def test_a_window_carries_its_state_to_the_final_invocation(room):
    """Each invocation gets the state that the last one returned; when the window is over, one more
    comes without records. Source: services-kinesis-windows.html.
    """
    events: list[dict[str, Any]] = []
    room.function(counting(events))
    room.map(TumblingWindowInSeconds=60, BatchSize=2)
    room.put("a", "b", "c")
    room.cloud.advance(70)
    room.put("d")
    room.cloud.advance(70)
    assert [event["texts"] for event in events] == [["a", "b"], ["c"], [], ["d"], []]
    assert [event["state"] for event in events] == [
        {}, {"count": 2}, {"count": 3}, {}, {"count": 1},
    ]  # fmt: skip
    assert [e["isFinalInvokeForWindow"] for e in events] == [False, False, True, False, True]
    assert not any(event["isWindowTerminatedEarly"] for event in events)
    assert events[0]["window"] == {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z"}
    assert events[4]["window"] == {"start": "2026-01-01T00:01:00Z", "end": "2026-01-01T00:02:00Z"}
    assert events[0]["shardId"] == "shardId-000000000000"
    assert events[0]["eventSourceARN"] == room.stream_arn
    assert list(events[0])[:7] == [
        "Records", "window", "state", "shardId", "eventSourceARN", "isFinalInvokeForWindow",
        "isWindowTerminatedEarly",
    ]  # fmt: skip


def test_a_response_without_a_state_is_a_failed_invocation(room):
    """Source: services-kinesis-windows.html."""
    room.function(lambda event, texts: {"state": {}} if len(room.seen) > 2 else {})
    room.map(TumblingWindowInSeconds=60)
    room.put("a")
    room.cloud.advance(10)
    assert room.batches == [["a"]] * 3


def test_a_window_ends_early_when_its_state_is_too_large(room):
    """More than 1 MB: the window is closed, and what follows begins a new state. Source: same."""
    events: list[dict[str, Any]] = []

    def answer(event: Any, texts: list[str]) -> Any:
        events.append(event)
        return {"state": {"text": event["state"].get("text", "") + "x" * 600_000}}

    room.function(answer)
    room.map(TumblingWindowInSeconds=900, BatchSize=1)
    room.put("a", "b", "c")
    room.cloud.advance(30)
    final = [(e["isFinalInvokeForWindow"], e["isWindowTerminatedEarly"]) for e in events]
    assert final == [(False, False), (False, False), (True, True), (False, False)]
    assert events[3]["state"] == {}


def test_a_final_invocation_that_fails_blocks_the_shard(room):
    """Source: same: Lambda suspends further processing until it succeeds."""

    def answer(event: Any, texts: list[str]) -> Any:
        if event["isFinalInvokeForWindow"] and sum(not b for b in room.batches) < 3:
            raise ValueError
        return {"state": {}}

    room.function(answer)
    room.map(TumblingWindowInSeconds=30)
    room.put("a")
    room.cloud.advance(31)
    room.put("b")
    room.cloud.advance(32)
    assert room.batches == [["a"], [], [], [], ["b"], []]


def test_a_window_and_a_report_go_together(room):
    """`TimeWindowEventResponse` holds both. Source: same."""

    def answer(event: Any, texts: list[str]) -> Any:
        failed = reports("c")(event, texts) if len(room.seen) == 1 else {"batchItemFailures": []}
        return {"state": {"seen": [*event["state"].get("seen", []), *texts]}, **failed}

    states: list[Any] = []
    room.function(lambda event, texts: (states.append(event["state"]), answer(event, texts))[1])
    room.map(TumblingWindowInSeconds=60, **PARTIAL)
    room.put(*"abcd")
    room.cloud.advance(10)
    assert room.batches == [list("abcd"), list("cd")]
    assert states[1] == {"seen": list("abcd")}  # the state is what the handler returned


# Where it begins --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "seen"),
    [
        ({"StartingPosition": "TRIM_HORIZON"}, ["a", "b", "c"]),
        ({"StartingPosition": "LATEST"}, ["c"]),
        (
            {
                "StartingPosition": "AT_TIMESTAMP",
                "StartingPositionTimestamp": datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC),
            },
            ["b", "c"],
        ),
    ],
)
def test_a_mapping_begins_where_it_is_told(room, start, seen):
    """Source: services-kinesis-parameters.html."""
    room.function()
    room.put("a")
    room.cloud.advance(60)
    room.put("b")
    room.cloud.advance(1)
    room.map(**start)
    room.put("c")
    room.cloud.advance(3)
    assert room.texts == seen


def test_with_latency_a_mapping_takes_minutes_to_begin():
    """So that LATEST can miss records. Source: services-kinesis-create.html; the two minutes are
    a labelled assumption.
    """
    room = Room(latency=True)
    room.function()
    room.map(StartingPosition="LATEST")
    room.put("missed")
    room.cloud.advance("3m")
    room.put("seen")
    room.cloud.advance(10)
    assert room.batches == [["seen"]]


def test_a_mapping_reads_parents_before_children(room):
    """A split in between changes no key's order. Source: Lambda developer guide, with-kinesis.html;
    Kinesis developer guide, kinesis-using-sdk-java-after-resharding.html.
    """
    room.function(lambda event, texts: room.cloud.sleep(1))
    room.map(BatchSize=2)
    room.put(*(f"before {n}" for n in range(20)))
    shard = room.kinesis.list_shards(StreamName="clicks")["Shards"][0]["ShardId"]
    room.kinesis.split_shard(
        StreamName="clicks", ShardToSplit=shard, NewStartingHashKey=str(2**127)
    )
    room.cloud.advance(1)
    while "UPDATING" in str(room.kinesis.describe_stream_summary(StreamName="clicks")):
        room.cloud.advance(1)
    room.put(*(f"after {n}" for n in range(4)))
    room.cloud.advance(60)
    texts = room.texts
    assert texts == [f"before {n}" for n in range(20)] + [f"after {n}" for n in range(4)]


def test_a_registered_consumer_is_pushed_to():
    """With a consumer's ARN records come as they are stored, without a poll. Source:
    with-kinesis.html, enhanced fan-out.
    """
    room = Room()
    arn = room.consumer()
    room.cloud.advance(60)
    room.function()
    uuid = room.map(source=arn)
    room.cloud.advance(10)
    sent = room.cloud.now
    room.put("a")
    room.cloud.advance(1)
    assert room.batches == [["a"]] and room.seen[0][0] - sent < 0.5
    assert room.lam.get_event_source_mapping(UUID=uuid)["EventSourceArn"] == arn


def test_a_consumer_that_is_being_registered_is_read_from_when_it_is_active(room):
    arn = room.consumer()
    room.function()
    room.map(source=arn)
    room.put("a")
    while "ACTIVE" not in str(room.kinesis.describe_stream_consumer(ConsumerARN=arn)):
        assert room.batches == []
        room.cloud.advance(1)
    room.cloud.advance(2)
    assert room.batches == [["a"]]


def test_two_mappings_of_one_consumer_are_refused(room):
    """Kinesis has one subscription for each consumer and shard; a later call ends the earlier one.
    Source: Kinesis API Reference, SubscribeToShard.
    """
    arn = room.consumer()
    for name in ("fn", "other"):
        room.function(name=name)
    room.map(source=arn)
    with refused("ResourceConflictException", "one subscription"):
        room.map("other", source=arn)
    with refused("ResourceConflictException", "already exists"):
        room.map(source=arn)
    room.map("other", source=room.consumer("second"))


# Changing and ending ----------------------------------------------------------------------------


def test_a_disabled_mapping_goes_on_where_it_stopped(room):
    """ "Pause invocation and resume later from the same location". Source: API Reference,
    UpdateEventSourceMapping.
    """
    room.function()
    uuid = room.map(StartingPosition="LATEST")
    room.put("a")
    room.cloud.advance(2)
    room.lam.update_event_source_mapping(UUID=uuid, Enabled=False)
    room.put("b")
    room.cloud.advance(60)
    assert room.batches == [["a"]]
    assert room.lam.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    room.lam.update_event_source_mapping(UUID=uuid, Enabled=True)
    room.cloud.advance(2)
    assert room.batches == [["a"], ["b"]]


def test_a_change_waits_for_the_batch_in_progress(room):
    """No record is in two hands: the changed mapping begins when the function has returned."""
    running: list[int] = [0, 0]

    def code(event: Any, texts: list[str]) -> None:
        running[0] += 1
        running[1] = max(running)
        room.cloud.sleep(5)
        running[0] -= 1

    room.function(code)
    uuid = room.map(BatchSize=1)
    room.put(*"abcd")
    room.cloud.advance(2)
    room.lam.update_event_source_mapping(UUID=uuid, BatchSize=2)
    room.lam.update_event_source_mapping(UUID=uuid, BatchSize=3)
    room.cloud.advance(60)
    assert room.batches == [["a"], ["b", "c", "d"]] and running == [0, 1]


def test_a_handler_may_change_the_mapping_that_invokes_it(room):
    uuids: list[str] = []

    def code(event: Any, texts: list[str]) -> None:
        if texts == ["a"]:
            room.lam.update_event_source_mapping(UUID=uuids[0], BatchSize=10)

    room.function(code)
    uuids.append(room.map(BatchSize=1))
    room.put(*"abc")
    room.cloud.advance(10)
    assert room.batches == [["a"], ["b", "c"]]


def test_a_batch_that_failed_before_a_change_comes_again_after_it(room):
    room.function(lambda event, texts: raises_at("a")(event, texts) if len(room.seen) < 4 else None)
    uuid = room.map(BatchSize=1)
    room.put("a", "b")
    room.cloud.advance(1.1)
    room.lam.update_event_source_mapping(UUID=uuid, ParallelizationFactor=2)
    room.cloud.advance(60)
    assert room.texts.count("b") == 1 and room.batches[-1] == ["b"]
    assert set(map(tuple, room.batches[:-1])) == {("a",)}


def test_a_change_during_the_last_batch_of_a_closed_shard(room):
    """Its children are read by the changed mapping alone, and once."""
    room.function(lambda event, texts: room.cloud.sleep(40))
    uuid = room.map()
    room.put("parent")
    room.cloud.advance(2)
    room.kinesis.split_shard(
        StreamName="clicks", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127)
    )
    room.cloud.advance(35)
    room.put("left", ExplicitHashKey="0")
    room.put("right", ExplicitHashKey=str(2**127))
    room.lam.update_event_source_mapping(UUID=uuid, BatchSize=10)
    room.cloud.advance("5m")
    assert room.batches[0] == ["parent"]
    assert sorted(room.batches[1:]) == [["left"], ["right"]]
    assert [life.facts for life in room.cloud.history()] == [["taken", "completed"]] * 3


def test_a_change_when_one_of_two_merged_shards_is_finished():
    """What was finished before the change counts: the child begins after the other parent."""
    room = Room(shards=2)

    def code(event: Any, texts: list[str]) -> None:
        if texts == ["slow"] and room.batches.count(texts) == 1:
            room.cloud.sleep(50)
            raise ValueError

    room.function(code)
    uuid = room.map()
    room.put("quick", ExplicitHashKey="0")
    room.put("slow", ExplicitHashKey=str(2**127))
    room.cloud.advance(2)
    room.kinesis.merge_shards(
        StreamName="clicks",
        ShardToMerge="shardId-000000000000",
        AdjacentShardToMerge="shardId-000000000001",
    )
    room.cloud.advance(35)
    room.put("child")
    room.lam.update_event_source_mapping(UUID=uuid, BatchSize=10)
    room.cloud.advance("5m")
    assert sorted(room.batches[:2]) == [["quick"], ["slow"]]
    assert room.batches[2:] == [["slow"], ["child"]]


def test_a_deleted_mapping_reads_no_more(room):
    room.function()
    uuid = room.map()
    room.put("a")
    room.cloud.advance(2)
    assert room.lam.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    room.put("b")
    room.cloud.advance(10)
    assert room.batches == [["a"]]
    room.map()  # the pair is free again
    room.cloud.advance(2)
    assert room.batches == [["a"], ["a", "b"]]


def test_what_a_mapping_has_processed_can_still_be_read(room):
    """Reading takes nothing away; records stay for the retention period. Source: key-concepts."""
    room.function()
    room.map()
    room.put("a")
    room.cloud.advance(5)
    iterator = room.kinesis.get_shard_iterator(
        StreamName="clicks", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = room.kinesis.get_records(ShardIterator=iterator)["Records"]
    assert [record["Data"] for record in records] == [b"a"]


def test_two_functions_read_the_same_stream_each_for_itself(room):
    room.function()
    room.function(raises_at("a"), name="other")
    room.map(BatchSize=1)
    room.map("other", BatchSize=1)
    room.put("a", "b")
    room.cloud.advance(60)
    assert room.texts.count("b") == 1 and room.texts.count("a") > 2


def test_a_deleted_stream_gives_nothing_more(room):
    room.function()
    room.map()
    room.put("a")
    room.cloud.advance(2)
    room.put("b")
    room.kinesis.delete_stream(StreamName="clicks")
    room.cloud.advance(10)
    assert room.batches == [["a"]]


def test_a_deleted_function_holds_its_records_back(room):
    """A mapping stays when its function is deleted, tries again and again as after a throttle, and
    invokes what has the name later: DeleteFunction leaves mappings alone, and they go by the ARN.
    Source: API Reference, DeleteFunction, DeleteEventSourceMapping.
    """
    room.function()
    room.map(MaximumRetryAttempts=0)
    room.lam.delete_function(FunctionName="fn")
    room.put("a")
    room.cloud.advance(30)
    assert room.batches == []
    room.function()
    room.cloud.advance(60)
    assert room.batches == [["a"]]


# What AWS shows and refuses ---------------------------------------------------------------------


def test_the_answer_shows_what_aws_shows(room):
    """Members and defaults. Source: LocalStack's snapshot of AWS (2024-10-12)."""
    room.function()
    answer = room.lam.create_event_source_mapping(
        EventSourceArn=room.stream_arn, FunctionName="fn", StartingPosition="LATEST"
    )
    uuid = answer.pop("UUID")
    assert answer.pop("EventSourceMappingArn").endswith(uuid)
    assert answer.pop("FunctionArn").endswith(":function:fn")
    answer.pop("LastModified")
    answer.pop("ResponseMetadata")
    assert answer == {
        "BatchSize": 100,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {}},
        "EventSourceArn": room.stream_arn,
        "FunctionResponseTypes": [],
        "LastProcessingResult": "No records processed",
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "StartingPosition": "LATEST",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "TumblingWindowInSeconds": 0,
    }


def test_the_last_result_is_shown(room):
    room.function(raises_at("bad"))
    uuid = room.map(MaximumRetryAttempts=0)

    def result() -> str:
        return room.lam.get_event_source_mapping(UUID=uuid)["LastProcessingResult"]

    assert result() == "No records processed"
    room.put("good")
    room.cloud.advance(2)
    assert result() == "OK"
    room.put("bad")
    room.cloud.advance(2)
    assert result() == "PROBLEM: Function call failed"


def test_mappings_are_listed_by_source_and_function(room):
    url = room.queue(VisibilityTimeout="90")
    room.function()
    stream, queue = room.map(), None
    queue = room.lam.create_event_source_mapping(EventSourceArn=room.arn(url), FunctionName="fn")

    def listed(**by: Any) -> list[str]:
        found = room.lam.list_event_source_mappings(**by)["EventSourceMappings"]
        return [each["UUID"] for each in found]

    assert listed() == listed(FunctionName="fn") == [stream, queue["UUID"]]
    assert listed(EventSourceArn=room.stream_arn) == [stream]
    assert listed(EventSourceArn=room.arn(url)) == [queue["UUID"]]


NOWHERE = "arn:aws:kinesis:us-east-1:123456789012:stream/nobody"


@pytest.mark.parametrize(
    ("wrong", "code", "text"),
    [
        ({"StartingPosition": None}, INVALID, "StartingPosition"),
        ({"StartingPosition": "SOMEWHERE"}, INVALID, "SOMEWHERE"),
        ({"StartingPosition": "AT_TIMESTAMP"}, INVALID, "StartingPositionTimestamp"),
        (
            {
                "StartingPosition": "AT_TIMESTAMP",
                "StartingPositionTimestamp": datetime(2026, 1, 2, tzinfo=UTC),
            },
            INVALID,
            "future",
        ),
        ({"StartingPositionTimestamp": 1}, INVALID, "go together"),
        ({"BatchSize": 0}, INVALID, "BatchSize"),
        ({"BatchSize": 10_001}, INVALID, "BatchSize"),
        ({"MaximumBatchingWindowInSeconds": 301}, INVALID, "MaximumBatchingWindowInSeconds"),
        ({"ParallelizationFactor": 0}, INVALID, "ParallelizationFactor"),
        ({"ParallelizationFactor": 11}, INVALID, "ParallelizationFactor"),
        ({"MaximumRetryAttempts": -2}, INVALID, "MaximumRetryAttempts"),
        ({"MaximumRetryAttempts": 10_001}, INVALID, "MaximumRetryAttempts"),
        ({"MaximumRecordAgeInSeconds": 59}, INVALID, "MaximumRecordAgeInSeconds"),
        ({"MaximumRecordAgeInSeconds": 604_801}, INVALID, "MaximumRecordAgeInSeconds"),
        ({"TumblingWindowInSeconds": 901}, INVALID, "TumblingWindowInSeconds"),
        ({"FunctionResponseTypes": ["Everything"]}, INVALID, "Everything"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "simple"}]}}, INVALID, ""),
        ({"ScalingConfig": {"MaximumConcurrency": 5}}, INVALID, "ScalingConfig"),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 2}}, INVALID, "ProvisionedPollerConfig"),
        ({"DestinationConfig": {"OnSuccess": {"Destination": "x"}}}, INVALID, "OnSuccess"),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::bucket"}}},
            INVALID,
            "no queue and no topic",
        ),
        (
            {
                "DestinationConfig": {
                    "OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:nobody"}
                }
            },
            INVALID,
            "does not exist",
        ),
        ({"EventSourceArn": NOWHERE}, INVALID, f"Stream not found: {NOWHERE}"),
        ({"FunctionName": "nobody"}, "ResourceNotFoundException", "nobody"),
        ({"FunctionName": "mapped"}, "ResourceConflictException", "provided mapping already"),
    ],
)
def test_mappings_that_aws_refuses(room, wrong, code, text):
    """Ranges, positions and pairs. Source: API Reference, CreateEventSourceMapping; the texts for
    unknown streams and second mappings as in LocalStack's AWS tests.
    """
    for name in ("fn", "mapped"):
        room.function(name=name)
    room.map("mapped")
    given = {
        "EventSourceArn": room.stream_arn,
        "FunctionName": "fn",
        "StartingPosition": "TRIM_HORIZON",
        **wrong,
    }
    with refused(code, text):
        room.lam.create_event_source_mapping(
            **{name: value for name, value in given.items() if value is not None}
        )


def test_a_queue_takes_none_of_it(room):
    room.queue(VisibilityTimeout="90")
    room.function()
    for wrong in ({"StartingPosition": "LATEST"}, {"ParallelizationFactor": 2}):
        with refused(INVALID, next(iter(wrong))):
            room.lam.create_event_source_mapping(
                EventSourceArn="orders", FunctionName="fn", **wrong
            )


# Whatever happens -------------------------------------------------------------------------------


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 3), st.integers(1, 4)),
        st.tuples(st.just("advance"), st.integers(1, 40), st.just(0)),
        st.tuples(st.just("size"), st.integers(1, 5), st.integers(1, 3)),
        st.tuples(st.just("enable"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("split"), st.just(0), st.just(0)),
    ),
    max_size=14,
)


@pytest.mark.parametrize("pushed", [False, True])
@settings(max_examples=25, deadline=None)
@given(steps=STEPS, seed=st.integers(1, 5))
def test_no_record_is_lost_and_no_key_overtaken_whatever_is_changed(pushed, steps, seed):
    """At least once, in the order of each key at the first time: puts, changes of size and
    parallelism, pauses, splits, and a handler that fails every third time. Source: with-kinesis.
    """
    room = Room(seed=seed)
    first: dict[str, list[int]] = {}
    sent: dict[str, int] = {}
    done: set[str] = set()

    def code(event: Any, texts: list[str]) -> None:
        room.cloud.sleep(0.3)
        if len(room.seen) % 3 == 0:
            raise ValueError
        for text in texts:
            if text not in done:
                done.add(text)
                key, _, number = text.partition("/")
                first.setdefault(key, []).append(int(number))

    room.function(code)
    uuid = room.map(source=room.consumer() if pushed else None)
    for what, a, b in steps:
        if what == "put":
            for _ in range(b):
                key = str(a)
                room.put(f"{key}/{sent.get(key, 0)}", key=key)
                sent[key] = sent.get(key, 0) + 1
        elif what == "advance":
            room.cloud.advance(a / 10)
        elif what == "size":
            room.lam.update_event_source_mapping(UUID=uuid, BatchSize=a, ParallelizationFactor=b)
        elif what == "enable":
            room.lam.update_event_source_mapping(UUID=uuid, Enabled=bool(a))
        elif len(room.kinesis.list_shards(StreamName="clicks")["Shards"]) == 1:
            room.kinesis.split_shard(
                StreamName="clicks",
                ShardToSplit="shardId-000000000000",
                NewStartingHashKey=str(2**127),
            )
            room.cloud.advance(31)
    room.lam.update_event_source_mapping(UUID=uuid, Enabled=True)
    room.cloud.advance("5m")
    assert first == {key: list(range(count)) for key, count in sent.items()}


def test_the_same_seed_gives_the_same_story():
    def story() -> list[Any]:
        room = Room(seed=7, shards=3)
        room.function(lambda event, texts: room.cloud.sleep(0.1 * len(texts)))
        room.map(ParallelizationFactor=2)
        for number in range(40):
            room.put(f"{number}", key=str(number % 7))
            room.cloud.advance(0.1)
        room.cloud.advance(20)
        return [room.seen, [str(life) for life in room.cloud.history()]]

    assert story() == story()
