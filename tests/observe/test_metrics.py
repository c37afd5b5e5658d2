"""The look-up of metrics: windows, words nobody knows, and no data."""

from __future__ import annotations

import json

import pytest

from msgsim.kernel.component import Component
from msgsim.kernel.simulation import Simulation
from msgsim.model.routes import Route
from msgsim.observe import UnknownMetric
from tests.observe.hand_made import HandSystem, S, Source, Worker, queue_system, standard


def test_moments_and_windows() -> None:
    """One message each second, done at once from 5 s on; looked at 3 s and between 4 s and 8 s."""
    system, source, queue, worker = queue_system()
    metrics = system.observers.metrics
    asked = {
        ("visible", ("at", 3 * S)): 4,
        ("visible", ("between", 0, 4 * S)): (1 + 2 + 3 + 4) / 4,
        ("sent", ("between", 4 * S, 8 * S)): 4,
        ("sent", ("at", 0)): 1,
        ("unique", ("between", 4 * S, 8 * S)): 9,
        ("latency", ("between", 4 * S, 8 * S, "max")): 5,
        ("latency", ("between", 0, 4 * S)): None,
        ("oldest_age", ("at", 3 * S)): 3,
    }
    for metric, stat in asked:
        metrics.prepare("q", None, metric, stat)
    assert metrics.moments == [0, 3 * S, 4 * S, 8 * S]
    for second in range(10):
        system.sim.run(second * S)
        source.send(queue)
        if second >= 5:
            for delivery in worker.take(queue, 10):
                worker.complete(delivery)
                queue.delete(delivery)
        system.observers.tick(system.sim.now)
    system.finish(10)
    found = {(metric, stat): metrics.value("q", None, metric, stat) for metric, stat in asked}
    assert found[("latency", ("between", 4 * S, 8 * S, "max"))] == pytest.approx(5, rel=0.01)
    del asked["latency", ("between", 4 * S, 8 * S, "max")]
    assert {key: found[key] for key in asked} == asked


def test_a_window_nobody_prepared_has_no_data() -> None:
    system, source, queue, _ = queue_system()
    source.send(queue)
    seen = system.finish(10)
    assert seen.metrics.value("q", None, "sent", ("at", 5 * S)) is None


def test_no_data_is_none_and_not_zero() -> None:
    system, _, _, _ = queue_system()
    seen = system.finish(10)
    for metric in ("latency", "order_inversions", "duplicate_processings", "max_stall", "gaps"):
        assert seen.metrics.value("q", None, metric) is None
    assert seen.metrics.value("q", None, "arrived") == 0
    assert seen.metrics.value("q", None, "lost") == 0


@pytest.mark.parametrize(
    ("target", "path", "message"),
    [
        ("q", ("latencey", "p99"), "q has no metric latencey.p99; did you mean latency?"),
        ("Q1", ("latency",), "there is no Q1 to measure"),
        ("q", ("latency", "p98"), "latency has no statistic p98, only p50, p90"),
        ("q", ("NumberOfMessageSent",), "did you mean NumberOfMessagesSent?"),
        ("w", ("latency",), "w has no metric latency"),
        ("q", ("visible", "p99"), "visible has no statistic p99, only mean, min, max, end"),
    ],
)
def test_words_nobody_knows(target: str, path: tuple[str, ...], message: str) -> None:
    system, _, _, _ = queue_system()
    with pytest.raises(UnknownMetric) as caught:
        system.observers.metrics.split(target, None, path)
    assert message in str(caught.value)
    assert caught.value.candidates


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("latency", "p99"), ("latency", "p99")),
        (("latency",), ("latency", "")),
        (("delivered", "unique"), ("delivered.unique", "")),
        (("delivered", "rate"), ("delivered", "rate")),
        (("group", "order_inversions"), ("order_inversions", "")),
        (("api", "SendMessage", "throttled", "share"), ("api.SendMessage.throttled", "share")),
    ],
)
def test_paths_taken_apart(path: tuple[str, ...], expected: tuple[str, str]) -> None:
    system, _, _, _ = queue_system()
    assert system.observers.metrics.split("q", None, path) == expected


def test_dimensions() -> None:
    system, _, _, _ = queue_system()
    metrics = system.observers.metrics
    assert metrics.dimension("q", None, "latency", "p99") == "time"
    assert metrics.dimension("q", None, "latency", "count") == "number"
    assert metrics.dimension("q", None, "sent", "rate") == "rate"
    assert metrics.dimension("q", None, "done", "share") == "share"
    assert metrics.dimension("q", None, "visible", ("at", 1)) == "number"


def test_every_name_has_an_answer() -> None:
    system, source, queue, worker = queue_system(dead_letters=True)
    source.send(queue)
    for delivery in worker.take(queue):
        worker.complete(delivery)
    metrics = system.finish(10).metrics
    for target in metrics.targets():
        for name in metrics.names(target):
            value = metrics.value(target, None, name)
            assert value is None or isinstance(value, float)
    json.dumps(system.observers.to_json(), allow_nan=False)


def test_two_consumers_share_a_queue() -> None:
    """Question Q12: consumers of one queue compete; what each did is its own."""
    sim = Simulation()
    source, queue = Source(sim, "w"), standard(sim, "q")
    one, two = Worker(sim, "one", "q"), Worker(sim, "two", "q")
    parts: list[Component] = [source, queue, one, two]
    routes = [Route("q", "q", None, ("w",))]
    system = HandSystem(sim, {part.name: part for part in parts}, routes)
    seen = system.observe()
    for number in range(9):
        source.send(queue)
        worker = two if number % 3 else one
        delivery = worker.take(queue)[0]
        worker.complete(delivery)
        queue.delete(delivery)
    system.finish(10)
    values = [seen.metrics.value(name, None, "unique") for name in ("one", "two", "q", "total")]
    assert values == [3, 6, 9, 9]
