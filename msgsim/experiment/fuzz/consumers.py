"""Random consumers: fleets of workers, and mappings of queues and streams."""

from __future__ import annotations

from typing import Any

from msgsim.experiment.fuzz.dice import Dice

FILTER = {"Filters": [{"Pattern": {"body": {"kind": ["a"]}}}]}
PARTIAL = ["ReportBatchItemFailures"]


def fleet(dice: Dice, queue: str, time: Any) -> dict[str, Any]:
    """Return a fleet that receives from a queue, with any of its clients and habits."""
    handler: dict[str, Any] = {"time": time}
    if dice.chance(0.5):
        handler["fails"] = dice.pick(("5%", "50%", "100%"))
    if dice.chance(0.2):
        handler["fails_if"] = {"kind": "a"}
    part: dict[str, Any] = {"type": "worker.fleet", "queue": queue, "handler": handler}
    part["workers"] = dice.between(1, 4)
    part["MaxNumberOfMessages"] = dice.pick((1, 1, 3, 10))
    part["WaitTimeSeconds"] = dice.pick((0, 1, 20))
    if part["WaitTimeSeconds"] == 0:
        part["idle"] = dice.pick(("200ms", "1s"))
    _habits(dice, part)
    _client(dice, part)
    _ends(dice, part)
    return part


def _habits(dice: Dice, part: dict[str, Any]) -> None:
    if dice.chance(0.2):
        part["VisibilityTimeout"] = dice.pick((1, 3, 10))
    if dice.chance(0.3):
        part["order"] = "parallel"
    if dice.chance(0.3):
        part["after_failure"] = dice.pick(("continue", "skip_group"))
    if dice.chance(0.2):
        part["heartbeat"] = {"every": "2s", "to": "5s"}
    if dice.chance(0.3):
        part["threads"] = 2


def _client(dice: Dice, part: dict[str, Any]) -> None:
    client = dice.pick(("plain", "plain", "batch", "prefetch", "sqsd", "job"))
    if client == "batch":
        part["delete"] = "batch"
    elif client == "prefetch":
        part["prefetch"] = {"messages": dice.between(1, 20)}
        if dice.chance(0.5):
            part["prefetch"]["drop_expired"] = True
    elif client == "sqsd":
        part.pop("threads", None)
        part["sqsd"] = {"HttpConnections": dice.between(1, 3), "InactivityTimeout": 5}
    elif client == "job":
        part["job"] = {"startup": "500ms"}


def _ends(dice: Dice, part: dict[str, Any]) -> None:
    if dice.chance(0.3):
        part["crash"] = [{"at": f"{dice.between(1, 30)}s", "worker": 0, "restart_after": "2s"}]
    if dice.chance(0.2):
        part["crash_rate"] = "1/m"
    if dice.chance(0.3):
        part["stop"] = {"mode": dice.pick(("none", "finish", "release")), "grace": "3s"}
    if dice.chance(0.3):
        part["scaling"] = {"min": 1, "max": 6} | dice.pick(
            (
                {"target_tracking": {"TargetValue": 3}},
                {"keda": {"queueLength": 2, "pollingInterval": 5}},
                {"demand": {"every": "5s"}},
                {"policies": [{"PolicyName": "Out", "ScalingAdjustment": 2, "Cooldown": 10}]},
            )
        )
    if dice.chance(0.15):
        part["spot"] = {"interruptions": [{"at": "15s"}], "notice": "5s"}


def mapping_of_queue(dice: Dice, queue: str, fifo: bool, function: str) -> dict[str, Any]:
    """Return a mapping that polls a queue for a function."""
    part: dict[str, Any] = {"type": "lambda.event_source_mapping"}
    part |= {"EventSourceArn": queue, "FunctionName": function}
    part["BatchSize"] = dice.pick((1, 3, 10))
    if not fifo and dice.chance(0.3):
        part |= {"BatchSize": 100, "MaximumBatchingWindowInSeconds": dice.between(1, 5)}
    if dice.chance(0.5):
        part["FunctionResponseTypes"] = PARTIAL
    mode = dice.pick(("plain", "limited", "provisioned"))
    if mode == "limited":
        part["ScalingConfig"] = {"MaximumConcurrency": dice.between(2, 5)}
    elif mode == "provisioned" and not fifo:
        part["ProvisionedPollerConfig"] = {"MinimumPollers": 2, "MaximumPollers": 4}
    if dice.chance(0.2):
        part["FilterCriteria"] = FILTER
    return part


def mapping_of_stream(dice: Dice, source: str, function: str, letters: list[str]) -> dict[str, Any]:
    """Return a mapping that reads a stream for a function."""
    part: dict[str, Any] = {"type": "lambda.event_source_mapping"}
    part |= {"EventSourceArn": source, "FunctionName": function}
    part["StartingPosition"] = dice.pick(("TRIM_HORIZON", "LATEST"))
    part["BatchSize"] = dice.pick((1, 10, 100))
    if dice.chance(0.4):
        part["ParallelizationFactor"] = dice.between(2, 3)
    if dice.chance(0.6):
        part["MaximumRetryAttempts"] = dice.between(0, 3)
    if dice.chance(0.4):
        part["BisectBatchOnFunctionError"] = True
    if dice.chance(0.4):
        part["FunctionResponseTypes"] = PARTIAL
    if dice.chance(0.2):
        part["TumblingWindowInSeconds"] = dice.between(5, 30)
        part.pop("ParallelizationFactor", None)
        part.pop("FunctionResponseTypes", None)
    if letters and dice.chance(0.4):
        part["DestinationConfig"] = {"OnFailure": {"Destination": dice.pick(letters)}}
    return part
