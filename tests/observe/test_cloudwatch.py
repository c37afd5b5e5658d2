"""CloudWatch twins: AWS's definitions on tiny scenarios, and sums that equal other observers'."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import msgsim
from msgsim.bundled import scenario_path
from msgsim.experiment.retell import Told
from msgsim.experiment.run import drive, prepare
from msgsim.observe.cloudwatch import CATALOG, CloudWatch
from msgsim.observe.cloudwatch.queues import IDLE_NS, PAGE, WAKE_NS
from msgsim.report.metric_data import measure
from msgsim.scenario.build import build
from msgsim.services import discover

NS_PER_S = 1_000_000_000


def seen(text: str) -> CloudWatch:
    """Run a scenario, and return its metrics."""
    return measure(Told(msgsim.load_text(text)))


def course(twins: CloudWatch, name: str, statistic: str, **dimensions: str) -> dict[int, float]:
    """Return minute → value of one statistic."""
    series = twins.find(name, **dimensions)
    return {begin // (60 * NS_PER_S): point.statistic(statistic) for begin, point in series}


def total(twins: CloudWatch, name: str, **dimensions: str) -> float:
    return twins.find(name, **dimensions).total()


# Tiny scenarios, worked out by hand ----------------------------------------------------------


def test_levels_of_a_queue_stand_at_the_end_of_each_minute():
    """Ten messages at once, and a worker that takes 30 s for each, and some milliseconds for calls.

    So when minute k ends, the 2k-th message is not quite done, and 2k - 1 are deleted.
    """
    twins = seen("""
duration: 3m
resources:
  Q: {type: sqs.queue, VisibilityTimeout: 60}
  W: {type: worker.fleet, queue: Q, workers: 1, MaxNumberOfMessages: 1,
      handler: {time: 30s}}
workload:
  - {to: Q, arrivals: {burst: 10}}
""")
    visible = course(twins, "ApproximateNumberOfMessagesVisible", "Maximum", QueueName="Q")
    flying = course(twins, "ApproximateNumberOfMessagesNotVisible", "Maximum", QueueName="Q")
    assert {minute: visible[minute] + flying[minute] for minute in visible} == {0: 9, 1: 7, 2: 5}
    assert set(flying.values()) <= {0.0, 1.0}
    age = course(twins, "ApproximateAgeOfOldestMessage", "Maximum", QueueName="Q")
    assert age == {0: 60.0, 1: 120.0, 2: 180.0}
    sent = course(twins, "NumberOfMessagesSent", "Sum", QueueName="Q")
    assert sent == {0: 10.0, 1: 0.0, 2: 0.0}


def test_a_delayed_message_is_counted_as_delayed_until_it_appears():
    twins = seen("""
duration: 3m
resources:
  Q: {type: sqs.queue, DelaySeconds: 90}
workload:
  - {to: Q, arrivals: {burst: 3}}
""")
    delayed = course(twins, "ApproximateNumberOfMessagesDelayed", "Maximum", QueueName="Q")
    visible = course(twins, "ApproximateNumberOfMessagesVisible", "Maximum", QueueName="Q")
    assert delayed == {0: 3.0, 1: 0.0, 2: 0.0}
    assert visible == {0: 0.0, 1: 3.0, 2: 3.0}


POISON = """
duration: 10m
resources:
  Q: {{type: sqs.queue, VisibilityTimeout: 20{fifo}}}
  W: {{type: worker.fleet, queue: Q, workers: 1, handler: {{time: 1s, fails: 100%}}}}
workload:
  - {{to: Q, arrivals: {{burst: 1}}, keys: 1}}
"""


def test_a_poison_message_of_a_standard_queue_is_left_out_after_three_receives():
    """Received at 0, 20 and 40 s: from then on it is at the back, and the age is that of nothing
    (SQS guide, sqs-available-cloudwatch-metrics.html)."""
    twins = seen(POISON.format(fifo=""))
    age = course(twins, "ApproximateAgeOfOldestMessage", "Maximum", QueueName="Q")
    assert set(age.values()) == {0.0}
    flying = course(twins, "ApproximateNumberOfMessagesNotVisible", "Maximum", QueueName="Q")
    visible = course(twins, "ApproximateNumberOfMessagesVisible", "Maximum", QueueName="Q")
    assert {flying[minute] + visible[minute] for minute in flying} == {1.0}


def test_a_poison_message_of_a_fifo_queue_keeps_the_age_rising():
    fifo = ", FifoQueue: true, ContentBasedDeduplication: true"
    twins = seen(POISON.format(fifo=fifo))
    age = course(twins, "ApproximateAgeOfOldestMessage", "Maximum", QueueName="Q")
    assert [age[minute] for minute in range(10)] == [
        pytest.approx(60 * k, abs=1) for k in range(1, 11)
    ]


def test_in_a_dead_letter_queue_the_age_counts_from_the_move_and_a_move_is_no_send():
    """One receive, a timeout of 90 s, then the move when the next receive comes upon it."""
    twins = seen("""
