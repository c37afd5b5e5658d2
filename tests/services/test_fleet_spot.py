"""worker.fleet: when a worker whose Spot capacity is taken back no longer counts, by platform."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.services.worker_fleet.drain import REPLACED, Spot
from tests.services.hand_built import NO_LATENCY, HandBuilt

NS_PER_S = 1_000_000_000
NOTICE, STARTUP, WORK = 100.0, 10.0, 20.0
"""Notice at 100 s, 10 s to start; the message in hand was begun at 90 s and takes 20 s."""


def interrupted(preset: str | None, **spot: Any) -> HandBuilt:
    """One worker with 10 s of work left when the notice comes, and a second message at 111 s."""
    fleet: dict[str, Any] = {
        "type": "worker.fleet",
        "queue": "Orders",
        "workers": 1,
        "handler": {"time": f"{WORK:.0f}s"},
        "startup": f"{STARTUP:.0f}s",
        "stop": {"mode": "finish", "grace": "30s"},
        "spot": {"interruptions": [{"at": f"{NOTICE:.0f}s"}], **spot},
        **NO_LATENCY,
    }
    if preset is not None:
        fleet["preset"] = preset
    if preset == "eks-keda":
        fleet["scaling"] = {"min": 1, "max": 1}
    system = HandBuilt(
        {"Orders": {"type": "sqs.queue", "VisibilityTimeout": 600}, "Workers": fleet}
    )
    system.send_at("90s", "Orders")
    system.send_at("111s", "Orders")
    return system.run("10m")


def launched(system: HandBuilt) -> float:
    """Return when the replacement was launched: it is in service one start-up later."""
    back = [
        at for at, _, running, _ in system.log.of("Workers", "resized") if at > NOTICE and running
    ]
    return float(back[0]) - STARTUP


@pytest.mark.parametrize(
    ("preset", "moment"),
    [
        (None, NOTICE + 120),
        ("ec2", NOTICE + 120),
        ("batch", NOTICE + 120),
        ("ecs", 110.0),
        ("eks-keda", NOTICE),
    ],
)
def test_the_platform_decides_when_an_interrupted_worker_is_replaced(
    preset: str | None, moment: float
) -> None:
    """An Auto Scaling group replaces an instance when it is gone, 120 s after the notice. ECS puts
    the instance into DRAINING at the notice, stops its tasks and replaces what has stopped: at
    110 s, when the work is done. A ReplicaSet does not count pods that terminate: at the notice.

    Sources: EC2 User Guide, spot-instance-termination-notices; ECS Developer Guide,
    container-instance-draining and spot-instance-draining-linux-container; KEP-3973.
    """
    assert launched(interrupted(preset)) == moment


@pytest.mark.parametrize("preset", ["ec2", "ecs", "eks-keda"])
def test_who_does_not_heed_the_notice_is_replaced_when_the_machine_is_gone(preset: str) -> None:
    """Nothing stops before the end, so that nothing else can take its place earlier."""
    assert launched(interrupted(preset, heeded="false")) == NOTICE + 120


@pytest.mark.parametrize("preset", ["ec2", "ecs", "eks-keda"])
def test_rebalancing_replaces_at_the_notice_everywhere(preset: str) -> None:
    """Capacity Rebalancing launches before the old instance ends (EC2 Auto Scaling User Guide)."""
    assert launched(interrupted(preset, rebalance="true")) == NOTICE


@pytest.mark.parametrize("replaced", REPLACED)
@pytest.mark.parametrize("rebalance", ["false", "true"])
def test_there_is_exactly_one_replacement(replaced: str, rebalance: str) -> None:
    """Whenever it comes: ten minutes later the fleet is as large as it should be, and both
    messages were done once.
    """
    system = interrupted(None, replaced=replaced, rebalance=rebalance)
    running = [count for _, _, count, _ in system.log.of("Workers", "resized")]
    assert system["Workers"].running == 1
    assert len([1 for one, two in pairwise(running) if two > one]) == 1
    assert len(system.log.of("Workers", "completed")) == 2


def test_each_stage_counts_less_than_the_one_before() -> None:
    """What counts at an early stage counts at every later one."""
    stages = ["noticed", *REPLACED]
    states = ["starting", "running", "away", "leaving", "gone"]
    counted = [
        {state for state in states if Spot(None, (), 0, True, stage).counts(state)}
        for stage in stages
    ]
    assert counted == [set(), {*states[:3]}, {*states[:4]}, {*states}]


STANDS_STILL = """
msgsim: 1
seed: 3
duration: 20m
resources:
  Orders: {type: sqs.queue}
  Workers:
    type: worker.fleet
    preset: %s
    queue: Orders
    workers: 1
    startup: 10s
    handler: {time: 100ms}
    stop: {mode: finish, grace: 30s}
    spot: {interruptions: [{at: 10m}]}
workload:
  - {to: Orders, rate: 2/s}
"""


@pytest.mark.parametrize(("preset", "still_s"), [("ec2", 130), ("ecs", 10)])
def test_the_queue_stands_still_no_longer_than_a_task_takes_to_start(
    preset: str, still_s: int
) -> None:
    """With messages of 100 ms in hand the drain takes at most a second; after it nobody works for
    the start-up of 10 s (ECS), or for the rest of the notice as well (EC2).
    """
    run = to_plain(msgsim.run(msgsim.load_text(STANDS_STILL % preset)))["runs"][0]
    worst_s = run["latency"]["Orders"]["end_to_end"]["max_s"]
    assert still_s - 1 <= worst_s <= still_s + 3
