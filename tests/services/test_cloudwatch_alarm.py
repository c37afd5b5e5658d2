"""cloudwatch.alarm: M out of N, missing data, sliding windows, actions, what a queue reports."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.experiment.run import drive, prepare
from msgsim.scenario.build import build
from msgsim.services.cloudwatch_alarm.evaluation import (
    ALARM,
    COMPARISONS,
    INSUFFICIENT_DATA,
    OK,
    TREATMENTS,
    Rule,
)
from msgsim.services.cloudwatch_alarm.readings import Sample, merged
from tests.services.by_hand import Recorder
from tests.services.hand_built import NO_LATENCY, HandBuilt, codes

RETAIN = None


def points(text: str) -> list[float | None]:
    """`0 - X`: a datapoint within the threshold of 10, a missing one, one beyond it."""
    return [{"0": 0.0, "-": None, "X": 20.0}[word] for word in text.split()]


def state(text: str, m: int, treat: str) -> str | None:
    return Rule(10, "GreaterThanThreshold", 3, m, treat).state(points(text))


# The documentation's examples -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", OK, OK, OK, OK),
        ("0 - - - -", OK, OK, OK, OK),
        ("- - - - -", INSUFFICIENT_DATA, RETAIN, ALARM, OK),
        ("0 X X - X", ALARM, ALARM, ALARM, ALARM),
        ("- - - - X", INSUFFICIENT_DATA, RETAIN, ALARM, OK),
        ("X - - - -", ALARM, RETAIN, ALARM, OK),
    ],
)
def test_three_out_of_three(
    text: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    """The first table of the CloudWatch User Guide, alarms-and-missing-data: 3 out of 3, five
    datapoints fetched.
    """
    found = [state(text, 3, treat) for treat in TREATMENTS]
    assert found == [missing, ignore, breaching, not_breaching]


@pytest.mark.parametrize(
    ("text", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", ALARM, ALARM, ALARM, ALARM),
        ("0 0 X 0 X", ALARM, ALARM, ALARM, ALARM),
        ("0 - X - -", OK, OK, ALARM, OK),
        ("- - - - 0", OK, OK, ALARM, OK),
        ("- - - - X", INSUFFICIENT_DATA, RETAIN, ALARM, OK),
    ],
)
def test_two_out_of_three(
    text: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    """The second table there: 2 out of 3."""
    found = [state(text, 2, treat) for treat in TREATMENTS]
    assert found == [missing, ignore, breaching, not_breaching]


DATAPOINT = st.one_of(st.none(), st.floats(-100, 100))


@given(st.lists(DATAPOINT, min_size=5, max_size=5), st.integers(1, 3), st.sampled_from(TREATMENTS))
@settings(max_examples=200, deadline=None)
def test_more_breaches_never_calm_an_alarm(found: list[Any], m: int, treat: str) -> None:
    """Replacing a datapoint within the threshold by one beyond it never ends an alarm."""
    rule = Rule(10, "GreaterThanThreshold", 3, m, treat)
    worse = [None if point is None else 20.0 for point in found]
    if rule.state(found) == ALARM:
        assert rule.state(worse) == ALARM
    assert rule.state(worse) != OK or treat == "notBreaching"


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_each_comparison_has_its_opposite(value: float, limit: float) -> None:
    holds = {name: test(value, limit) for name, (_, test) in COMPARISONS.items()}
    assert holds["GreaterThanThreshold"] != holds["LessThanOrEqualToThreshold"]
    assert holds["LessThanThreshold"] != holds["GreaterThanOrEqualToThreshold"]


def test_statistics_of_several_minutes() -> None:
    """Statistic sets add up: the average is that of all values, not of the minutes' averages."""
    found = merged([Sample(1, 4.0, 4.0, 4.0), None, Sample(3, 6.0, 1.0, 3.0)])
    assert found is not None
    names = ("Average", "Sum", "Minimum", "Maximum", "SampleCount")
    assert [found.statistic(name) for name in names] == [2.5, 10.0, 1.0, 4.0, 4.0]
    assert merged([None, None]) is None


