"""What each service bills, against bills worked by hand from the price pages."""

from __future__ import annotations

from collections import Counter
from math import ceil

import pytest

import msgsim
from msgsim.experiment.run import Run, drive, prepare
from msgsim.kernel.signals import Signal
from msgsim.model.billing import Prices
from msgsim.services import discover
from msgsim.services.kinesis.billing import StreamMeter

RULES = """
duration: 10m
question: What does it cost?
assumptions:
  sqs.queue: {missed_delete_share: 0}
"""
SURCHARGE_ALL = """
duration: 10m
assumptions: {sqs.queue: {fair_surcharged: requests}}
"""


class CallLog:
    """An observer that keeps every API call and every end of an invocation."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, list[int], str | None]] = []
        self.durations: list[int] = []

    def listener(self, component, signal):
        if signal.name == "requested":

            def requested(now, action, items, code):
                sizes = [getattr(item, "message", item).size_bytes for item in items]
                self.calls.append((component.name, action, sizes, code))

            return requested
        if signal.name == "ended" and component.kind == "lambda.function":
            return lambda now, duration_ns, status: self.durations.append(duration_ns)
        return None


def run(text: str, **changes: str) -> tuple[Run, dict]:
    scenario = msgsim.load_text(RULES + text)
    for path, value in changes.items():
        scenario = scenario.replace(path.replace("__", "."), value)
    one = prepare(scenario)
    drive(one)
    return one, one.observers.cost.to_json()


def units(cost: dict, component: str) -> dict[str, float]:
    return {line["request"]: line["units"] for line in cost["components"][component]["lines"]}


FLEET = """
workload:
  - {to: Q, rate: 1/s, count: 100, size: %s, keys: 3}
resources:
  Q: {type: sqs.queue}
  Workers: {type: worker.fleet, queue: Q, workers: 1, WaitTimeSeconds: 20, handler: {time: 10ms}}
"""


def test_a_message_of_150_kib_is_three_requests_to_send_and_three_to_receive():
    """Each 64 KB of payload is a request (https://aws.amazon.com/sqs/pricing/); a delete is one.

    100 x (3 + 3 + 1) x $0.40 per million = $0.00028.
    """
    _, cost = run(FLEET % "150KiB")
    found = units(cost, "Q")
    assert found["SendMessage"] == 300
    assert found["ReceiveMessage"] == 300
    assert found["DeleteMessage"] == 100
    lines = cost["components"]["Q"]["lines"]
    paid = sum(line["usd"] for line in lines if not line["standing"])
    assert paid == pytest.approx(700 * 0.40 / 1e6)


@pytest.mark.parametrize("calls", ["", ", receive_time: 0s, delete_time: 0s"])
@pytest.mark.parametrize("entry", ["Q", "T"])
@pytest.mark.parametrize("observed", [True, False])
def test_every_way_through_a_queue_announces_its_calls(calls, entry, observed):
    """Whichever short cut a message takes, a receive and a delete are one request each.

    The effects (copies received, deleted; empty answers) are counted by another observer.
    """
    text = (FLEET % "1KiB").replace("to: Q, rate: 1/s", f"to: {entry}, rate: 20/s")
    text = text.replace("handler:", f"{calls[2:]}, handler:" if calls else "handler:")
    text += "  T: {type: sns.topic, Subscription: [{Protocol: sqs, Endpoint: Q}]}\n"
    log = CallLog()
    one = prepare(msgsim.load_text(RULES + text), observers=[log] if observed else [])
    drive(one)
    found = units(one.observers.cost.to_json(), "Q")
    counts = one.observers.queues.to_json()["Q"]["counts"]
    assert found.get("SendMessage", 0) == (100 if entry == "Q" else 0)
    assert found["ReceiveMessage"] == counts["received"]
    assert found["ReceiveMessage (empty)"] == counts["empty_receives"]
    assert found["DeleteMessage"] == counts["deleted"]
    assert counts["deleted"] >= 100
    if observed:
        actions = Counter(action for name, action, _, _ in log.calls if name == "Q")
        assert actions["DeleteMessage"] == counts["deleted"]


def test_a_fifo_queue_costs_a_quarter_more_a_request():
    """$0.50 against $0.40 per million, the same calls."""
    _, standard = run(FLEET % "1KiB")
    _, fifo = run(FLEET % "1KiB", Q__FifoQueue="true")
    assert units(standard, "Q") == units(fifo, "Q")
    assert fifo["usd"] / standard["usd"] == pytest.approx(1.25)


def test_groups_on_a_standard_queue_carry_the_surcharge_of_fair_queues():
    """$0.10 per million on top, here for the 100 sends: the assumption `fair_surcharged`."""
    text = (FLEET % "1KiB").replace("keys: 3", "keys: 3, group: true")
    _, cost = run(text)
    line = next(x for x in cost["components"]["Q"]["lines"] if "surcharge" in x["request"])
    assert line["units"] == 100
    assert line["usd"] == pytest.approx(100 * 0.10 / 1e6)
    one = prepare(msgsim.load_text(SURCHARGE_ALL + text))
    drive(one)
    found = units(one.observers.cost.to_json(), "Q")
    surcharged = found.pop("fair queue surcharge")
    assert surcharged == sum(found.values())


IDLE = """
workload:
  - {to: Q, rate: 1/s, count: 1}
resources:
  Q: {type: sqs.queue}
  Fn: {type: lambda.function, handler: {time: 10ms}}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Q, FunctionName: Fn}
