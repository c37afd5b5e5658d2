"""Servers and shards, told facts by hand."""

from __future__ import annotations

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model import facts
from tests.observe.hand_made import HandSystem, S


class Function(Component):
    kind = "function"
    signals = (facts.STARTED, facts.ENDED, facts.COLD_START, facts.INVOKE_THROTTLED)


class Stream(Component):
    kind = "stream"
    signals = (facts.STORED, facts.SHARD_THROTTLED, facts.READ_THROTTLED)
    shard_count = 4


class Mapping(Component):
    kind = "mapping"
    signals = (facts.ITERATOR_AGE, facts.POLLERS)


def test_concurrency_throttles_and_cold_starts() -> None:
    """Two batches overlap from 1 to 2 s; a third is refused."""
    sim = Simulation()
    function = Function(sim, "f")
    system = HandSystem(sim, {"f": function}, [], 10 * S)
    seen = system.observe()
    function.on_cold_start(0, S // 2)
    function.on_started(0, 10, True)
    function.on_started(1 * S, 4, False)
    function.on_invoke_throttled(1 * S, "TooManyRequestsException")
    function.on_ended(2 * S, 2 * S, "ok")
    function.on_ended(3 * S, 2 * S, "error")
    system.finish(10)
    expected = {
        ("ConcurrentExecutions", "max"): 2,
        ("concurrency", "mean"): 0.4,
        ("Invocations", ""): 2,
        ("throttles", "share"): 1 / 3,
        ("Errors", "share"): 0.5,
        ("cold_starts", "count"): 1,
        ("duration", "p50"): 2,
        ("batch_size", "max"): 10,
        ("invocations", "rate"): 0.2,
    }
    found = {asked: seen.metrics.value("f", None, *asked) for asked in expected}
    assert found == expected


def test_shard_loads_and_idle_shards() -> None:
    sim = Simulation()
    stream = Stream(sim, "s")
    system = HandSystem(sim, {"s": stream}, [], 600 * S)
    seen = system.observe()
    for second in range(10):
        stream.on_stored(second * S, 1, None)
        stream.on_stored(second * S, 3, None)
        if second >= 5:
            stream.on_shard_throttled(second * S, 3, None)
    system.finish(600)
    metrics = seen.metrics
    metric, stat = metrics.split("s", None, ("PutRecord", "throttled", "share"))
    assert metrics.value("s", None, metric, stat) == 0.2
    metric, stat = metrics.split("s", None, ("shard", "idle"))
    assert metrics.value("s", None, metric, stat) == 2
    assert metrics.value("s", ("shard", "3"), "throttled", "share") == 1 / 3
    data = seen.to_json()["streams"]["streams"]["s"]
    assert data["bucket_s"] == 5
    assert data["by_shard"]["3"]["throttled_course"] == [0, 5]


def test_iterator_age_in_all_and_per_shard() -> None:
    sim = Simulation()
    mapping = Mapping(sim, "m")
    system = HandSystem(sim, {"m": mapping}, [], 10 * S)
    seen = system.observe()
    for second in range(1, 5):
        mapping.on_iterator_age(second * S, 0, second * S)
        mapping.on_iterator_age(second * S, 1, 0)
    mapping.on_pollers(2 * S, 5)
    mapping.on_pollers(4 * S, 3)
    system.finish(10)
    metrics = seen.metrics
    assert metrics.value("m", None, "IteratorAge", "end") == 4
    assert metrics.value("m", ("shard", "1"), "IteratorAge", "max") == 0
    assert metrics.value("m", ("shard", "0"), "iterator_age", "p50") == 2
    assert metrics.value("m", ("shard", "7"), "IteratorAge", "p99") is None
    assert metrics.value("m", None, "pollers", "max") == 5
    assert metrics.value("m", None, "pollers", "mean") == (2 * 5 + 6 * 3) / 10
