"""Random resources: queues with dead-letter chains, topics, streams, functions, fleets, alarms.

Everything is what AWS and msgsim accept: a scenario that does not validate is a bug here.
"""

from __future__ import annotations

from typing import Any

from msgsim.experiment.fuzz import streams
from msgsim.experiment.fuzz.consumers import fleet, mapping_of_queue
from msgsim.experiment.fuzz.dice import Dice

Parts = dict[str, dict[str, Any]]
TIMES = (("5ms", "30ms"), ("50ms", "200ms"), ("300ms", "2s"), ("1s", "4s"))
"""Means, with a 99th percentile for each."""


def is_fifo(part: dict[str, Any]) -> bool:
    """Say whether a queue or topic is a FIFO one."""
    return bool(part.get("FifoQueue") or part.get("FifoTopic"))


def of_kind(parts: Parts, kind: str) -> list[str]:
    """Return the names of all parts of a kind."""
    return [name for name, part in parts.items() if part["type"] == kind]


def draw_time(dice: Dice) -> Any:
    """Return a random time of a second or so."""
    mean, late = dice.pick(TIMES)
    forms: tuple[Any, ...] = (
        mean,
        {"dist": "exponential", "mean": mean},
        {"dist": "lognormal", "mean": mean, "p99": late},
        {"dist": "uniform", "low": "1ms", "high": late},
    )
    return dice.pick(forms)


def draw_resources(dice: Dice) -> Parts:
    """Return a random system without its workloads."""
    parts: Parts = {}
    for number in range(dice.between(1, 3)):
        _queue(dice, parts, f"Q{number}", depth=0)
    for number in range(dice.between(0, 2)):
        parts[f"F{number}"] = _function(dice, parts)
    for number in range(dice.between(0, 2)):
        _topic(dice, parts, f"T{number}")
    _streams(dice, parts)
    for name in of_kind(parts, "sqs.queue"):
        _consumers(dice, parts, name)
    if dice.chance(0.4):
        _alarm(dice, parts)
    return parts


def _queue(dice: Dice, parts: Parts, name: str, depth: int, fifo: bool | None = None) -> None:
    part: dict[str, Any] = {"type": "sqs.queue"}
    parts[name] = part
    if dice.chance(0.4) if fifo is None else fifo:
        part["FifoQueue"] = True
        _fifo_properties(dice, part)
    part["VisibilityTimeout"] = dice.pick((10, 10, 12, 15, 30))
    if dice.chance(0.25):
        part["DelaySeconds"] = dice.between(1, 10)
    if dice.chance(0.3):
        part["ReceiveMessageWaitTimeSeconds"] = dice.between(1, 20)
    if dice.chance(0.15):
        part["MessageRetentionPeriod"] = dice.pick((60, 60, 90))
    if dice.chance(0.15):
        part["MaximumMessageSize"] = 4_096
    if dice.chance(0.5) and depth < 3:
        dead = f"{name}d"
        part["RedrivePolicy"] = {
            "deadLetterTargetArn": dead,
            "maxReceiveCount": dice.pick((1, 2, 3)),
        }
        _queue(dice, parts, dead, depth + 1, is_fifo(part))


def _fifo_properties(dice: Dice, part: dict[str, Any]) -> None:
    if dice.chance(0.4):
        part["ContentBasedDeduplication"] = True
    if dice.chance(0.4):
        part["DeduplicationScope"] = "messageGroup"
        if dice.chance(0.6):
            part["FifoThroughputLimit"] = "perMessageGroupId"


def _function(dice: Dice, parts: Parts) -> dict[str, Any]:
    handler: dict[str, Any] = {"time": draw_time(dice)}
    if dice.chance(0.5):
        handler["fails"] = dice.pick(("1%", "20%", "100%"))
    if dice.chance(0.3):
        handler["report"] = dice.pick(("raise", "failed", "stop", "malformed"))
    if dice.chance(0.2):
        handler["idempotency"] = {"ttl": "1h", "key": dice.pick(("message", "copy"))}
    part: dict[str, Any] = {"type": "lambda.function", "Timeout": dice.between(1, 10)}
    part["handler"] = handler
    if dice.chance(0.3):
        part["ReservedConcurrentExecutions"] = dice.between(1, 6)
    standard = [name for name in of_kind(parts, "sqs.queue") if not is_fifo(parts[name])]
    if dice.chance(0.4):
        part["EventInvokeConfig"] = {"MaximumRetryAttempts": dice.between(0, 2)}
    if standard and dice.chance(0.3):
        part["DeadLetterConfig"] = {"TargetArn": dice.pick(standard)}
    return part


