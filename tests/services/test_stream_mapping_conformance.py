"""Conformance cases of a mapping on a real Kinesis stream (C11, C12).

Sources: Lambda developer guide, with-kinesis.html and kinesis-on-failure-destination.html.
"""

from __future__ import annotations

import json
import random
from functools import cache
from statistics import mean
from typing import Any

import pytest

from msgsim.model.message import Key, Message
from msgsim.scenario.build import build
from msgsim.scenario.load import load_text
from tests.validation.rows import NS_PER_S, Heard, ran

DAY_S = 86_400
QUIET = """
msgsim: 1
question: How long does a record wait for the poll of its shard?
seed: 1
duration: 1s
workload:
  - {to: Unused, rate: 1/s, count: 1}
resources:
  Unused: {type: sqs.queue}
  Events: {type: kinesis.stream, ShardCount: 1}
  Fn: {type: lambda.function, Timeout: 3, cold_start: 0s, handler: {time: 10ms}}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Events, FunctionName: Fn,
        StartingPosition: TRIM_HORIZON}
assumptions:
  lambda.event_source_mapping: {stream_overhead: OVERHEAD}
"""


def waits(overhead: str) -> tuple[list[float], list[int]]:
    """Put 2,000 records, one every 10 s plus 0 to 1 s; return waits until the function is invoked
    (s), and how many records each invocation has.
    """
    system = build(load_text(QUIET.replace("OVERHEAD", overhead)))
    heard = Heard("started")
    system.observe([heard])
    system.start()
    sim, stream, key, draw = system.sim, system.components["Events"], Key("a"), random.Random(11)
    put: list[int] = []
    for number in range(2_000):
        at = number * 10 * NS_PER_S + draw.randrange(NS_PER_S)
        put.append(at)
        message = Message(number, key, number, at, 200)
        sim.at(at, stream.accept, message)  # type: ignore[attr-defined]
    sim.run(20_005 * NS_PER_S)
    starts = heard.of("Fn", "started")
    return (
        [(fact[0] - at) / NS_PER_S for fact, at in zip(starts, put, strict=True)],
        [fact[1] for fact in starts],
    )


@pytest.mark.conformance("Kinesis C11")
@pytest.mark.parametrize("overhead_s", [0.001, 0.13])
def test_c11_a_record_waits_for_the_poll_of_a_real_stream(overhead_s: float) -> None:
    """L1, L4: uniform over one poll period plus overhead, mean 0.5 ± 0.05 s; every record is alone
    in its batch.
    """
    found, sizes = waits(f"{overhead_s}s")
    assert set(sizes) == {1}
    alone = sorted(wait - overhead_s for wait in found)
    assert mean(alone) == pytest.approx(0.5, abs=0.05)
    assert 0 <= alone[0] < 0.02 and 0.98 < alone[-1] <= 1
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert alone[int(share * 2_000)] == pytest.approx(share, abs=0.05)


POISONED = """
msgsim: 1
question: What does one bad record do to its shard, and to another?
seed: 1
duration: 25h
workload:
  - {name: A, to: Events, arrivals: {burst: 1, every: 30s}, size: 200B, keys: {a: 100%},
     ExplicitHashKey: 0, attributes: {bad: {value: true, nth: NTH}}}
  - {name: B, to: Events, arrivals: {poisson: 0.2/s}, size: 200B, keys: {b: 100%},
     ExplicitHashKey: 170141183460469231731687303715884105728}
resources:
  Events: {type: kinesis.stream, ShardCount: 2, RetentionPeriodHours: 24}
  Lost: {type: sqs.queue}
  Fn: {type: lambda.function, Timeout: 3, cold_start: 0s,
       handler: {time: 10ms, fails_if: {bad: true}}}
  Map:
    type: lambda.event_source_mapping
    EventSourceArn: Events
    FunctionName: Fn
    StartingPosition: TRIM_HORIZON
    MaximumRetryAttempts: RETRIES
    DestinationConfig: {OnFailure: {Destination: Lost}}
"""
BAD = 4
NOBODY = 100_000


