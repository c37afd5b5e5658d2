"""Random workloads, faults and actions for a system that is there already."""

from __future__ import annotations

from typing import Any

from msgsim.experiment.fuzz.dice import Dice
from msgsim.experiment.fuzz.streams import action
from msgsim.experiment.fuzz.topology import Parts, is_fifo, of_kind

Entries = list[dict[str, Any]]
MOST = 400
"""Messages of one workload, so that a run takes a fraction of a second."""


def draw_workloads(dice: Dice, parts: Parts, duration_s: int) -> Entries:
    """Return one to three workloads."""
    targets = [
        *of_kind(parts, "sns.topic"),
        *of_kind(parts, "kinesis.stream"),
        *of_kind(parts, "dynamodb.stream"),
        *(name for name in of_kind(parts, "firehose.delivery_stream") if is_direct(parts[name])),
        *of_kind(parts, "sqs.queue"),
    ]
    count = dice.between(1, 3)
    return [_workload(dice, parts, f"P{number}", targets, duration_s) for number in range(count)]


def _workload(
    dice: Dice, parts: Parts, name: str, targets: list[str], duration_s: int
) -> dict[str, Any]:
    to = dice.pick(targets)
    target = parts[to]
    ordered = is_fifo(target) or target["type"] in ("kinesis.stream", "dynamodb.stream")
    entry: dict[str, Any] = {"name": name, "to": to, "count": dice.between(1, MOST)}
    entry["arrivals"] = _arrivals(dice)
    if ordered or dice.chance(0.5):
        many = dice.pick((1, 3, 20))
        entry["keys"] = dice.pick((many, {"zipf": many}, {"round_robin": many}))
        if target["type"] == "sqs.queue" and not ordered and dice.chance(0.4):
            entry["group"] = True
    if dice.chance(0.4):
        entry["batch"] = dice.pick((2, 10))
        entry["batch_wait"] = dice.pick(("20ms", "1s"))
    if dice.chance(0.4):
        entry["size"] = dice.pick(("100B", "5KiB", "100KiB"))
    if dice.chance(0.5):
        entry["attributes"] = {"kind": {"a": 1, "b": 2}}
    if target.get("ContentBasedDeduplication") and dice.chance(0.5):
        entry["deduplication"] = "content"
    _client(dice, entry)
    if dice.chance(0.2):
        entry["from"] = f"{dice.between(1, duration_s // 2)}s"
    return entry


def is_direct(part: dict[str, Any]) -> bool:
    """Say whether a delivery stream takes puts."""
    return "DeliveryStreamType" not in part


def _arrivals(dice: Dice) -> dict[str, Any]:
    rate = f"{dice.pick((1, 5, 20, 100, 1000))}/s"
    forms: tuple[dict[str, Any], ...] = (
        {"steady": rate},
        {"poisson": rate},
        {"burst": dice.between(1, 100)},
        {"burst": dice.between(1, 20), "every": f"{dice.between(1, 9)}s"},
        {"profile": [["0s", rate], ["7s", "2/s"], ["20s", "10/s"]]},
        {"daily": {"low": "1/s", "high": rate, "day": "30s"}},
    )
    return dice.pick(forms)


def _client(dice: Dice, entry: dict[str, Any]) -> None:
    if dice.chance(0.2):
        entry["response_lost"] = "5%"
    if dice.chance(0.3):
        entry["retry"] = dice.pick(("none", 2, {"attempts": 5, "base": "100ms", "cap": "1s"}))
    if dice.chance(0.3):
        entry["resend"] = {"share": "20%", "after": dice.pick(("1s", "30s"))}


def draw_faults(dice: Dice, parts: Parts, duration_s: int) -> Entries:
    """Return up to three faults."""
    entries: Entries = []
    names = [name for name, part in parts.items() if part["type"] not in NO_FAULTS]
    for _ in range(dice.between(0, 3)):
        entry: dict[str, Any] = {"at": f"{dice.between(0, duration_s - 1)}s"}
        if dice.chance(0.8):
            entry["for"] = f"{dice.between(1, 20)}s"
        subscriptions = of_kind(parts, "sns.subscription")
        kind = dice.pick(("slow", "down", "deny"))
        if kind == "deny" and subscriptions:
            entry["deny"] = dice.pick(subscriptions)
            entry["because"] = dice.pick(("permission", "key", "deleted"))
        elif kind == "slow":
            entry |= {"slow": dice.pick(names), "by": dice.pick(("3x", "20x", "0.5x"))}
        else:
            entry["down"] = dice.pick(names)
        entries.append(entry)
    return entries


NO_FAULTS = ("cloudwatch.alarm",)


def draw_actions(dice: Dice, parts: Parts, duration_s: int) -> Entries:
    """Return up to three API calls."""
    queues = of_kind(parts, "sqs.queue")
    letters = [
        part["RedrivePolicy"]["deadLetterTargetArn"]
        for part in parts.values()
        if part["type"] == "sqs.queue" and "RedrivePolicy" in part
    ]
    entries: Entries = []
    for _ in range(dice.between(0, 3)):
        entry: dict[str, Any] = {"at": f"{dice.between(1, duration_s - 1)}s"}
        kind = dice.pick(("purge", "move", "set", "cancel", "stream"))
        of_stream = action(dice, parts) if kind == "stream" else None
        if of_stream is not None:
            entry |= of_stream
        elif kind in ("move", "cancel") and letters:
            entry[kind] = dice.pick(letters)
            if kind == "move" and dice.chance(0.5):
                entry["MaxNumberOfMessagesPerSecond"] = dice.pick((1, 50, 500))
        elif kind == "set":
            changes = (("DelaySeconds", 0), ("DelaySeconds", 5), ("VisibilityTimeout", 40))
            changed, value = dice.pick((*changes, ("MessageRetentionPeriod", 60)))
            entry |= {"set": f"{dice.pick(queues)}.{changed}", "to": value}
        else:
            entry["purge"] = dice.pick(queues)
        entries.append(entry)
    return entries
