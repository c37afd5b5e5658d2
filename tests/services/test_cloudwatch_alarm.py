"""cloudwatch.alarm at work: sliding windows, actions, and what may be expected of it."""

from __future__ import annotations

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.experiment.run import drive, prepare
from msgsim.scenario.build import build
from msgsim.services.cloudwatch_alarm.evaluation import (
    ALARM,
    OK,
)
from tests.services.alarm_built import AT_ONCE, SCALED, alarm, changes
from tests.services.by_hand import Recorder
from tests.services.hand_built import NO_LATENCY, HandBuilt

# At work ----------------------------------------------------------------------------------------


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


# Whatever is observed ---------------------------------------------------------------------------


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