duration: 4m
resources:
  Q: {type: sqs.queue, VisibilityTimeout: 90,
      RedrivePolicy: {deadLetterTargetArn: D, maxReceiveCount: 1}}
  D: {type: sqs.queue}
  W: {type: worker.fleet, queue: Q, workers: 1, handler: {time: 1s, fails: 100%}}
workload:
  - {to: Q, arrivals: {burst: 1}}
""")
    age = course(twins, "ApproximateAgeOfOldestMessage", "Maximum", QueueName="D")
    assert age[0] == 0.0
    assert age[3] == pytest.approx(240 - 90, abs=2)
    assert total(twins, "NumberOfMessagesSent", QueueName="D") == 0


def test_a_queue_reports_while_active_and_again_only_some_time_after_it_was_not():
    """Empty and untouched for six hours it falls silent; a send at 8 h is seen 15 minutes later."""
    twins = seen("""
duration: 9h
resources:
  Q: {type: sqs.queue}
workload:
  - {to: Q, arrivals: {burst: 1}, from: 28801s}
""")
    minutes = set(course(twins, "NumberOfMessagesSent", "Sum", QueueName="Q"))
    assert minutes == {*range(360), *range(8 * 60 + 15, 9 * 60)}
    assert (IDLE_NS, WAKE_NS) == (6 * 3600 * NS_PER_S, 900 * NS_PER_S)


def test_alarms_and_twins_agree_on_when_a_queue_reports():
    alarm = discover()["cloudwatch.alarm"].page
    assert alarm.quota("queue_active") == PAGE.quota("queue_active")
    wakes = alarm.data["assumptions"]["queue_reactivation"]["value"]
    assert wakes == f"{PAGE.data['assumptions']['queue_reactivation']['value'] // 60}m"


def test_what_nobody_uses_has_no_datapoint():
    """A function reports nothing for a minute without an invocation, not 0; an error stands where
    its invocation began (Lambda guide, monitoring-metrics-types.html)."""
    twins = seen("""
duration: 5m
resources:
  Q: {type: sqs.queue, VisibilityTimeout: 900}
  F: {type: lambda.function, Timeout: 200, handler: {time: 100s, fails: 100%}}
  M: {type: lambda.event_source_mapping, EventSourceArn: Q, FunctionName: F, BatchSize: 1}
workload:
  - {to: Q, arrivals: {burst: 1}, from: 61s}
""")
    assert course(twins, "Invocations", "Sum", FunctionName="F") == {1: 1.0}
    assert course(twins, "Errors", "Sum", FunctionName="F") == {1: 1.0}
    assert set(course(twins, "Duration", "Average", FunctionName="F")) == {2}
    running = course(twins, "ConcurrentExecutions", "Maximum", FunctionName="F")
    assert running == {1: 1.0, 2: 1.0}
    with pytest.raises(KeyError):
        twins.find("AsyncEventsReceived", FunctionName="F")


@pytest.mark.unchecked  # deletes by hand: no consumer has done these messages
def test_a_second_delete_is_counted_and_a_refused_one_is_not():
    """Deleted counts successful deletes with a valid handle, duplicates included."""
    text = "duration: 5m\nresources:\n  Q: {type: sqs.queue}\n"
    told = msgsim.load_text(text + "workload:\n  - {to: Q, arrivals: {burst: 3}}\n")
    twins = CloudWatch(build(told))
    run = prepare(told, observers=[twins])
    queue, got = run.system.components["Q"], []
    run.system.start()
    run.system.sim.run(NS_PER_S)
    queue.receive(3, 0, lambda deliveries, error: got.extend(deliveries))
    while not got:
        run.system.sim.run(run.system.sim.now + NS_PER_S)
    assert queue.delete(got[0]) is None
    assert queue.delete(got[0]) is None
    queue.delete_batch(got)
    drive(run)
    assert total(twins, "NumberOfMessagesDeleted", QueueName="Q") == 2 + len(got)


def test_iterator_age_is_that_of_the_last_record_when_the_batch_is_sent():
    """Two records within a second, a window of 100 s: the batch leaves about 100 s after them."""
    twins = seen("""
