"""Mappings and delivery streams read a parent to its end before its children."""

from __future__ import annotations

from typing import Any

from tests.services.firehose_built import archive
from tests.services.hand_built import HandBuilt
from tests.services.lambda_built import built, function, mapping
from tests.services.splitting import SplittingStream

S = 10**9
STREAM = {"type": "splitting.stream", "split_at": "30s"}


def fed(resources: dict[str, Any], until: str, per_s: int = 20) -> HandBuilt:
    system = built({"Events": STREAM, **resources})
    assert isinstance(system["Events"], SplittingStream)
    for number in range(60 * per_s):
        key = f"k{number % 11}"
        system.sim.at(number * S // per_s, lambda key=key: system.send("Events", key))
    return system.run(until)


def completed(system: HandBuilt, name: str) -> list[Any]:
    return [fact[1].message for fact in system.log.of(name, "completed")]


def test_a_key_keeps_its_order_through_a_split() -> None:
    """The parent is finished before the children are begun, though the function is slow there.

    Source: Lambda developer guide, with-kinesis.html (order per shard, through resharding).
    """
    mapped = mapping("Events", StartingPosition="TRIM_HORIZON", BatchSize=10)
    system = fed({"Fn": function("1s"), "Map": mapped}, "15m")
    messages = completed(system, "Map")
    assert len(messages) == 1_200
    ranks: dict[str, list[int]] = {}
    for message in messages:
        ranks.setdefault(message.key.name, []).append(message.rank)
    assert all(order == sorted(order) for order in ranks.values())
    assert list(system["Map"].holds()) == []


def test_what_the_children_hold_is_accounted_for() -> None:
    """A mapping that is far behind still knows what it has to come."""
    mapped = mapping("Events", StartingPosition="TRIM_HORIZON", BatchSize=10)
    system = fed({"Fn": function("5s", Timeout=10), "Map": mapped}, "60s")
    done = {message.number for message in completed(system, "Map")}
    held = {getattr(thing, "message", thing).number for _, thing in system["Map"].holds()}
    assert done | held == set(range(1_200)) and not done & held


def test_windows_begin_anew_on_the_children() -> None:
    """A window that a split cuts is closed on the parent. Source: with-kinesis.html."""
    mapped = mapping("Events", StartingPosition="TRIM_HORIZON", TumblingWindowInSeconds=20)
    system = built({"Events": STREAM, "Fn": function("10ms"), "Map": mapped})
    finals: list[float] = []
    invoke = system["Fn"].invoke

    def noting(batch: Any, *rest: Any) -> Any:
        if batch[0].message.key.name == "Map windows":
            finals.append(system.sim.now / S)
        return invoke(batch, *rest)

    system["Fn"].invoke = noting
    for number in range(50):
        key = f"k{number % 11}"
        system.sim.at(number * S, lambda key=key: system.send("Events", key))
    system.run("3m")
    assert len(completed(system, "Map")) == 50
    assert 20 <= finals[0] <= 22 and 30 <= finals[1] <= 32  # 20 to 30 s: closed by the split
    assert len(finals) == 2 + 2 * 2  # both children: the rest of 20 to 40 s, and 40 to 60 s


def test_a_delivery_stream_reads_the_children_too() -> None:
    """Everything is delivered, each shard through a buffer of its own."""
    stream = archive(
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration={"KinesisStreamARN": "Events"},
        into__BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 10},
    )
    system = fed({"Archive": stream}, "3m")
    assert sorted(message.number for message in completed(system, "Archive")) == list(range(1_200))
    assert list(system["Archive"].holds()) == []
