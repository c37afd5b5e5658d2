"""Bills of streams, delivery streams and what is provisioned, worked by hand from price pages."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest

from msgsim.experiment.run import drive, prepare
from msgsim.scenario.load import load_text

GIB = 2**30


def bill(text: str, duration: str = "10m", *observers: object, seed: int = 1) -> dict:
    head = f"msgsim: 1\nquestion: What does it cost?\nseed: {seed}\nduration: {duration}\n"
    one = prepare(load_text(head + text), observers=observers)  # type: ignore[arg-type]
    drive(one)
    return one.observers.cost.to_json()


def units(cost: dict, component: str) -> dict[str, float]:
    return {line["request"]: line["units"] for line in cost["components"][component]["lines"]}


ON_DEMAND = """
workload:
  - {to: S, rate: 1000/s, keys: {round_robin: 3000}, size: 3KiB}
resources:
  S: {type: kinesis.stream}
  Reader: {type: kinesis.consumer, StreamARN: S, poll: 200ms, handler: {time: 0s}}
"""


def test_a_thousand_records_a_second_on_demand_cost_931_45_a_month():
    """$0.04 x 730 h + 1,000/s x 3 KiB x 2,628,000 s = 7,518.8 GiB x ($0.08 in + $0.04 out).

    AWS's price list of July 2024; what was written last has not been read at the end of the run.
    """
    cost = bill(ON_DEMAND, "50s")
    lines = {line["request"]: line for line in cost["components"]["S"]["lines"]}
    assert set(lines) == {"stream hours", "GB in", "GB out"}
    assert lines["stream hours"]["per_month_usd"] == pytest.approx(29.20)
    assert lines["GB in"]["per_month_units"] == pytest.approx(7_518.8, rel=1e-4)
    assert lines["GB in"]["per_month_usd"] == pytest.approx(601.50, rel=1e-4)
    assert lines["GB out"]["per_month_usd"] == pytest.approx(300.75, rel=0.01)
    assert cost["per_month_usd"] == pytest.approx(931.45, rel=0.005)
    assert "Reader" not in cost["components"], "a consumer that polls costs nothing itself"


@pytest.mark.parametrize(("size", "step"), [("100B", 1), ("1KiB", 1), ("1025B", 2), ("9KiB", 9)])
def test_records_of_on_demand_streams_are_rounded_up_to_whole_kib(size, step):
    cost = bill(ON_DEMAND.replace("3KiB", size).replace("1000/s", "10/s"), "10s")
    assert units(cost, "S")["GB in"] * GIB == pytest.approx(100 * step * 1_024, rel=0.02)


@pytest.mark.parametrize(
    ("retention_h", "extra"),
    [
        (24, 0),
        # 3,000 KiB/s for six days more than the one included: 1,483.2 GiB stored
        (168, 0.10 * 3_000 * 1_024 * 6 * 86_400 / GIB),
        (192, (0.10 * 6 + 0.023) * 3_000 * 1_024 * 86_400 / GIB),
    ],
)
def test_longer_retention_of_on_demand_streams_costs_by_the_gb_month(retention_h, extra):
    text = ON_DEMAND.replace(
        "kinesis.stream}", f"kinesis.stream, RetentionPeriodHours: {retention_h}}}"
    )
    cost = bill(text, "10s")
    kept = [x for x in cost["components"]["S"]["lines"] if "retention" in x["request"]]
    assert sum(line["per_month_usd"] for line in kept) == pytest.approx(extra, rel=1e-3)


KPL = """
workload:
  - {to: S, rate: 1000/s, size: 100B, keys: {hot: 100%}, until: 9s,
     kpl: {RecordMaxBufferedTime: 1s, AggregationMaxCount: 100}}
resources:
  S: {type: kinesis.stream, ShardCount: 1}