duration: 5m
resources:
  S: {type: kinesis.stream, ShardCount: 1}
  F: {type: lambda.function, Timeout: 20, handler: {time: 10s}}
  M: {type: lambda.event_source_mapping, EventSourceArn: S, FunctionName: F,
      StartingPosition: TRIM_HORIZON, MaximumBatchingWindowInSeconds: 100}
workload:
  - {to: S, arrivals: {burst: 2}, keys: 1}
""")
    ages = course(twins, "IteratorAge", "Maximum", FunctionName="F")
    assert list(ages) == [1]
    assert ages[1] == pytest.approx(100_000, abs=2_500)


# Sums ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["fanout", "standard_vs_fifo", "poison_message", "hot_shard"])
def test_sums_equal_what_other_observers_counted(name):
    shorter = ["duration=15s"] if name == "hot_shard" else []  # 8,000 records a second
    loaded = msgsim.load(scenario_path(name), shorter)
    for scenario in msgsim.scenario.load.variants_of(loaded).values():
        twins = CloudWatch(build(scenario))
        plain = Told(scenario).again(twins).observers.to_json()
        for queue, known in plain["queues"].items():
            counts = known["counts"]
            for metric, ours in (("Sent", "sent"), ("Received", "received")):
                found = total(twins, f"NumberOfMessages{metric}", QueueName=queue)
                assert found == counts[ours], (queue, metric)
            empty = total(twins, "NumberOfEmptyReceives", QueueName=queue)
            assert empty == counts["empty_receives"]
            deleted = total(twins, "NumberOfMessagesDeleted", QueueName=queue)
            assert counts["deleted"] <= deleted <= counts["deleted"] * 1.1 + 1
        for function, known in plain["servers"].items():
            if ("Invocations", function) in {
                (each.metric.name, each.dimensions.get("FunctionName")) for each in twins.series()
            }:
                for metric in ("Invocations", "Errors", "Throttles"):
                    found = total(twins, metric, FunctionName=function)
                    ours = known[metric.lower()]
                    ours = sum(ours.values()) if isinstance(ours, dict) else ours
                    assert found == ours, (function, metric)
        for stream, known in plain["streams"]["streams"].items():
            shards = known["by_shard"].values()
            stored = sum(shard["stored"] for shard in shards)
            assert total(twins, "IncomingRecords", StreamName=stream) == stored
            by_shard = [
                each.total()
                for each in twins.series()
                if each.metric.name == "IncomingRecords" and "ShardId" in each.dimensions
            ]
            assert sum(by_shard) == stored
            refused = total(twins, "WriteProvisionedThroughputExceeded", StreamName=stream)
            assert refused == sum(shard["throttled"] for shard in shards)
            reads = total(twins, "ReadProvisionedThroughputExceeded", StreamName=stream)
            assert reads == sum(shard["reads_throttled"] for shard in shards)


def test_the_ledger_of_a_queue_is_its_series():
    """What was sent, and what came back from replicas, is deleted or stands in the last levels."""
    scenario = msgsim.load(scenario_path("fanout"))
    twins = CloudWatch(build(scenario))
    plain = Told(scenario).again(twins).observers.to_json()

    def held(queue: str) -> float:
        names = [
            f"ApproximateNumberOfMessages{name}" for name in ("Visible", "NotVisible", "Delayed")
        ]
        last = [
            list(course(twins, name, "Maximum", QueueName=queue).values())[-1] for name in names
        ]
        return sum(last)

    for queue in ("Billing", "Audit"):
        counts = plain["queues"][queue]["counts"]
        sent = total(twins, "NumberOfMessagesSent", QueueName=queue)
        deleted = total(twins, "NumberOfMessagesDeleted", QueueName=queue)
        dead = held(f"{queue}Dlq") - plain["queues"][f"{queue}Dlq"]["counts"]["ghosts"]
        assert sent + counts["ghosts"] == deleted + held(queue) + dead


def test_observing_changes_nothing():
    scenario = msgsim.load(scenario_path("poison_message"))
    with_twins = Told(scenario).again(CloudWatch(build(scenario))).observers.to_json()
    assert with_twins == Told(scenario).again().observers.to_json()


def test_a_metric_is_constant_in_size_for_each_minute():
    """A hundred times the messages, the same number of points."""
    text = """
