"""worker.fleet: simple scaling waits for the cooldown of the activity that happened."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.experiment.result import to_plain
from tests.services.hand_built import NO_LATENCY, HandBuilt

NS_PER_S = 1_000_000_000
STARTUP_S = 10


def scaled(asked: list[tuple[int, str]], cooldowns: dict[str, int]) -> list[tuple[float, str]]:
    """Return `(seconds, policy)` of the activities when policies are asked at these seconds."""
    adjustments = {"Out": 4, "In": -1}
    system = HandBuilt(
        {
            "Orders": {"type": "sqs.queue"},
            "Workers": {
                "type": "worker.fleet",
                "queue": "Orders",
                "workers": 10,
                "handler": {"time": "1s"},
                "startup": f"{STARTUP_S}s",
                "scaling": {
                    "min": 1,
                    "max": 100,
                    "policies": [
                        {
                            "PolicyName": name,
                            "ScalingAdjustment": adjustments[name],
                            "Cooldown": seconds,
                        }
                        for name, seconds in cooldowns.items()
                    ],
                },
                **NO_LATENCY,
            },
        }
    )
    for second, name in asked:
        system.sim.at(second * NS_PER_S, system["Workers"].scale, name, 1.0)
    system.run("2h")
    return [(at, policy) for at, policy, _ in system.log.of("Workers", "scaled")]


@pytest.mark.parametrize(
    ("cooldowns", "second"),
    [({"Out": 900, "In": 60}, 1010), ({"Out": 60, "In": 900}, 170)],
)
def test_the_cooldown_is_that_of_the_policy_that_acted(
    cooldowns: dict[str, int], second: int
) -> None:
    """`Out` acts at 100 s and its workers run at 110 s. Only when its own cooldown has passed may
    `In` act: after 900 s in the one case, 60 s in the other, whatever the cooldown of `In`.

    Source: EC2 Auto Scaling User Guide, "Scaling cooldowns": no activity that simple scaling
    policies initiate starts before the cooldown of the previous one ends.
    """
    asked = [(100, "Out"), (second - 1, "In"), (second, "In")]
    assert scaled(asked, cooldowns) == [(100, "Out"), (second, "In")]


@given(
    st.lists(st.tuples(st.integers(1, 3000), st.sampled_from(["Out", "In"])), max_size=40),
    st.integers(0, 900),
    st.integers(0, 900),
)
@settings(max_examples=30, deadline=None)
def test_activities_lie_a_cooldown_apart(
    asked: list[tuple[int, str]], out_s: int, in_s: int
) -> None:
    """Whatever is asked when: after each activity the next one waits at least its cooldown, and
    for launches the start-up before it.
    """
    cooldowns = {"Out": out_s, "In": in_s}
    done = scaled(sorted(asked), cooldowns)
    for (at, policy), (next_at, _) in pairwise(done):
        launch_s = STARTUP_S if policy == "Out" else 0
        assert next_at >= at + launch_s + cooldowns[policy]


HELD_IN = """
msgsim: 1
seed: 3
duration: 17m
resources:
  Orders: {type: sqs.queue, VisibilityTimeout: 30}
  Workers:
    type: worker.fleet
    preset: ec2
    queue: Orders
    workers: 2
    startup: 60s
    handler: {time: 1s}
    scaling:
      min: 1
      max: 20
      policies:
        - {PolicyName: Out, ScalingAdjustment: 4, Cooldown: 900}
        - {PolicyName: In, ScalingAdjustment: -1, Cooldown: 60}
  Busy:
    type: cloudwatch.alarm
    MetricName: ApproximateNumberOfMessagesVisible
    Dimensions: Orders
    Threshold: 100
    ComparisonOperator: GreaterThanThreshold
    EvaluationPeriods: 1
    AlarmActions: [Workers.Out]
    OKActions: [Workers.In]
workload:
  - {to: Orders, arrivals: {profile: [[0s, 6/s], [4m, 0.1/s]]}}
"""


def test_a_short_cooldown_of_scale_in_does_not_cut_the_long_one_of_scale_out() -> None:
    """Two workers grow to six in the burst, and stay six for 15 minutes after they run: scale-in
    that the alarm's OK asks for meanwhile is not carried out.
    """
    run = to_plain(msgsim.run(msgsim.load_text(HELD_IN)))["runs"][0]
    fleet = run["fleets"]["Workers"]
    assert fleet["desired"]["max"] == 6
    assert fleet["left"] == {}
