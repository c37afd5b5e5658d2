"""worker.fleet grows and shrinks: target tracking, policies, KEDA, Batch, presets; and theory."""

from __future__ import annotations

from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.model.catalog import Page
from msgsim.services.worker_fleet.pods import PodRules, PodScaler
from msgsim.services.worker_fleet.scaling import (
    PolicyRules,
    Step,
    TargetTracking,
    TrackingRules,
    percentage,
)
from msgsim.services.worker_fleet.spec import PAGE, FleetSpec
from tests.services.hand_built import NO_LATENCY, HandBuilt, codes

NS_PER_S = 1_000_000_000
MINUTE = 60 * NS_PER_S


def fleet(**more: Any) -> dict[str, Any]:
    return {
        "type": "worker.fleet",
        "queue": "Orders",
        "handler": {"time": "1s"},
        **NO_LATENCY,
        **more,
    }


def built(assumptions: dict[tuple[str, str], Any] | None = None, **more: Any) -> HandBuilt:
    return HandBuilt(
        {"Orders": {"type": "sqs.queue", "VisibilityTimeout": 600}, "Workers": fleet(**more)},
        assumptions=assumptions,
    )


def send(system: HandBuilt, count: int, at: str = "0s") -> None:
    for _ in range(count):
        system.send_at(at, "Orders")


def sizes(system: HandBuilt) -> list[tuple[float, int, int]]:
    """Return `(seconds, desired, running)` whenever the size changed."""
    return [fact[:3] for fact in system.log.of("Workers", "resized")]


# Target tracking --------------------------------------------------------------------------------


def tracking(**more: Any) -> TargetTracking:
    given = {"target": 100, "high_points": 3, "low_points": 15, "low_share": 0.9, **more}
    return TargetTracking(TrackingRules(**given))


def test_the_example_of_the_documentation() -> None:
    """1,500 messages, 10 instances, 100 messages for each: scale out by 5.

    Source: EC2 Auto Scaling User Guide, as-using-sqs-queue.
    """
    policy = tracking()
    found = [policy.decide(n * MINUTE, 150.0, 10, 10, False) for n in range(3)]
    assert found == [None, None, 15]


def test_scaling_in_waits_for_fifteen_low_minutes_and_for_warm_workers() -> None:
    """Scale-out takes 3 datapoints, scale-in 15 below 90 % of the target, and none while a worker
    warms up.

    Source: EC2 Auto Scaling User Guide, default instance warmup; the counts are labelled
    assumptions.
    """
    policy = tracking()
    found = [policy.decide(n * MINUTE, 50.0, 10, 10, n < 16) for n in range(18)]
    assert found == [None] * 16 + [5, 5]
    between = tracking()
    assert [between.decide(n * MINUTE, 95.0, 10, 10, False) for n in range(30)] == [None] * 30


def test_without_a_running_worker_there_is_no_metric_and_no_scaling() -> None:
    """Target tracking does not scale on insufficient data.

    Source: Amazon ECS Developer Guide, service-autoscaling-targettracking.
    """
    policy = tracking()
    assert [policy.decide(n * MINUTE, None, 0, 0, False) for n in range(20)] == [None] * 20


def test_a_burst_is_met_by_as_many_workers_as_the_backlog_asks_for() -> None:
    """1,500 messages at once and 10 workers of 100 s a message: after three datapoints (1, 2 and
    3 min) the 1,480 to 1,490 that wait ask for 15.
    """
    system = built(
        {("worker.fleet", "metric_delay"): "0s"},
        workers=10,
        handler={"time": "100s"},
        startup="30s",
        scaling={"max": 20, "target_tracking": {"TargetValue": 100}},
    )
    send(system, 1500)
    system.run("211s")
    assert sizes(system) == [(0, 10, 10), (180, 15, 10)] + [(210, 15, n) for n in range(11, 16)]