"""


def test_messages_that_the_kpl_aggregates_are_one_record_of_the_bill():
    """9,000 messages of 100 B, a hundred to a record of some 11 KB: 90 units, not 9,000.

    Source: Kinesis Producer Library, key concepts: aggregation saves PUT payload units.
    """
    found = units(bill(KPL, "20s"), "S")
    assert found["PUT payload units"] == pytest.approx(90, abs=2)


OLD = """
workload:
  - {to: S, arrivals: {burst: 5, every: 2d}, count: 10, batch: 5, batch_wait: 0s, keys: 1,
     size: 1MiB}
resources:
  S: {type: kinesis.stream, ShardCount: 1, RetentionPeriodHours: 480, MaxRecordSizeInKiB: 10240}
  Late: {type: kinesis.consumer, StreamARN: S, from: FROM, handler: {time: 0s}, READS}
"""


@pytest.mark.parametrize(
    ("start", "reads", "messages"),
    [("8d", "poll: 10s", 5), ("6d", "poll: 10s", 0), ("8d", "ConsumerName: late", 0)],
)
def test_reading_what_is_older_than_seven_days_costs_by_the_gb(start, reads, messages):
    """Five records of 1 MiB come at once, five after two days; a consumer that begins after eight
    reads the first five at an age of eight days, the others at six: 5/1,024 GB x $0.021.

    With enhanced fan-out there is no such charge. Source: Kinesis Data Streams pricing, long-term
    data retrieval.
    """
    cost = bill(OLD.replace("FROM", start).replace("READS", reads), "9d")
    lines = {line["request"]: line for line in cost["components"]["S"]["lines"]}
    assert lines["PUT payload units"]["units"] == 10 * 41
    late = lines.get("GB read after seven days", {"units": 0, "usd": 0})
    assert late["units"] == pytest.approx(messages / 1_024, rel=1e-4)
    assert late["usd"] == pytest.approx(messages / 1_024 * 0.021, rel=1e-4)


FAN_OUT = """
workload:
  - {to: S, rate: 10/s, keys: 100, size: 1KiB, until: 59m}
resources:
  S: {type: kinesis.stream, ShardCount: 2}
  App: {type: kinesis.consumer, StreamARN: S, ConsumerName: app, handler: {time: 1ms}}
  Fast: {type: kinesis.stream_consumer, StreamARN: S, ConsumerName: fast}
  Fn: {type: lambda.function, handler: {time: 1ms}}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Fast, FunctionName: Fn,
        StartingPosition: TRIM_HORIZON}
"""


@pytest.mark.parametrize("consumer", ["App", "Fast"])
def test_a_registered_consumer_is_paid_by_the_shard_and_hour_and_by_the_gb(consumer):
    """One hour, two shards: 2 x $0.015; 35,400 records of 1 KiB = 0.0338 GiB x $0.013."""
    cost = bill(FAN_OUT, "1h")
    found = units(cost, consumer)
    assert found["consumer-shard hours"] == pytest.approx(2)
    assert found["GB by enhanced fan-out"] == pytest.approx(35_400 / 2**20)
    expected = 2 * 0.015 + 35_400 / 2**20 * 0.013
    assert cost["components"][consumer]["usd"] == pytest.approx(expected)
    assert cost["components"]["S"]["usd"] == pytest.approx(2 * 0.015 + 35_400 * 0.014e-6)


def test_a_split_adds_the_hours_of_one_shard():
    """Two shards for an hour; one of them split at 30 minutes: half an hour more."""
    text = FAN_OUT + "actions:\n  - {at: 30m, split: S, shard: 0}\n"
    text += "assumptions: {kinesis.stream: {reshard_time: 1s}}\n"
    found = units(bill(text, "1h"), "Fast")
    assert found["consumer-shard hours"] == pytest.approx(2.5, rel=1e-3)


def test_of_an_on_demand_stream_the_gb_alone_are_paid():
    """35,400 records of 1 KiB = 0.0338 GiB x $0.05."""
    cost = bill(FAN_OUT.replace(", ShardCount: 2", ""), "1h")
    assert set(units(cost, "Fast")) == {"GB by enhanced fan-out"}
    assert cost["components"]["Fast"]["usd"] == pytest.approx(35_400 / 2**20 * 0.05)


FIREHOSE = """
workload:
  - {to: F, rate: 100/s, size: 3KiB}