# At work ----------------------------------------------------------------------------------------


def alarm(**more: Any) -> dict[str, Any]:
    return {
        "type": "cloudwatch.alarm",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": "Orders",
        "Threshold": 10,
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        **more,
    }


def changes(system: HandBuilt, name: str = "Backlog") -> list[tuple[float, str]]:
    return [fact[:2] for fact in system.log.of(name, "alarm_changed")]


AT_ONCE = {("cloudwatch.alarm", "publication_delay"): "0s"}


def test_an_alarm_sees_a_backlog_at_the_next_minute_and_a_minute_later() -> None:
    """A gauge is sampled at the end of each minute and can be read `publication_delay` later."""
    resources = {"Orders": {"type": "sqs.queue"}, "Backlog": alarm()}
    for delay, seen in (("0s", 120.0), ("1m", 180.0)):
        found = HandBuilt(resources, assumptions={("cloudwatch.alarm", "publication_delay"): delay})
        for _ in range(11):
            found.send_at("61s", "Orders")
        found.run("10m")
        assert changes(found) == [(60.0 + (seen - 120.0), OK), (seen, ALARM)]


def test_two_out_of_three_minutes() -> None:
    """`DatapointsToAlarm: 2`, `EvaluationPeriods: 3`: breaches need not be consecutive."""
    system = HandBuilt(
        {
            "Orders": {"type": "sqs.queue"},
            "Backlog": alarm(
                MetricName="NumberOfMessagesSent",
                Statistic="Sum",
                EvaluationPeriods=3,
                DatapointsToAlarm=2,
            ),
        },
        assumptions=AT_ONCE,
    )
    for second in (70, 190):  # in the second and the fourth minute
        for _ in range(11):
            system.send_at(f"{second}s", "Orders")
    system.run("10m")
    assert changes(system) == [(60.0, OK), (240.0, ALARM), (300.0, OK)]


def test_a_long_period_slides_by_the_minute() -> None:
    """With `Period: 300` the alarm looks at the last five minutes, every minute: at the end of
    minute 6 it evaluates minutes 2 to 6.

    Source: CloudWatch User Guide, alarm-evaluation-window ("SlidingWindow", the default).
    """
    sums = {"MetricName": "NumberOfMessagesSent", "Statistic": "Sum", "Period": 300}
    system = HandBuilt(
        {"Orders": {"type": "sqs.queue"}, "Backlog": alarm(**sums)}, assumptions=AT_ONCE
    )
    for minute in range(3, 9):
        for _ in range(3):
            system.send_at(f"{minute * 60 + 30}s", "Orders")
    system.run("20m")
    # 3 a minute from minute 3 on: 12 after four minutes, 9 again when only three are in the window.
    assert changes(system) == [(60.0, OK), (420.0, ALARM), (660.0, OK)]


def test_a_topic_is_told_once_and_a_policy_in_every_period() -> None:
    """SNS actions are set off by the change of state, scaling actions for as long as it lasts.

    Source: CloudWatch User Guide, using CloudWatch alarms, "alarm actions".
    """
    system = HandBuilt(
        {
            "Orders": {"type": "sqs.queue"},
            "Ops": {"type": "sns.topic"},
            "ToPager": {
                "type": "sns.subscription",
                "TopicArn": "Ops",
                "Protocol": "sqs",
                "Endpoint": "Pager",
            },
            "Pager": {"type": "sqs.queue"},
            "Workers": {
                "type": "worker.fleet",
                "queue": "Pager2",
                "workers": 1,
                "handler": {"time": "1s"},
                **NO_LATENCY,
                "scaling": {
                    "max": 9,
                    "policies": [{"PolicyName": "Out", "ScalingAdjustment": 1, "Cooldown": 0}],
                },
            },
            "Pager2": {"type": "sqs.queue"},
            "Backlog": alarm(AlarmActions=["Workers.Out", "Ops"]),
        },
        assumptions=AT_ONCE,
    )
    for _ in range(11):
        system.send_at("61s", "Orders")
    system.run("5m")
    assert changes(system)[-1] == (120.0, ALARM)
    assert [fact[0] for fact in system.log.of("Workers", "scaled")] == [120.0, 180.0, 240.0, 300.0]
    told = [fact[1].message for fact in system.log.of("Pager", "sent")]
    assert len(told) == 1
    assert '"NewStateValue": "ALARM"' in str(told[0].body)