duration: 3m
resources:
  Q: {{type: sqs.queue}}
  W: {{type: worker.fleet, queue: Q, workers: 200, handler: {{time: 10ms}}}}
workload:
  - {{to: Q, rate: {rate}/s}}
"""
    few, many = (seen(text.format(rate=rate)) for rate in (1, 100))

    def size(twins: CloudWatch) -> dict[tuple[str, str], int]:
        return {
            (each.metric.name, str(each.dimensions)): len(each.points) for each in twins.series()
        }

    assert size(few) == size(many)


def test_shorter_periods_add_up_to_the_minutes():
    told = Told(
        msgsim.load_text("""
duration: 2m
resources:
  Q: {type: sqs.queue}
workload:
  - {to: Q, rate: 5/s}
""")
    )
    seconds, minutes = measure(told, NS_PER_S), measure(told)
    short = seconds.find("NumberOfMessagesSent", QueueName="Q")
    assert len(short.points) == 120
    assert short.total() == total(minutes, "NumberOfMessagesSent", QueueName="Q")


# The page ------------------------------------------------------------------------------------


def test_the_page_defines_every_metric_in_its_unit_and_no_other():
    found = re.findall(r"^\| `([\w.-]+)` \| (\w+) \|", PAGE.text, re.MULTILINE)
    assert found == [(metric.name, metric.unit) for metric in CATALOG.values()]


def test_statistics_of_a_point_by_hand():
    """1 … 100 ms: the percentiles lie within 1 % of the nearest rank."""
    from msgsim.observe.cloudwatch import Series

    series = Series(CATALOG["AWS/Lambda", "Duration"], {}, 60 * NS_PER_S)
    for value in range(1, 101):
        series.add(0, float(value))
    point = series.points[0]
    assert [point.statistic(name) for name in ("SampleCount", "Sum", "Average")] == [
        100,
        5050,
        50.5,
    ]
    assert [point.statistic(name) for name in ("Minimum", "Maximum")] == [1, 100]
    for name, exact in (("p50", 50), ("p90", 90), ("p99", 99)):
        assert point.statistic(name) == pytest.approx(exact, rel=0.0101)


SAMPLES = st.lists(
    st.tuples(
        st.integers(0, 3 * 60 * NS_PER_S),
        st.sampled_from([0.0, 1.0, 1, 3, 0.1, 2.7, 1024]) | st.floats(0, 1e6),
        st.integers(1, 20),
    ),
    max_size=30,
)


@given(SAMPLES, st.booleans())
def test_runs_of_equal_samples_count_like_single_ones(samples, looked_at):
    """Sample by sample, as CloudWatch's statistic sets are defined; equal to the last bit."""
    from msgsim.observe.cloudwatch import Series

    series = Series(CATALOG["AWS/Lambda", "Duration"], {}, 60 * NS_PER_S)
    known: dict[int, list[float]] = {}
    for now, value, times in samples:
        for _ in range(times):
            series.add(now, value)
            known.setdefault(now // (60 * NS_PER_S), []).append(value)
        if looked_at:
            assert sum(point.count for point in series.points.values()) == sum(
                len(values) for values in known.values()
            )
    assert set(series.points) == set(known)
    for minute, values in known.items():
        point, total = series.points[minute], 0.0
        for value in values:
            total += value
        assert (point.count, point.total) == (len(values), total)
        assert (point.low, point.high) == (min(values), max(values))
        assert point.sketch is not None
        assert sum(point.sketch.values()) == len(values)


@pytest.mark.parametrize("name", ["firehose", "fan_out_stream", "resharding"])
def test_streams_and_delivery_streams_have_their_metrics(name):
    """Sums per shard equal the stream's, and what Firehose delivered is what it took."""
    scenario = next(
        iter(msgsim.scenario.load.variants_of(msgsim.load(scenario_path(name))).values())
    )
    twins = CloudWatch(build(scenario))
    plain = Told(scenario).again(twins).observers.to_json()
    for stream, known in plain["streams"]["streams"].items():
        stored = sum(shard["stored"] for shard in known["by_shard"].values())
        assert total(twins, "IncomingRecords", StreamName=stream) == stored
    for stream, known in plain.get("delivery_streams", {}).items():
        taken = total(twins, "IncomingRecords", DeliveryStreamName=stream)
        assert taken == known["ingested"]