@pytest.mark.parametrize(("rate", "service_s"), [(4.0, 1.0), (2.5, 3.0)])
def test_capacity_reaches_the_offered_load(rate: float, service_s: float) -> None:
    """A fleet is stable only with more than λS workers (utilisation below 1), and Little's law
    makes λS of them busy on average. Target tracking finds that number from one worker on.
    """
    text = f"""
msgsim: 1
duration: 3h
warm_up: 1h
seed: 3
resources:
  Orders: {{type: sqs.queue, VisibilityTimeout: 300}}
  Workers:
    type: worker.fleet
    queue: Orders
    workers: 1
    handler: {{time: {{dist: exponential, mean: {service_s}s}}}}
    receive_time: 0s
    delete_time: 0s
    startup: 30s
    scaling: {{max: 40, target_tracking: {{TargetValue: 30}}}}
workload:
  - {{to: Orders, arrivals: {{poisson: {rate}/s}}}}
"""
    run = to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]
    load = rate * service_s
    size = run["fleets"]["Workers"]
    assert size["workers"]["max"] >= ceil(load)
    assert size["workers"]["mean"] > load
    busy = run["servers"]["Workers"]["concurrency"]["mean"]
    # After a start with one worker a backlog remains to be worked off in the hours observed.
    assert abs(busy - load) < 0.06 * load
    assert run["queues"]["Orders"]["visible"]["end"] < 2 * 30 * 0.9 * size["workers"]["max"]


# Step and simple scaling ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("percent", "change"), [(5, 1), (12, 1), (-5, -1), (-27, -2), (27, 2), (0, 0), (100, 10)]
)
def test_percentages_are_rounded_towards_zero_but_not_to_nothing(percent: int, change: int) -> None:
    """Above 1 rounded down, between 0 and 1 up to 1, and alike below 0 (of 10 workers).

    Source: EC2 Auto Scaling User Guide, step and simple scaling policies, adjustment types.
    """
    assert percentage(10, percent) == change


def test_steps_are_chosen_by_the_size_of_the_breach() -> None:
    """Bounds count from the threshold; the lower one is included above it, the upper one below it.

    Source: EC2 Auto Scaling User Guide, step adjustments.
    """
    steps = (Step(0, 10, 1), Step(10, None, 5), Step(-10, 0, -1), Step(None, -10, -3))
    rules = PolicyRules("Out", steps)
    wanted = {beyond: rules.wanted(10, beyond) for beyond in (0, 9.9, 10, 400, -0.1, -9.9, -10)}
    assert wanted == {0: 11, 9.9: 11, 10: 15, 400: 15, -0.1: 9, -9.9: 9, -10: 7}
    assert PolicyRules("Out", (Step(10, 20, 1),)).wanted(10, 5) is None
    assert PolicyRules("To", adjustment=7, adjustment_type="ExactCapacity").wanted(10, 5) == 7


def scaled(at: tuple[int, ...], policy: dict[str, Any], **more: Any) -> HandBuilt:
    """Carry policy Out out at these seconds, for a breach of 0."""
    system = built(
        workers=4,
        scaling={"max": 20, "policies": [{"PolicyName": "Out", **policy}]},
        **{"startup": "10s", **more},
    )
    for second in at:
        system.sim.at(second * NS_PER_S, system["Workers"].scale, "Out", 0.0)
    return system.run("20m")


def test_simple_scaling_waits_for_the_activity_and_its_cooldown() -> None:
    """After workers were launched, simple scaling waits until they run, and then `Cooldown`.

    Source: EC2 Auto Scaling User Guide, scaling cooldowns.
    """
    system = scaled((60, 65, 120, 369, 371), {"ScalingAdjustment": 2, "Cooldown": 300})
    assert [fact[0] for fact in system.log.of("Workers", "scaled")] == [60, 371]
    assert system["Workers"].running == 8


def test_step_scaling_counts_warming_workers_as_on_their_way() -> None:
    """While launched workers warm up, a further breach adds only what exceeds them; afterwards the
    same breach adds again.

    Source: EC2 Auto Scaling User Guide, default instance warmup ("doesn't include" in capacity).
    """
    step = {
        "PolicyType": "StepScaling",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 2}],
        "EstimatedInstanceWarmup": 120,
    }
    system = scaled((60, 120, 180, 240), step)
    assert [fact[0] for fact in system.log.of("Workers", "scaled")] == [60, 240]