class Poisoned:
    """What became of the records of shards A and B: `(seconds, number)` of each success."""

    def __init__(self, nth: int, retries: int) -> None:
        heard = Heard("completed", "failed", "dropped", "sent", "stored")
        ran(POISONED.replace("NTH", str(nth)).replace("RETRIES", str(retries)), heard)
        self.done: dict[str, list[tuple[float, int]]] = {"a": [], "b": []}
        for now, delivery, *_ in heard.of("Map", "completed"):
            message = delivery.message
            self.done[message.key.name].append((now / NS_PER_S, message.rank))
        self.failed = [fact[0] / NS_PER_S for fact in heard.of("Map", "failed")]
        self.dropped = [(fact[1].message.rank, fact[2]) for fact in heard.of("Map", "dropped")]
        self.documents: list[dict[str, Any]] = [
            json.loads(fact[1].message.body) for fact in heard.of("Lost", "sent")
        ]
        self.put = {
            name: [fact[0] / NS_PER_S for fact in heard.of("Events", "stored") if fact[1] == shard]
            for name, shard in (("a", 0), ("b", 1))
        }


@cache
def poisoned(nth: int, retries: int) -> Poisoned:
    return Poisoned(nth, retries)


def assert_the_other_shard_does_not_notice(found: Poisoned) -> None:
    """All of its 18,000 records are done in order and in time, at the moments without poison."""
    done, put = found.done["b"], found.put["b"]
    assert len(put) > 17_000
    assert [number for _, number in done] == list(range(len(done)))
    assert len(put) - len(done) <= 2
    assert max(at - put[number] for at, number in done) < 3
    assert done == poisoned(NOBODY, 2).done["b"]


@pytest.mark.slow
@pytest.mark.conformance("Kinesis C12")
def test_c12_a_real_shard_stands_still_until_its_bad_record_is_24_hours_old() -> None:
    """X1: with infinite retries nothing behind the batch is delivered for a day; then the shard
    goes on with what has not expired, and nothing but the bad record is lost.
    """
    found = poisoned(BAD, -1)
    bad = BAD - 1
    expires = found.put["a"][bad] + DAY_S
    before = [number for at, number in found.done["a"] if at < expires]
    assert before == list(range(bad))
    behind = [number for at, number in found.done["a"] if at >= expires]
    assert behind[0] == bad + 1
    assert behind == list(range(bad + 1, bad + 1 + len(behind)))
    assert len(found.put["a"]) - (bad + 1 + len(behind)) <= 1
    assert found.dropped == [(bad, "expired in the stream")]
    assert found.documents == []
    assert expires - 70 < found.failed[-1] < expires, "it was tried to the end"
    assert_the_other_shard_does_not_notice(found)


@pytest.mark.slow
@pytest.mark.conformance("Kinesis C12")
def test_c12_with_two_retries_a_real_shard_goes_on_after_three_invocations() -> None:
    """X3, X11: invoked exactly three times; a document that names the records, without payload,
    reaches the queue; the shard goes on.
    """
    found = poisoned(BAD, 2)
    bad = BAD - 1
    assert len(found.failed) == 3
    assert found.failed[-1] - found.put["a"][bad] < 10
    (document,) = found.documents
    context, info = document["requestContext"], document["KinesisBatchInfo"]
    assert context["condition"] == "RetryAttemptsExhausted"
    assert context["approximateInvokeCount"] == 3
    assert info["batchSize"] == 1
    assert info["startSequenceNumber"] == info["endSequenceNumber"]
    assert "payload" not in document
    assert found.dropped == [(bad, "RetryAttemptsExhausted")]
    numbers = [number for _, number in found.done["a"]]
    assert numbers == [number for number in range(len(numbers) + 1) if number != bad]
    assert len(found.put["a"]) - len(numbers) <= 2
    assert max(at - found.put["a"][number] for at, number in found.done["a"]) < 3
    assert_the_other_shard_does_not_notice(found)