resources:
  F: {type: firehose.delivery_stream, ExtendedS3DestinationConfiguration: {
        BufferingHints: {SizeInMBs: 5, IntervalInSeconds: 60}}}
"""


def test_a_hundred_records_of_3_kb_a_second_are_1235_96_gb_in_30_days():
    """Each is billed as 5 KB: 100 x 5 KB / 1,048,576 KB x 2,592,000 s = 1,235.96 GB, $35.84.

    The example of https://aws.amazon.com/firehose/pricing/, with 30 days; here a month has 730 h.
    """
    cost = bill(FIREHOSE, "10s")
    (line,) = cost["components"]["F"]["lines"]
    assert line["per_month_units"] * 720 / 730 == pytest.approx(1_235.96, rel=1e-5)
    assert line["per_month_usd"] * 720 / 730 == pytest.approx(35.84, rel=1e-3)
    assert not line["standing"]


def test_what_sns_hands_to_firehose_is_paid_at_both():
    """50 deliveries x $0.19 per million; 50 envelopes of 1.2 KB, each billed as 5 KB.

    Sources: https://aws.amazon.com/sns/pricing/, https://aws.amazon.com/firehose/pricing/.
    """
    text = FIREHOSE.replace(
        "to: F, rate: 100/s, size: 3KiB", "to: T, rate: 1/s, count: 50, size: 300B"
    )
    text += """\
  T: {type: sns.topic}
  ToF: {type: sns.subscription, TopicArn: T, Protocol: firehose, Endpoint: F}
assumptions: {sns.subscription: {duplicate_probability: 0}}
"""
    cost = bill(text)
    assert cost["components"]["ToF"]["usd"] == pytest.approx(50 * 0.19e-6)
    assert units(cost, "F")["GB ingested"] == pytest.approx(50 * 5_120 / GIB)


PROVISIONED = """
workload:
  - {to: Q, rate: 1/s, count: 100}
resources:
  Q: {type: sqs.queue}
  Fn:
    type: lambda.function
    MemorySize: 512
    handler: {time: 100.2ms}
    ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 10}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Q, FunctionName: Fn, BatchSize: 1}
