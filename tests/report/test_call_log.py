"""The API call log: CloudTrail's shape, every call once, and a bill that adds up."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import msgsim
from msgsim.bundled import scenario_path
from msgsim.experiment.retell import Told, interesting
from msgsim.observe.trace import chosen
from msgsim.report.traces import write_trace
from msgsim.scenario.load import variants_of

REQUIRED = {
    "eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion",
    "sourceIPAddress", "userAgent", "requestParameters", "responseElements", "requestID",
    "eventID", "readOnly", "eventType", "recipientAccountId",
}  # fmt: skip
UNIT = 64 * 1024


def told(name: str, *overrides: str) -> Told:
    return Told(next(iter(variants_of(msgsim.load(scenario_path(name), overrides)).values())))


def log_of(path: Path, one: Told, choice=None) -> tuple[list[dict], dict]:
    run = write_trace(path, one, "cloudtrail", choice)
    return json.loads(path.read_text("utf-8"))["Records"], run.observers.to_json()


def place(record: dict) -> str:
    parameters = record["requestParameters"]
    known = (parameters.get(name) for name in ("queueUrl", "topicArn", "streamName"))
    return next(text for text in known if text).replace(":", "/").rsplit("/", 1)[-1]


def units(record: dict) -> int:
    """Every 64 KB of a payload is a request, and an empty call is one (SQS and SNS pricing)."""
    extra = record["additionalEventData"]
    size = extra.get("bytesTransferredIn", extra.get("bytesTransferredOut", 0))
    return max(1, -(-size // UNIT))


@pytest.mark.parametrize("name", ["fanout", "poison_message"])
def test_the_bill_worked_out_from_the_log_is_the_cost_observers(name, tmp_path):
    records, plain = log_of(tmp_path / "log.json", told(name, "duration=90s"))
    billed: Counter[tuple[str, str]] = Counter()
    for record in records:
        assert "errorCode" not in record
        action = record["eventName"]
        empty = action == "ReceiveMessage" and not record["additionalEventData"]["messages"]
        billed[place(record), f"{action} (empty)" if empty else action] += units(record)
    kinds = ("sqs.queue", "sns.topic")
    components = msgsim.scenario.build.build(told(name).scenario).components
    known = {
        (component, line["request"]): line["units"]
        for component, bill in plain["cost"]["components"].items()
        if components[component].kind in kinds
        for line in bill["lines"]
        if "surcharge" not in line["request"]
    }
    assert len(known) >= 2
    assert dict(billed) == known


def test_a_record_has_the_fields_of_a_data_event(tmp_path):
    records, _ = log_of(tmp_path / "log.json", told("fanout", "duration=20s"))
    sources = {"sqs.amazonaws.com", "sns.amazonaws.com"}
    assert {record["eventSource"] for record in records} == sources
    assert all(set(record) >= REQUIRED for record in records)
    assert all(record["eventType"] == "AwsApiCall" for record in records)
    assert len({record["eventID"] for record in records}) == len(records)
    times = [record["eventTime"] for record in records]
    assert times == sorted(times)
    assert times[0] >= "2026-01-01T00:00:00Z"
    first = next(record for record in records if record["eventName"] == "Publish")
    assert first["requestParameters"]["topicArn"] == "arn:aws:sns:us-east-1:123456789012:Orders"
    assert first["resources"][0]["type"] == "AWS::SNS::Topic"
    assert first["additionalEventData"]["messages"] == ["Shop#1"]


def test_refused_calls_say_why_and_streams_have_their_names(tmp_path):
    """One shard takes 1,000 records a second; the rest of 2,000 is refused, record by record."""
    text = """
duration: 2s
resources:
  S: {type: kinesis.stream, ShardCount: 1}
  C: {type: kinesis.consumer, StreamARN: S, handler: {time: 1ms}}
workload:
  - {to: S, rate: 2000/s, keys: 5, batch: 1}
"""
    records, plain = log_of(tmp_path / "log.json", Told(msgsim.load_text(text)))
    puts = [record for record in records if record["eventName"] == "PutRecord"]
    refused = [record for record in puts if "errorCode" in record]
    assert {record["errorCode"] for record in refused} == {"ProvisionedThroughputExceededException"}
    seen = plain["streams"]["streams"]["S"]["by_shard"]["0"]
    assert (len(puts) - len(refused), len(refused)) == (seen["stored"], seen["throttled"])
    assert puts[0]["requestParameters"]["streamName"] == "S"
    assert puts[0]["requestParameters"]["partitionKey"].startswith("key-")


def test_a_choice_keeps_the_calls_about_its_messages(tmp_path):
    """The slowest messages alone: far fewer calls, each about one of them."""
    one = told("fanout", "duration=20s")
    numbers = [number for number, _, _ in interesting(one, 3).ranked("slowest")]
    few, _ = log_of(tmp_path / "few.json", one, chosen(numbers))
    every, _ = log_of(tmp_path / "all.json", one)
    assert 0 < len(few) < len(every) / 10
    published = [record for record in few if record["eventName"] == "Publish"]
    assert 1 <= len(published) <= 3


def test_a_send_to_a_fifo_queue_names_its_group(tmp_path):
    fifo = variants_of(msgsim.load(scenario_path("standard_vs_fifo"), ("duration=5s",)))["fifo"]
    records, _ = log_of(tmp_path / "log.json", Told(fifo))
    sends = [
        record["requestParameters"] for record in records if record["eventName"].startswith("Send")
    ]
    assert sends
    assert all("messageGroupId" in str(parameters) for parameters in sends)
