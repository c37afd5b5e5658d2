"""A queue, a function and the mapping between them, and what is read off such a system."""

from __future__ import annotations

from typing import Any

from tests.services.hand_built import HandBuilt
from tests.services.lambda_built import built, mapping

S = 10**9


def queue(**more: Any) -> dict[str, Any]:
    return {"type": "sqs.queue", **more}


def redrive(count: int) -> dict[str, Any]:
    return {"deadLetterTargetArn": "Dlq", "maxReceiveCount": count}


def system_of(
    source: dict[str, Any], fn: dict[str, Any], mapped: dict[str, Any] | None = None, **more: Any
) -> HandBuilt:
    """Wire queue `Orders`, dead-letter queue `Dlq`, function `Fn` and their mapping."""
    dead = queue(FifoQueue="true") if source.get("FifoQueue") else queue()
    return built({"Orders": source, "Dlq": dead, "Fn": fn, "Map": mapped or mapping()}, **more)


def starts(system: HandBuilt) -> list[float]:
    return [fact[0] for fact in system.log.of("Fn", "started")]