def test_a_function_that_is_not_called_reports_nothing() -> None:
    """Minutes without an invocation are missing data: `notBreaching` is OK, `missing` unknown."""
    watched = {"MetricName": "Errors", "Dimensions": "Fn", "Statistic": "Sum", "Threshold": 0}
    system = HandBuilt(
        {
            "Fn": {"type": "lambda.function", "handler": {"time": "1s", "fails": "100%"}},
            "Strict": alarm(**watched),
            "Lenient": alarm(**watched, TreatMissingData="notBreaching"),
        },
        assumptions=AT_ONCE,
    )
    system.sim.at(130_000_000_000, system["Fn"].invoke_async, system.message())
    system.run("4m")
    assert changes(system, "Lenient") == [(60.0, OK), (180.0, ALARM)]
    assert changes(system, "Strict") == [(180.0, ALARM)]


def test_a_queue_nobody_uses_stops_reporting_after_six_hours() -> None:
    """Active is a queue that holds a message or was accessed in the last 6 hours; afterwards its
    metrics come back with up to 15 minutes' delay.

    Source: SQS Developer Guide, monitoring with CloudWatch.
    """
    system = HandBuilt({"Orders": {"type": "sqs.queue"}, "Backlog": alarm()}, assumptions=AT_ONCE)
    system.send_at("28830s", "Orders")  # half a minute after eight hours
    system.run("9h")
    found = changes(system)
    assert found[0] == (60.0, OK)
    # The third missing datapoint in a row empties an evaluation range of 1 + 2.
    assert found[1] == (6 * 3600 + 60 + 120.0, INSUFFICIENT_DATA)
    assert found[2] == (8 * 3600 + 60 + 15 * 60.0, OK)


@pytest.mark.parametrize(
    ("metric", "statistic", "threshold", "operator"),
    [
        ("ApproximateNumberOfMessagesNotVisible", "Average", 0, "GreaterThanThreshold"),
        ("NumberOfMessagesSent", "Sum", 3, "GreaterThanOrEqualToThreshold"),
        ("NumberOfMessagesReceived", "Sum", 3, "GreaterThanOrEqualToThreshold"),
        ("NumberOfMessagesDeleted", "Sum", 1, "GreaterThanOrEqualToThreshold"),
        ("NumberOfEmptyReceives", "Sum", 1, "GreaterThanOrEqualToThreshold"),
        ("ApproximateAgeOfOldestMessage", "Maximum", 20, "GreaterThanThreshold"),
    ],
)
def test_metrics_of_a_queue(metric: str, statistic: str, threshold: int, operator: str) -> None:
    """Three messages at 30 s, a worker that takes 40 s for each: by the end of the second minute
    every metric has shown itself.
    """
    system = HandBuilt(
        {
            "Orders": {"type": "sqs.queue", "VisibilityTimeout": 300},
            "Workers": {
                "type": "worker.fleet",
                "queue": "Orders",
                "workers": 1,
                "handler": {"time": "40s"},
                **NO_LATENCY,
            },
            "Seen": alarm(
                MetricName=metric,
                Statistic=statistic,
                Threshold=threshold,
                ComparisonOperator=operator,
                Period=300,
            ),
        },
        assumptions=AT_ONCE,
    )
    for _ in range(3):
        system.send_at("30s", "Orders")
    system.run("5m")
    assert ALARM in [now for _, now in changes(system, "Seen")]