def _topic(dice: Dice, parts: Parts, name: str) -> None:
    part: dict[str, Any] = {"type": "sns.topic"}
    fifo = dice.chance(0.4)
    if fifo:
        part["FifoTopic"] = True
        if dice.chance(0.5):
            part["ContentBasedDeduplication"] = True
        if dice.chance(0.4):
            part["FifoThroughputScope"] = "MessageGroup"
    queues = [each for each in of_kind(parts, "sqs.queue") if fifo or not is_fifo(parts[each])]
    endpoints = dice.some(queues, 3)
    functions = [] if fifo else dice.some(of_kind(parts, "lambda.function"), 1)
    parts[name] = part
    for number, endpoint in enumerate([*endpoints, *functions]):
        protocol = "sqs" if endpoint in endpoints else "lambda"
        parts[f"{name}s{number}"] = _subscription(dice, parts, name, protocol, endpoint)
    if not fifo and dice.chance(0.2):
        parts[f"{name}web"] = {"type": "sns.endpoint", "time": "20ms", "fails": "10%"}
        web = _subscription(dice, parts, name, "https", f"{name}web")
        parts[f"{name}w"] = web


def _subscription(
    dice: Dice, parts: Parts, topic: str, protocol: str, endpoint: str
) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "sns.subscription", "TopicArn": topic}
    part |= {"Protocol": protocol, "Endpoint": endpoint}
    if protocol == "sqs" and dice.chance(0.5):
        part["RawMessageDelivery"] = True
    policies = ({"kind": ["a"]}, {"kind": [{"prefix": "a"}]}, {"kind": [{"anything-but": "a"}]})
    if dice.chance(0.4):
        part["FilterPolicy"] = dice.pick(policies)
    fifo = is_fifo(parts[endpoint])
    fitting = [
        name
        for name in of_kind(parts, "sqs.queue")
        if is_fifo(parts[name]) == fifo and name != endpoint
    ]
    if fitting and dice.chance(0.3):
        part["RedrivePolicy"] = {"deadLetterTargetArn": dice.pick(fitting)}
    return part


def _streams(dice: Dice, parts: Parts) -> None:
    functions = of_kind(parts, "lambda.function")
    letters = [name for name in of_kind(parts, "sqs.queue") if not is_fifo(parts[name])]
    if dice.chance(0.4):
        parts["S"] = streams.stream(dice)
        for number in range(dice.between(0, 2)):
            parts[f"C{number}"] = streams.consumer(dice, number, draw_time(dice))
        parts |= streams.readers(dice, "S", functions, letters)
    if functions and dice.chance(0.15):
        parts["D"] = {"type": "dynamodb.stream", "partitions": dice.between(1, 3)}
        parts |= streams.readers(dice, "D", functions, letters)
    if dice.chance(0.25):
        source = "S" if "S" in parts and dice.chance(0.6) else None
        parts["H"] = streams.delivery_stream(dice, source)


def _consumers(dice: Dice, parts: Parts, queue: str) -> None:
    if dice.chance(0.6):
        parts[f"{queue}w"] = fleet(dice, queue, draw_time(dice))
    timeout_s = parts[queue]["VisibilityTimeout"]
    fitting = [
        name for name in of_kind(parts, "lambda.function") if parts[name]["Timeout"] <= timeout_s
    ]
    for function in dice.some(fitting, 1):
        mapping = mapping_of_queue(dice, queue, is_fifo(parts[queue]), function)
        parts[f"{queue}m"] = mapping
        if "FilterCriteria" in mapping and f"{queue}w" in parts and dice.chance(0.5):
            # The mapping may filter what a worker, whose timeout is over, is still busy with.
            parts[f"{queue}w"]["VisibilityTimeout"] = 1


def _alarm(dice: Dice, parts: Parts) -> None:
    queue = dice.pick(of_kind(parts, "sqs.queue"))
    part: dict[str, Any] = {
        "type": "cloudwatch.alarm",
        "MetricName": dice.pick(
            ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage")
        ),
        "Dimensions": queue,
        "Threshold": dice.between(0, 20),
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": dice.between(1, 2),
    }
    topics = [name for name in of_kind(parts, "sns.topic") if not is_fifo(parts[name])]
    if topics and dice.chance(0.6):
        part["AlarmActions"] = [dice.pick(topics)]
    grown = [
        f"{name}.Out"
        for name, each in parts.items()
        if each["type"] == "worker.fleet" and "policies" in each.get("scaling", {})
    ]
    if grown:
        part["OKActions"] = [dice.pick(grown)]
    parts["Alarm"] = part