def test_step_scaling_does_not_shrink_while_workers_warm_up() -> None:
    step = {
        "PolicyType": "StepScaling",
        "StepAdjustments": [
            {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 2},
            {"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1},
        ],
        "EstimatedInstanceWarmup": 120,
    }
    system = scaled((60,), step)
    other = built(
        workers=4, startup="10s", scaling={"max": 20, "policies": [{"PolicyName": "Out", **step}]}
    )
    other.sim.at(60 * NS_PER_S, other["Workers"].scale, "Out", 0.0)
    for second in (100, 200):
        other.sim.at(second * NS_PER_S, other["Workers"].scale, "Out", -5.0)
    other.run("10m")
    assert system["Workers"].desired == 6
    assert [fact[0] for fact in other.log.of("Workers", "scaled")] == [60, 200]


# KEDA -------------------------------------------------------------------------------------------


def test_thirty_messages_of_ten_each_are_three_pods() -> None:
    """KEDA's own example: `queueLength: 10`, 30 messages, 3 pods.

    Source: KEDA documentation, AWS SQS Queue scaler.
    """
    scaler = PodScaler(PodRules(10, 0.1, 4, 300 * NS_PER_S))
    assert scaler.recommend(0, 30, 1) == 3


def test_pods_are_added_four_at_a_time_or_doubled() -> None:
    """Scaling up takes the larger of 4 pods and 100 % in 15 s, without stabilisation.

    Source: kubernetes.io, Horizontal Pod Autoscaling, default behavior.
    """
    scaler = PodScaler(PodRules(5, 0.1, 4, 300 * NS_PER_S))
    size, found = 1, []
    for step in range(5):
        size = scaler.recommend(step * 15 * NS_PER_S, 500, size)
        found.append(size)
    assert found == [5, 10, 20, 40, 80]


def test_within_a_tenth_nothing_changes_and_shrinking_takes_five_minutes() -> None:
    """A ratio within 10 % is left alone; scaling down takes the highest recommendation of 300 s."""
    scaler = PodScaler(PodRules(10, 0.1, 4, 300 * NS_PER_S))
    assert scaler.recommend(0, 109, 10) == 10
    assert scaler.recommend(15 * NS_PER_S, 111, 10) == 12
    found = [scaler.recommend(n * 15 * NS_PER_S, 20, 12) for n in range(2, 24)]
    assert found.index(2) == 19  # 315 s, when the 12 of 15 s is 300 s old
    assert set(found[:19]) == {12}


def test_keda_starts_from_nothing_and_goes_back_to_it() -> None:
    """Activation is polled every 30 s, the HPA every 15 s; after `cooldownPeriod` without messages
    the last replica goes.
    """
    system = built(preset="eks-keda", startup="10s")
    send(system, 1, "61s")
    system.run("20m")
    assert sizes(system) == [
        (0, 0, 0),
        (90, 1, 0),
        (100, 1, 1),
        # Last seen at 90 s, and 390 s is 300 s later; the pod ends the long poll it has begun.
        (390, 0, 0),
        (401, 0, 0),
    ]
    assert [fact[1:] for fact in system.log.of("Workers", "left")] == [("scale_in", [])]


def test_messages_in_flight_count_unless_told_otherwise() -> None:
    """`scaleOnInFlight: true` is KEDA's default."""
    found = []
    for counted in ("true", "false"):
        system = built(
            workers=10,
            handler={"time": "600s"},
            scaling={"min": 1, "max": 20, "keda": {"queueLength": 1, "scaleOnInFlight": counted}},
        )
        send(system, 10)
        system.run("9m")
        found.append(system["Workers"].desired)
    assert found == [10, 1]


# Batch ------------------------------------------------------------------------------------------


def test_a_compute_environment_follows_the_jobs_and_each_job_starts_a_container() -> None:
    """Nothing runs at first; at the first evaluation there is one worker for each job, up to
    `max`, and each message waits for capacity (60 s) and for its container (10 s).
    """
    system = built(
        preset="batch",
        startup="60s",
        job={"startup": "10s"},
        scaling={"max": 3, "demand": {"every": "30s", "idle": "5m"}},
    )
    send(system, 4)
    system.run("20m")
    done = [fact[0] for fact in system.log.of("Workers", "completed")]
    assert done == [101.0, 101.0, 101.0, 112.0]
    assert system["Workers"].desired == 0


# Presets ----------------------------------------------------------------------------------------


def test_every_number_of_a_preset_has_a_source() -> None:
    page = Page(PAGE.path)
    sources = page.data["sources"]
    for name, entries in page.data["presets"].items():
        for path, entry in entries.items():
            assert entry["source"] in sources, f"{name}.{path}"


def test_a_preset_is_spelt_out_and_what_is_written_wins() -> None:
    spec = FleetSpec.model_validate(
        {
            "queue": "Orders",
            "preset": "beanstalk",
            "workers": 2,
            "handler": {"time": "1s"},
            "sqsd": {"HttpConnections": 10},
        }
    )
    assert spec.sqsd is not None
    assert (spec.sqsd.HttpConnections, spec.sqsd.InactivityTimeout) == (10, 299)
    assert spec.VisibilityTimeout == 300
    assert spec.loops == 10
    assert "sqsd.HttpConnections" not in spec.origins()
    assert "Elastic Beanstalk" in spec.origins()["sqsd.InactivityTimeout"]


def test_a_preset_defaults_only_what_belongs_to_it() -> None:
    """Cooldowns of a policy are there only where a policy is."""
    plain = FleetSpec.model_validate(
        {"queue": "Orders", "preset": "ecs", "workers": 2, "handler": {"time": "1s"}}
    )
    assert plain.scaling is None
    assert (plain.stop.mode, plain.stop.grace) == ("finish", 30 * NS_PER_S)
    assert plain.assumed() == {"startup": "ecs_startup"}


# Whatever happens -------------------------------------------------------------------------------


@given(
    st.integers(0, 3),
    st.integers(1, 8),
    st.sampled_from(["target_tracking", "keda", "demand"]),
    st.sampled_from(["none", "finish", "release"]),
    st.integers(1, 150),
    st.integers(0, 2**16),
)
@settings(max_examples=25, deadline=None)
def test_never_more_than_max_and_nothing_lost(
    least: int, more: int, rule: str, mode: str, count: int, seed: int
) -> None:
    """Random fleets under random bursts: in service between 0 and max, and every message is done
    or still there.
    """
    most = least + more
    how: dict[str, Any] = {
        "target_tracking": {"TargetValue": 3},
        "keda": {"queueLength": 2},
        "demand": {"every": "30s", "idle": "1m"},
    }
    system = HandBuilt(
        {
            "Orders": {"type": "sqs.queue", "VisibilityTimeout": 60},
            "Workers": fleet(
                workers=max(1, least),
                handler={"time": {"dist": "exponential", "mean": "5s"}},
                startup={"dist": "exponential", "mean": "20s"},
                stop={"mode": mode, "grace": "10s"},
                spot={"rate": "2/h"},
                crash_rate="2/h",
                scaling={"min": least, "max": most, rule: how[rule]},
            ),
        },
        seed=seed,
    )
    for burst in range(3):
        send(system, count, f"{burst * 600 + 60}s")
    system.run("1h")
    for _, desired, running, starting in system.log.of("Workers", "resized"):
        assert least <= desired <= most or desired == max(1, least)
        assert running + starting <= most
    done = {fact[1].message.number for fact in system.log.of("Workers", "completed")}
    held = {copy.message.number for _, copy in system["Orders"].holds()}
    assert done | held == set(range(3 * count))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"workers": 2, "scaling": {"min": 3, "max": 2}}, ["E352"]),
        ({"workers": 9, "scaling": {"max": 4}}, ["E352"]),
        ({"scaling": {"min": 0, "max": 4, "target_tracking": {"TargetValue": 9}}}, ["W252"]),
        ({"scaling": {"max": 4, "target_tracking": {"TargetValue": 0}}}, ["E354"]),
        ({"scaling": {"max": 4, "target_tracking": {"TargetValue": 1}, "keda": {}}}, ["E353"]),
        ({"scaling": {"max": 4, "policies": [{"PolicyName": "A"}]}}, ["E354"]),
        (
            {"scaling": {"max": 4, "policies": [{"PolicyName": "A", "PolicyType": "StepScaling"}]}},
            ["E354"],
        ),
        ({"workers": 2, "prefetch": {"messages": 9}, "sqsd": {}}, ["E355"]),
        ({"workers": 2, "prefetch": {"messages": 90}}, ["W254"]),
        ({"workers": 2, "threads": 4, "sqsd": {}}, ["E355"]),
        ({"workers": 99_999, "threads": 4}, ["E109"]),
        (
            {
                "handler": {"time": "40s"},
                "VisibilityTimeout": 60,
                "stop": {"mode": "finish", "grace": "30s"},
                "scaling": {"max": 2},
            },
            ["W256"],
        ),
    ],
)
def test_findings(more: dict[str, Any], expected: list[str]) -> None:
    assert codes({"Orders": {"type": "sqs.queue"}, "Workers": fleet(**more)}) == expected