EVERY_SERVICE = """
msgsim: 1
duration: 10m
resources:
  Orders: {type: sqs.queue}
  Packers: {type: worker.fleet, queue: Orders, workers: 2, handler: {time: 1s}}
  News: {type: sns.topic, Subscription: [{Protocol: lambda, Endpoint: MailFn}]}
  MailFn: {type: lambda.function, ReservedConcurrentExecutions: 3, handler: {time: 2s}}
  Clicks: {type: kinesis.stream, ShardCount: 1}
  ClicksFn: {type: lambda.function, Timeout: 60, handler: {time: 20s}}
  ClicksMap: {type: lambda.event_source_mapping, EventSourceArn: Clicks, FunctionName: ClicksFn,
              StartingPosition: TRIM_HORIZON}
%s
workload:
  - {to: Orders, rate: 1/s}
  - {to: News, rate: 3/s}
  - {to: Clicks, rate: 1200/s, size: 100B, until: 3m, keys: 10, retry: none}
"""

OTHERS = [
    ("NumberOfMessagesPublished", "News", "Sum", 180, 181),
    ("Invocations", "MailFn", "Sum", 60, 181),
    ("Throttles", "MailFn", "Sum", 1, 10_000),
    ("ConcurrentExecutions", "MailFn", "Maximum", 3, 4),
    ("Duration", "MailFn", "Average", 2_000, 2_001),
    ("IteratorAge", "ClicksMap", "Maximum", 60_000, 600_000),
    ("IncomingRecords", "Clicks", "Sum", 60_000, 61_200),
    ("WriteProvisionedThroughputExceeded", "Clicks", "Sum", 11_000, 12_001),
    ("GroupInServiceInstances", "Packers", "Minimum", 2, 3),
    ("GroupDesiredCapacity", "Packers", "Average", 2, 3),
]


def test_metrics_of_other_services() -> None:
    """180 messages a minute, three of which can be handled at once in 2 s each; a shard that takes
    1,000 of 1,200 records a second; a function that needs 20 s for each batch of a stream. Each
    metric reaches the first threshold and not the second.
    """
    alarms = ""
    for metric, resource, statistic, *thresholds in OTHERS:
        for word, threshold in zip(("Reached", "Beyond"), thresholds, strict=True):
            alarms += (
                f"  {word}{metric}: {{type: cloudwatch.alarm, MetricName: {metric}, "
                f"Dimensions: {resource}, Statistic: {statistic}, Threshold: {threshold}, "
                "ComparisonOperator: GreaterThanOrEqualToThreshold, EvaluationPeriods: 1}\n"
            )
    run = msgsim.run(msgsim.load_text(EVERY_SERVICE % alarms)).runs[0]
    watches = run.observers.alarms.watches
    for metric, *_ in OTHERS:
        assert watches[f"Reached{metric}"].alarms > 0, (metric, watches[f"Reached{metric}"].changes)
        assert watches[f"Beyond{metric}"].alarms == 0, (metric, watches[f"Beyond{metric}"].changes)


# Whatever is observed ---------------------------------------------------------------------------

SCALED = """
msgsim: 1
duration: 30m
seed: 5
resources:
  Orders: {type: sqs.queue}
  Packers:
    type: worker.fleet
    queue: Orders
    workers: 1
    handler: {time: 1s}
    startup: 30s
    scaling:
      max: 6
      policies: [{PolicyName: Out, ScalingAdjustment: 2, Cooldown: 60}]
  Ops: {type: sns.topic, Subscription: [{Protocol: sqs, Endpoint: Pager}]}
  Pager: {type: sqs.queue}
  Backlog:
    type: cloudwatch.alarm
    MetricName: NumberOfMessagesSent
    Dimensions: Orders
    Statistic: Sum
    Threshold: 100
    ComparisonOperator: GreaterThanThreshold
    EvaluationPeriods: 1
    AlarmActions: [Packers.Out, Ops]
workload:
  - {to: Orders, rate: 3/s}
expect:
  - Backlog.alarms == 1
  - Backlog.in_alarm.mean > 90%
  - Backlog.first_alarm == 2m
  - Packers.workers.max == 6
  - Packers.scalings.count == 3
  - Pager.published == 1
"""