"""


@pytest.mark.parametrize(
    ("scaling", "pollers"), [("", 2), (", ScalingConfig: {MaximumConcurrency: 10}", 5)]
)
def test_an_idle_mapping_polls_for_cents_a_month(scaling, pollers):
    """5 long polls of 20 s: 3 a minute each, 657,000 in 730 h, $0.2628 at $0.40 per million; an
    idle mapping shrinks to 2 of them ($0.1051) unless MaximumConcurrency is set.

    AWS knowledge centre: Lambda's polls are billed as SQS requests even if the queue is empty.
    """
    _, cost = run(IDLE.replace("Fn}", f"Fn{scaling}}}"), duration="3h")
    empty = next(x for x in cost["components"]["Q"]["lines"] if x["standing"])
    expected = pollers * 3 * 60 * 730 * 0.40 / 1e6
    assert empty["per_month_usd"] == pytest.approx(expected, rel=0.01)
    assert cost["components"]["Q"]["idle_share"] > 0.95


STREAM = """
workload:
  - {to: S, rate: 1000/s, keys: {round_robin: 3000}, size: 3KB}
resources:
  S: {type: kinesis.stream, ShardCount: 3}
"""


def test_a_thousand_records_a_second_on_three_shards_cost_69_64_a_month():
    """3 x $0.015 x 730 h + 2,628 million PUT payload units x $0.014 per million = $69.64.

    Records of 3 KB fill one unit of 25 KB each; AWS's price list of July 2024.
    """
    text = STREAM.replace("resources", "duration: 10s\nresources")
    scenario = msgsim.load_text(text)
    one = prepare(scenario)
    drive(one)
    cost = one.observers.cost.to_json()
    assert units(cost, "S")["PUT payload units"] == pytest.approx(10_000, abs=1)
    assert cost["per_month_usd"] == pytest.approx(69.64, abs=0.01)
    assert cost["idle_share"] == pytest.approx(32.85 / 69.64, abs=0.001)


@pytest.mark.parametrize(("size", "each"), [("25KiB", 1), ("26KiB", 2), ("45KiB", 2)])
def test_a_record_fills_whole_units_of_25_kib(size, each):
    text = STREAM.replace("3KB", size).replace("resources", "duration: 1s\nresources")
    one = prepare(msgsim.load_text(text.replace("rate: 1000/s", "rate: 10/s")))
    drive(one)
    stored = one.observers.metrics.value("S", None, "stored")
    assert units(one.observers.cost.to_json(), "S")["PUT payload units"] == each * stored


@pytest.mark.parametrize(
    ("retention_h", "extra"),
    [
        (24, 0),
        (168, 3 * 0.020 * 730),
        # 1,000/s x 3,000 B x 86,400 s of the one day beyond the seventh: 259.2 GB stored
        (192, 3 * 0.020 * 730 + 0.023 * 1_000 * 3_000 * 86_400 / 1e9),
    ],
)
def test_longer_retention_costs_by_the_shard_hour_and_beyond_a_week_by_the_gb_month(
    retention_h, extra
):
    text = STREAM.replace("resources", "duration: 10s\nresources")
    scenario = msgsim.load_text(text).replace("S.RetentionPeriodHours", str(retention_h))
    one = prepare(scenario)
    drive(one)
    cost = one.observers.cost.to_json()
    assert cost["per_month_usd"] == pytest.approx(69.64 + extra, abs=0.01)


def test_shards_are_paid_while_they_are_open():
    """2 shards for an hour, one split: 3 for another hour: 5 shard hours."""
    hour = 3_600_000_000_000
    scenario = msgsim.load_text(STREAM.replace("resources", "duration: 1s\nresources"))
    stream = prepare(scenario.replace("S.ShardCount", "2")).system.components["S"]
    prices = Prices(discover()["kinesis.stream"].page, "kinesis.stream", "us-east-1")
    meter = StreamMeter(stream, prices)
    meter.listener(Signal("resharded", "", ("parents", "children")))(hour, [0], [2, 3])
    assert next(iter(meter.usage(2 * hour))).units == pytest.approx(5)


TOPIC = """
workload:
  - {to: T, rate: 1/s, count: 50, size: 100KiB}
