"""Random streams with what reads them: consumers, mappings, delivery streams, resharding."""

from __future__ import annotations

from typing import Any

from msgsim.experiment.fuzz.consumers import mapping_of_stream
from msgsim.experiment.fuzz.dice import Dice

Part = dict[str, Any]


def stream(dice: Dice) -> Part:
    """Return a Kinesis stream in one of the capacity modes."""
    part: Part = {"type": "kinesis.stream"}
    if dice.chance(0.75):
        part["ShardCount"] = dice.between(1, 4)
    elif dice.chance(0.5):
        part["RecordDistributionStrategy"] = "AUTO"
    return part


def consumer(dice: Dice, number: int, time: Any) -> Part:
    """Return an application that polls the stream `S`, or is registered with it."""
    handler: Part = {"time": time}
    if dice.chance(0.3):
        handler["fails"] = dice.pick(("5%", "50%"))
    part: Part = {"type": "kinesis.consumer", "StreamARN": "S", "handler": handler}
    part["StartingPosition"] = dice.pick(("LATEST", "TRIM_HORIZON"))
    if dice.chance(0.3):
        part["ConsumerName"] = f"app{number}"
    elif dice.chance(0.5):
        part["poll"] = dice.pick(("200ms", "1s"))
    if dice.chance(0.4):
        part["workers"] = dice.between(1, 3)
        part["checkpoint"] = dice.pick(("0s", "5s"))
    return part


def readers(dice: Dice, source: str, functions: list[str], letters: list[str]) -> dict[str, Part]:
    """Return mappings of a stream to some functions."""
    return {
        f"{source}{function}": mapping_of_stream(dice, source, function, letters)
        for function in dice.some(functions, 2)
    }


def delivery_stream(dice: Dice, source: str | None) -> Part:
    """Return a delivery stream, with direct puts or with a Kinesis stream as its source."""
    part: Part = {"type": "firehose.delivery_stream"}
    if source is not None:
        part["DeliveryStreamType"] = "KinesisStreamAsSource"
        part["KinesisStreamSourceConfiguration"] = {"KinesisStreamARN": source}
    if dice.chance(0.7):
        hints = {"SizeInMBs": 1, "IntervalInSeconds": dice.pick((0, 10, 60))}
        part["ExtendedS3DestinationConfiguration"] = {"BufferingHints": hints}
    else:
        retry = {"DurationInSeconds": dice.pick((0, 20))}
        part["AmazonopensearchserviceDestinationConfiguration"] = {"RetryOptions": retry}
    if dice.chance(0.5):
        part["destination"] = {"time": "300ms", "fails": "20%", "answers_lost": "5%"}
    return part


def action(dice: Dice, parts: dict[str, Part]) -> Part | None:
    """Return something that an operator does to a stream or its consumers, or None."""
    workers = [
        name
        for name, part in parts.items()
        if part["type"] == "kinesis.consumer" and "workers" in part
    ]
    if workers and dice.chance(0.4):
        name = dice.pick(workers)
        done_to_it: tuple[Part, ...] = (
            {"crash_worker": name, "worker": 0},
            {"start_worker": name},
            {"stop_worker": name, "worker": 0},
        )
        return dice.pick(done_to_it)
    if "ShardCount" not in parts.get("S", {}):
        return None
    forms: tuple[Part, ...] = (
        {"split": "S", "shard": dice.between(0, 3)},
        {"merge": "S", "shard": dice.between(0, 2)},
        {"update_shard_count": "S", "to": dice.between(1, 6)},
        {"retain": "S", "to": 48},
    )
    return dice.pick(forms)