def test_alarms_can_be_expected_and_their_notifications_are_in_the_ledger() -> None:
    """In `ALARM` from 2 min on; the policy adds 2 at 2 and 4 min and, at the maximum of 6, one more
    at 6 min: each time half a minute of start-up and a minute of cooldown pass.
    """
    found = to_plain(msgsim.run(msgsim.load_text(SCALED)))
    assert [rule["rule"] for rule in found["expect"] if not rule["passed"]] == []
    assert all(row["sums"] for row in found["runs"][0]["ledger"].values())
    assert found["runs"][0]["invariants"]["violated"] == []
    assert found["runs"][0]["alarms"]["Backlog"]["changes"][-1]["reason"] == (
        "1 of the last 1 datapoint (180) above 100"
    )


def test_an_observer_changes_no_alarm() -> None:
    """The alarm hears the facts itself; who else listens makes no difference."""
    scenario = msgsim.load_text(SCALED)
    quiet, watched = prepare(scenario), prepare(scenario, observers=[Recorder()])
    drive(quiet)
    drive(watched)
    assert quiet.observers.to_json() == watched.observers.to_json()
    assert quiet.events == watched.events

    bare = build(scenario)
    bare.start()
    bare.sim.run(scenario.duration_ns)
    assert bare.components["Backlog"].state == ALARM  # type: ignore[attr-defined]
    assert bare.sim.events_handled == quiet.events


# What the checks say ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, []),
        ({"Namespace": "AWS/SQS"}, []),
        ({"Namespace": "AWS/SNS"}, ["E360"]),
        ({"MetricName": "IteratorAge"}, ["E360"]),
        ({"EvaluationPeriods": 1441}, ["E361"]),
        ({"EvaluationPeriods": 168, "Period": 3600}, []),
        ({"EvaluationPeriods": 169, "Period": 3600}, ["E361"]),
        ({"EvaluationPeriods": 2, "DatapointsToAlarm": 3}, ["E362"]),
        ({"AlarmActions": ["Nobody"]}, ["E363"]),
        ({"AlarmActions": ["Workers"]}, ["E363"]),
        ({"AlarmActions": ["Workers.In"]}, ["E363"]),
        ({"AlarmActions": ["Workers.Out"], "OKActions": ["Ops"]}, []),
        ({"Period": 30}, ["E364"]),
    ],
)
def test_findings(more: dict[str, Any], expected: list[str]) -> None:
    resources = {
        "Orders": {"type": "sqs.queue"},
        "Ops": {"type": "sns.topic"},
        "Workers": {
            "type": "worker.fleet",
            "queue": "Orders",
            "workers": 1,
            "handler": {"time": "1s"},
            "scaling": {"max": 2, "policies": [{"PolicyName": "Out", "ScalingAdjustment": 1}]},
        },
        "Backlog": alarm(**more),
    }
    assert [code for code in codes(resources) if code.startswith("E36")] == expected


@pytest.mark.parametrize("value", [["Orders"], [{"Name": "QueueName"}], {"QueueName": "Orders"}])
def test_dimensions_that_name_no_resource(value: Any) -> None:
    with pytest.raises(ValueError, match="Dimensions"):
        HandBuilt({"Orders": {"type": "sqs.queue"}, "Backlog": alarm(Dimensions=value)})


def test_dimensions_as_in_cloudformation() -> None:
    written = alarm(Dimensions=[{"Name": "QueueName", "Value": "Orders"}])
    system = HandBuilt({"Orders": {"type": "sqs.queue"}, "Backlog": written}, assumptions=AT_ONCE)
    system.run("2m")
    assert changes(system) == [(60.0, OK)]


def test_a_wrong_action_is_shown_where_it_stands() -> None:
    text = SCALED.replace("[Packers.Out, Ops]", "[Packers.Ot]")
    with pytest.raises(msgsim.ProblemError) as raised:
        msgsim.load_text(text)
    (problem,) = [each for each in raised.value.problems if each.code.startswith("E")]
    assert problem.code == "E363"
    assert problem.place is not None
    assert problem.place.line == text[: text.index("Packers.Ot]")].count("\n") + 1
    assert problem.hint == "such as Packers.Out"