resources:
  T: {type: sns.topic}
  Q: {type: sqs.queue}
  ToQ: {type: sns.subscription, TopicArn: T, Protocol: sqs, Endpoint: Q}
  Web: {type: sns.endpoint, time: 20ms}
  Mail: {type: sns.endpoint, time: 20ms}
  ToWeb: {type: sns.subscription, TopicArn: T, Protocol: https, Endpoint: Web}
  ToMail: {type: sns.subscription, TopicArn: T, Protocol: email, Endpoint: Mail}
"""


def test_publishes_by_64_kib_and_deliveries_by_protocol():
    """50 publishes of 100 KiB are 100 requests at $0.50 per million; SQS is free, HTTPS $0.60 per
    million, e-mail $2.00 per 100,000 (https://aws.amazon.com/sns/pricing/)."""
    _, cost = run(TOPIC)
    assert cost["components"]["T"]["usd"] == pytest.approx(100 * 0.50 / 1e6)
    assert cost["components"]["ToWeb"]["usd"] == pytest.approx(50 * 0.60 / 1e6)
    assert cost["components"]["ToMail"]["usd"] == pytest.approx(50 * 2.00 / 1e5)
    assert "ToQ" not in cost["components"]
    assert "Q" not in cost["components"], "what SNS hands to a queue is no call of yours"


def test_text_messages_cost_what_the_assumption_says():
    text = TOPIC.replace("Protocol: email", "Protocol: sms").replace("100KiB", "100B")
    with_price = text + "assumptions: {sns.subscription: {sms_usd: 0.007}}\n"
    one = prepare(msgsim.load_text("duration: 10m\n" + with_price))
    drive(one)
    cost = one.observers.cost.to_json()
    assert cost["components"]["ToMail"]["usd"] == pytest.approx(50 * 0.007)


def test_bodies_scanned_by_a_filter_cost_matched_or_not():
    """$0.09 per GB scanned: 50 bodies of 100 KiB are 0.00512 GB, whether or not they match."""
    policy = "FilterPolicyScope: MessageBody, FilterPolicy: {kind: [a]}, "
    text = TOPIC.replace("Protocol: sqs, ", f"Protocol: sqs, {policy}")
    _, cost = run(text)
    assert cost["components"]["ToQ"]["usd"] == pytest.approx(0.00512 * 0.09)


FIFO_TOPIC = """
workload:
  - to: T
    rate: 1/s
    count: 50
    keys: 5
    size: 100KB
    attributes: {n: {dist: uniform, low: 0, high: 9}}
resources:
  T:
    type: sns.topic
    FifoTopic: true
    ContentBasedDeduplication: true
    ArchivePolicy: {MessageRetentionPeriod: 30}
  A: {type: sqs.queue, FifoQueue: true}
  B: {type: sqs.queue, FifoQueue: true}
  ToA: {type: sns.subscription, TopicArn: T, Protocol: sqs, Endpoint: A}
  ToB:
    type: sns.subscription
    TopicArn: T
    Protocol: sqs
    Endpoint: B
    FilterPolicy: {n: [{numeric: [">", 4]}]}
"""


def test_a_fifo_topic_bills_calls_gb_subscription_messages_and_its_archive():
    """50 calls x $0.30 per million + GB x $0.017; each subscription 50 x $0.01 per million + GB x
    $0.001, filtered or not; archive GB x $0.10, and kept 30 days GB x 720 h / 730 h x $0.023."""
    one, cost = run(FIFO_TOPIC)
    sizes = units(cost, "T")["GB published"]
    assert sizes == pytest.approx(50 * 100_000 / 1e9, rel=0.01)
    topic = 50 * 0.30 / 1e6 + sizes * (0.017 + 0.10 + 720 / 730 * 0.023)
    assert cost["components"]["T"]["usd"] == pytest.approx(topic)
    for name in ("ToA", "ToB"):
        assert units(cost, name)["subscription messages"] == 50
        assert cost["components"][name]["usd"] == pytest.approx(50 * 0.01 / 1e6 + sizes * 0.001)
    assert one.observers.metrics.value("ToB", None, "filtered") > 0


FUNCTION = """
workload:
  - {to: Q, rate: 1/s, count: 100}
resources:
  Q: {type: sqs.queue}
  Fn: {type: lambda.function, MemorySize: 512, handler: {time: 100.2ms}}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Q, FunctionName: Fn, BatchSize: 1}
"""


def test_lambda_bills_requests_and_gb_seconds_in_whole_milliseconds():
    """100 requests x $0.20 per million + 100 x 101 ms x 0.5 GB x $0.0000166667."""
    _, cost = run(FUNCTION)
    found = units(cost, "Fn")
    assert found["invocations"] == 100
    assert found["GB-seconds"] == pytest.approx(100 * 0.101 * 0.5)
    warm = 100 * 0.20 / 1e6 + 100 * 0.101 * 0.5 * 0.0000166667
    init = found["GB-seconds of initialisation"] * 0.0000166667
    assert cost["components"]["Fn"]["usd"] == pytest.approx(warm + init)


def test_initialisation_is_billed_without_the_placement_of_the_environment():
    """A cold start is placement (assumed 100 ms) and Init Duration; AWS bills the latter."""
    one, cost = run(FUNCTION)
    cold = one.observers.servers.watches["Fn"].cold_starts
    seconds = cold.total / 1e9 - 0.1 * cold.count
    billed = units(cost, "Fn")["GB-seconds of initialisation"] / 0.5
    assert seconds <= billed <= seconds + 0.001 * cold.count


def test_arm_is_a_fifth_cheaper_by_the_gb_second():
    _, x86 = run(FUNCTION)
    _, arm = run(FUNCTION, Fn__Architectures="[arm64]")

    def gb_s(cost):
        lines = cost["components"]["Fn"]["lines"]
        return next(x["usd"] for x in lines if x["request"] == "GB-seconds")

    assert gb_s(arm) / gb_s(x86) == pytest.approx(0.80, abs=0.001)


MIXED = """
workload:
  - {to: T, arrivals: {poisson: 20/s}, size: {dist: uniform, low: 1KiB, high: 150KiB}, batch: 5}
  - {to: F, arrivals: {poisson: 5/s}, keys: 4}
resources:
  T: {type: sns.topic, MaximumMessageSize: 1048576}
  Q: {type: sqs.queue, VisibilityTimeout: 30}
  ToQ: {type: sns.subscription, TopicArn: T, Protocol: sqs, Endpoint: Q}
  Fn:
    type: lambda.function
    MemorySize: 256
    Timeout: 5
    handler: {time: {dist: exponential, mean: 80ms}, fails: 5%%}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Q, FunctionName: Fn, BatchSize: 10}
  F: {type: sqs.queue, FifoQueue: true}
  Pool:
    type: worker.fleet
    queue: F
    workers: 2
    WaitTimeSeconds: 20
    handler: {time: {dist: exponential, mean: 50ms}, fails: 2%%}
seed: %d
"""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_cost_is_the_bill_of_the_call_log_and_gb_seconds_are_the_sum_of_durations(seed):
    """Requests priced from a log of calls by this test's own arithmetic: the same to 1e-12."""
    log = CallLog()
    one = prepare(msgsim.load_text("duration: 2m\n" + MIXED % seed), observers=[log])
    drive(one)
    cost = one.observers.cost.to_json()
    usd: Counter[str] = Counter()
    prices = {"T": 0.50e-6, "Q": 0.40e-6, "F": 0.50e-6}
    assert {action for _, action, _, _ in log.calls} >= {"PublishBatch", "ReceiveMessage"}
    for component, action, sizes, code in log.calls:
        payload = sum(sizes) if "Delete" not in action and "Visibility" not in action else 0
        if code != "ServiceUnavailable":
            billed = 1 if code is not None else max(1, ceil(payload / 65_536))
            usd[component] += billed * prices[component]
    for component in prices:
        assert cost["components"][component]["usd"] == pytest.approx(usd[component], rel=1e-12)
    gb_s = sum(ceil(duration / 1e6) / 1_000 for duration in log.durations) * 0.25
    assert units(cost, "Fn")["GB-seconds"] == pytest.approx(gb_s, rel=1e-12)


def test_metrics_of_cost_can_be_asked_in_rules():
    text = RULES + (FLEET % "1KiB") + "expect:\n  - total.cost.per_million < 5\n  - Q.cost > 0\n"
    text += "  - total.cost.per_month < 1\n  - Q.cost.idle_share < 60%\n"
    assert [verdict.passed for verdict in msgsim.run(msgsim.load_text(text)).verdicts] == [True] * 4


def test_a_region_without_prices_is_noted():
    _, cost = run(FLEET % "1KiB", account__Region="eu-west-1")
    assert cost["notes"] == [
        "no prices of eu-west-1 are known for sqs.queue: those of us-east-1 are taken"
    ]


def test_the_free_tier_is_taken_off_a_small_months_bill_only_when_asked():
    """4,320 messages a day stay below a million requests a month: nothing to pay."""
    text = (FLEET % "1KiB").replace("rate: 1/s, count: 100", "rate: 3/m")
    _, full = run(text, account__FreeTier="false")
    _, free = run(text, account__FreeTier="true")
    requests = sum(x["per_month_units"] for x in full["components"]["Q"]["lines"])
    assert requests < 1_000_000
    assert full["per_month_usd"] > 0
    assert free["per_month_usd"] == 0
    assert free["usd"] == full["usd"], "the run itself is at list price"
