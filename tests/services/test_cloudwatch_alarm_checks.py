"""What the checks say of an alarm before the run."""

from __future__ import annotations

from typing import Any

import pytest

import msgsim
from msgsim.services.cloudwatch_alarm.evaluation import (
    OK,
)
from tests.services.alarm_built import AT_ONCE, SCALED, alarm, changes
from tests.services.hand_built import HandBuilt, codes


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
