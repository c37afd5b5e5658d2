"""Systems with delivery streams, wired by hand."""

from __future__ import annotations

from typing import Any

from msgsim.services import discover
from tests.services import hand_built
from tests.services.hand_built import HandBuilt, Log
from tests.services.lambda_built import function

hand_built.KINDS.update(discover())

KIB, MIB = 1 << 10, 1 << 20
S = 10**9
INSTANT = {"time": "0s", "time_per_mib": "0s"}

__all__ = ["KIB", "MIB", "Log", "S", "archive", "built", "delivered", "function", "lambda_step"]


def archive(config: str = "ExtendedS3", **more: Any) -> dict[str, Any]:
    """Return a delivery stream whose receivers take no time, unless `more` says otherwise.

    `into__…` keywords go into the configuration of the destination.
    """
    into = {
        name.removeprefix("into__"): more.pop(name) for name in list(more) if name[:6] == "into__"
    }
    more["destination"] = {**INSTANT, **more.get("destination", {})}
    more["backup"] = {**INSTANT, **more.get("backup", {})}
    return {
        "type": "firehose.delivery_stream",
        f"{config}DestinationConfiguration": into,
        **more,
    }


def lambda_step(**parameters: Any) -> dict[str, Any]:
    """Return a `ProcessingConfiguration` with the function `Clean`."""
    named = {"LambdaArn": "Clean", **parameters}
    return {
        "Processors": [
            {
                "Type": "Lambda",
                "Parameters": [
                    {"ParameterName": name, "ParameterValue": str(value)}
                    for name, value in named.items()
                ],
            }
        ]
    }


def built(stream: dict[str, Any], /, more: dict[str, Any] | None = None, **options: Any) -> Any:
    """Wire a delivery stream `Archive`, and whatever else is given before it."""
    options.setdefault("assumptions", {})
    return HandBuilt({**(more or {}), "Archive": stream}, **options)


def delivered(system: HandBuilt, place: str = "S3") -> list[tuple[float, int, int, float]]:
    """Return `(seconds, records, bytes, age of the oldest in s)` of what a place took."""
    return [
        (at, records, size, at - oldest_ns / S)
        for at, where, records, size, oldest_ns in system.log.of("Archive", "batch_delivered")
        if where == place
    ]
