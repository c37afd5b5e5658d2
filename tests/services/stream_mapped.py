"""A stream, a function and the Kinesis mapping between them, and what is read off such a system."""

from __future__ import annotations

import json
from typing import Any

from tests.services.hand_built import HandBuilt
from tests.services.lambda_built import built, mapping

S = 10**9
NO_RETRY = {"MaximumRetryAttempts": 0}


def system_of(fn: dict[str, Any], shards: int = 1, **mapped: Any) -> HandBuilt:
    """Wire stream `Events`, function `Fn`, queue `Lost` and a mapping that sends there."""
    options = {name: mapped.pop(name) for name in ("overhead", "logged") if name in mapped}
    mapped.setdefault("StartingPosition", "TRIM_HORIZON")
    return built(
        {
            "Events": {"type": "plain.stream", "ShardCount": shards},
            "Lost": {"type": "sqs.queue"},
            "Fn": fn,
            "Map": mapping("Events", **mapped),
        },
        **options,
    )


def to_lost() -> dict[str, Any]:
    return {"DestinationConfig": {"OnFailure": {"Destination": "Lost"}}}


def documents(system: HandBuilt) -> list[dict[str, Any]]:
    return [json.loads(fact[1].message.body) for fact in system.log.of("Lost", "sent")]


def completed(system: HandBuilt) -> list[int]:
    return [fact[1].message.number for fact in system.log.of("Map", "completed")]


def starts(system: HandBuilt) -> list[float]:
    return [fact[0] for fact in system.log.of("Fn", "started")]


def sizes(system: HandBuilt) -> list[int]:
    return [fact[1] for fact in system.log.of("Fn", "started")]


def steady(system: HandBuilt, per_s: int, seconds: int, keys: int = 1, shard: int = 0) -> None:
    """Send evenly to one shard, the keys taking turns."""
    for number in range(per_s * seconds):
        at = number * S // per_s
        key = f"{shard}:{number % keys}"
        system.sim.at(at, lambda key=key: system.send("Events", key))


def ages(system: HandBuilt, shard: int = 0) -> list[tuple[float, float]]:
    return [
        (fact[0], fact[2] / S) for fact in system.log.of("Map", "iterator_age") if fact[1] == shard
    ]