"""


def test_provisioned_concurrency_is_paid_for_time_and_makes_durations_cheaper():
    """10 x 0.5 GB x 600 s x $0.0000041667 = $0.0125; 100 x 101 ms x 0.5 GB x $0.0000097222;
    100 requests x $0.20 per million. No cold start. Source: https://aws.amazon.com/lambda/pricing/.
    """
    cost = bill(PROVISIONED)
    found = units(cost, "Fn")
    assert found["GB-seconds of provisioned concurrency"] == pytest.approx(10 * 0.5 * 600)
    assert found["GB-seconds in provisioned environments"] == pytest.approx(100 * 0.101 * 0.5)
    assert "GB-seconds" not in found
    assert "GB-seconds of initialisation" not in found
    expected = 3_000 * 0.0000041667 + 5.05 * 0.0000097222 + 100 * 0.20e-6
    assert cost["components"]["Fn"]["usd"] == pytest.approx(expected)
    standing = 3_000 * 0.0000041667
    assert cost["components"]["Fn"]["idle_share"] == pytest.approx(standing / expected)


def test_it_is_paid_from_the_moment_it_is_asked_for():
    """Of ten minutes the last eight: 10 x 0.5 GB x 480 s."""
    text = PROVISIONED.replace("    handler", "    provisioned_from: 2m\n    handler")
    found = units(bill(text), "Fn")
    assert found["GB-seconds of provisioned concurrency"] == pytest.approx(10 * 0.5 * 480)


POLLERS = PROVISIONED.replace("count: 100", "count: 1").replace(
    "BatchSize: 1", "ProvisionedPollerConfig: {MinimumPollers: 3}"
)


def test_event_pollers_are_paid_by_the_hour():
    """3 x 730 h x $0.00925 = $20.26 a month, whether or not a message comes."""
    cost = bill(POLLERS)
    (line,) = cost["components"]["Map"]["lines"]
    assert line["units"] == pytest.approx(3 / 6)
    assert line["per_month_usd"] == pytest.approx(20.2575)
    assert line["standing"]


class Log:
    """An observer that keeps what the bills below are made of."""

    def __init__(self) -> None:
        self.bytes: Counter[str] = Counter()
        self.steps: Counter[str] = Counter()

    def listener(self, component, signal):
        if signal.name == "ended" and component.kind == "lambda.function":
            return lambda now, ns, status: self._add("ms", ceil(ns / 1e6), 1)
        if component.name == "S" and signal.name == "stored":
            return lambda now, shard, message: self._add("in", message.size_bytes, 1_024)
        if component.name == "S" and signal.name == "requested":
            return lambda now, action, items, code: [
                self._add("out", record.message.size_bytes, 1)
                for record in items
                if action == "GetRecords"
            ]
        if component.name == "Fast" and signal.name == "pushed":
            return lambda now, shard, count, size: self._add("pushed", size, 1)
        if component.name == "F" and signal.name == "ingested":
            return lambda now, copy: self._add("ingested", copy.message.size_bytes, 5_120)
        return None

    def _add(self, what: str, size: int, step: int) -> None:
        self.bytes[what] += size
        self.steps[what] += ceil(size / step) * step


MIXED = """
workload:
  - {to: S, arrivals: {poisson: 40/s}, keys: 60, size: {dist: uniform, low: 1B, high: 60KiB}}
resources:
  S: {type: kinesis.stream}
  Fast: {type: kinesis.stream_consumer, StreamARN: S, ConsumerName: fast}
  Fn:
    type: lambda.function
    MemorySize: 256
    Timeout: 5
    handler: {time: {dist: exponential, mean: 150ms}, fails: 1%}
    ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Fast, FunctionName: Fn,
        StartingPosition: TRIM_HORIZON, ParallelizationFactor: 3, MaximumRetryAttempts: 2}
  F: {type: firehose.delivery_stream, DeliveryStreamType: KinesisStreamAsSource,
      KinesisStreamSourceConfiguration: {KinesisStreamARN: S},
      ExtendedS3DestinationConfiguration: {}}
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_cost_is_the_bill_of_the_log_whatever_happens(seed):
    """Bytes and milliseconds priced by this test's own arithmetic: the same to 1e-12.

    Invocations that spill over run in environments on demand: both sorts together are the log's.
    """
    log = Log()
    cost = bill(MIXED, "2m", log, seed=seed)
    stream, function = units(cost, "S"), units(cost, "Fn")
    assert stream["GB in"] == pytest.approx(log.steps["in"] / GIB, rel=1e-12)
    assert stream["GB out"] == pytest.approx(log.bytes["out"] / GIB, rel=1e-12)
    pushed = units(cost, "Fast")["GB by enhanced fan-out"]
    assert pushed == pytest.approx(log.bytes["pushed"] / GIB, rel=1e-12)
    taken = units(cost, "F")["GB ingested"]
    assert taken == pytest.approx(log.steps["ingested"] / GIB, rel=1e-12)
    worked = function["GB-seconds"] + function["GB-seconds in provisioned environments"]
    assert worked == pytest.approx(log.bytes["ms"] / 1_000 * 0.25, rel=1e-12)
    assert min(log.bytes.values()) > 0
