"""worker.fleet: polling, working through a batch, late deletes, crashes; and M/M/c."""

from __future__ import annotations

from math import factorial, sqrt
from statistics import mean, stdev
from typing import Any

import pytest

from msgsim.kernel.distributions import Exponential
from msgsim.model.spec import FieldError
from msgsim.services.worker_fleet.spec import FleetSpec
from tests.services.hand_built import NO_LATENCY, HandBuilt, codes


def fleet(**more: Any) -> dict[str, Any]:
    return {"type": "worker.fleet", "queue": "Orders", "workers": 1, **NO_LATENCY, **more}


def queue(**more: Any) -> dict[str, Any]:
    return {"type": "sqs.queue", **more}


def times(system: HandBuilt, signal: str, component: str = "Workers") -> list[float]:
    return [fact[0] for fact in system.log.of(component, signal)]


# A batch and its visibility timeout -------------------------------------------------------------


def q1(timeout_s: int) -> HandBuilt:
    system = HandBuilt(
        {
            "Orders": queue(FifoQueue="true", VisibilityTimeout=timeout_s),
            "Workers": fleet(workers=2, MaxNumberOfMessages=10, handler={"time": "4900ms"}),
        }
    )
    for _ in range(10):
        system.send("Orders", "one group")
    return system.run("5m")


def test_a_batch_that_outlives_its_timeout_is_processed_twice_on_fifo() -> None:
    """A batch shares one visibility timeout, and on FIFO a late delete is refused: 10 messages of
    4.9 s in sequence, timeout 30 s: six are deleted in time, four are processed twice.

    Source: SQS Developer Guide, sqs-visibility-timeout.html; API DeleteMessage.
    """
    system = q1(30)
    copies = [fact[1].copy for fact in system.log.of("Workers", "completed")]
    twice = {copy for copy in copies if copy.completions == 2}
    assert len(twice) == 4
    assert len(copies) == 14
    assert len(system.log.of("Orders", "delete_refused")) == 4
    assert times(system, "returned", "Orders") == [30.0] * 4
    assert system.log.of("Orders", "deduplicated") == []
    assert list(system["Orders"].holds()) == []


def test_a_longer_timeout_ends_the_duplicates() -> None:
    """The same with 60 s: 49 s of work fit into the timeout."""
    system = q1(60)
    assert len(system.log.of("Workers", "completed")) == 10
    assert system.log.of("Orders", "delete_refused") == []


@pytest.mark.parametrize(("work", "attempts"), [("45s", 2), ("100s", 4)])
def test_late_deletes_end_the_repetitions_on_a_standard_queue(work: str, attempts: int) -> None:
    """Work of w seconds under a timeout of 30 s is begun ⌈w/30⌉ times: any receipt handle of a
    standard queue deletes, even a late one.

    Source: SQS API DeleteMessage; the arithmetic of question "processed several times".
    """
    system = HandBuilt(
        {
            "Orders": queue(VisibilityTimeout=30),
            "Workers": fleet(workers=40, handler={"time": work}),
        }
    )
    for _ in range(10):
        system.send("Orders")
    system.run("20m")
    copies = {fact[1].copy for fact in system.log.of("Workers", "completed")}
    assert [copy.starts for copy in copies] == [attempts] * 10
    assert system.log.of("Workers", "failed") == []


def test_a_heartbeat_keeps_a_long_job_invisible() -> None:
    """ChangeMessageVisibility counts from the call; renewing in time prevents the second start."""
    system = HandBuilt(
        {
            "Orders": queue(VisibilityTimeout=30),
            "Workers": fleet(
                workers=2, handler={"time": "100s"}, heartbeat={"every": "20s", "to": "30s"}
            ),
        }
    )
    system.send("Orders")
    system.run("10m")
    assert [fact[1].copy.starts for fact in system.log.of("Workers", "completed")] == [1]
    assert system.log.of("Orders", "returned") == []


# How a batch is worked --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("order", "delete", "completed", "deleted"),
    [
        ("sequence", "each", [1, 2, 3], [1, 2, 3]),
        ("sequence", "batch", [1, 2, 3], [3, 3, 3]),
        ("parallel", "each", [1, 1, 1], [1, 1, 1]),
        ("parallel", "batch", [1, 1, 1], [1, 1, 1]),
    ],
)
def test_orders_of_work(
    order: str, delete: str, completed: list[float], deleted: list[float]
) -> None:
    """`order` and `delete` decide when messages of one batch are done and gone."""
    system = HandBuilt(
        {
            "Orders": queue(),
            "Workers": fleet(
                order=order, delete=delete, MaxNumberOfMessages=10, handler={"time": "1s"}
            ),
        }
    )
    for _ in range(3):
        system.send("Orders")
    system.run("10s")
    assert times(system, "completed") == completed
    assert times(system, "deleted", "Orders") == deleted
    assert [fact[1:] for fact in system.log.of("Workers", "started")] == [(3, False)]
    assert [fact[2] for fact in system.log.of("Workers", "ended")] == ["ok"]


def test_calls_take_their_time() -> None:
    """The answer travels `receive_time`; each delete keeps the worker for `delete_time`."""
    system = HandBuilt(
        {
            "Orders": queue(),
            "Workers": fleet(
                MaxNumberOfMessages=2,
                handler={"time": "1s"},
                receive_time="100ms",
                delete_time="10ms",
            ),
        }
    )
    system.send("Orders")
    system.send("Orders")
    system.run("10s")
    assert times(system, "completed") == [1.1, 2.11]
    assert times(system, "deleted", "Orders") == [1.11, 2.12]


def test_calls_without_latency_cost_one_event_per_message() -> None:
    """The hot path: a hand-over, a delete and the next poll happen inside other events."""
    system = HandBuilt({"Orders": queue(), "Workers": fleet(handler={"time": "1s"})})
    for _ in range(100):
        system.send("Orders")
    system.run("100s")
    opening, alarms_of_the_queue = 1, 100 // 30
    assert len(times(system, "completed")) == 100
    assert system.sim.events_handled == 100 + opening + alarms_of_the_queue


# Failures ---------------------------------------------------------------------------------------


def test_a_failed_message_comes_back_at_its_timeout() -> None:
    """A message that is not deleted is visible again when its timeout ends, nothing earlier."""
    system = HandBuilt(
        {
            "Orders": queue(VisibilityTimeout=30),
            "Workers": fleet(
                handler={"time": "1s", "fails_if": {"poison": "true"}, "fails_attempts": 2}
            ),
        }
    )
    system.send("Orders", attributes={"poison": "true"})
    system.run("5m")
    assert times(system, "failed") == [1.0, 31.0]
    assert times(system, "completed") == [61.0]


def test_after_a_failure_a_fifo_batch_leaves_the_rest_of_the_group_alone() -> None:
    """Going on behind a failed message breaks the order the queue kept; other groups go on."""
    resources = {
        "Orders": queue(FifoQueue="true", VisibilityTimeout=30),
        "Workers": fleet(
            MaxNumberOfMessages=10,
            handler={"time": "1s", "fails_if": {"poison": "true"}, "fails_attempts": 1},
        ),
    }

    def completed() -> list[tuple[str, int]]:
        system = HandBuilt(resources)
        system.send("Orders", "A")
        system.send("Orders", "A", attributes={"poison": "true"})
        system.send("Orders", "A")
        system.send("Orders", "B")
        system.run("5m")
        messages = [fact[1].message for fact in system.log.of("Workers", "completed")]
        return [(message.key.name, message.rank) for message in messages]

    assert completed() == [("A", 0), ("B", 0), ("A", 1), ("A", 2)]
    resources["Workers"]["after_failure"] = "continue"
    assert completed() == [("A", 0), ("A", 2), ("B", 0), ("A", 1)]


def test_the_share_of_failures_is_the_one_asked_for() -> None:
    """With `fails: 20%` the failures of 2,000 first attempts lie within 4 standard deviations."""
    system = HandBuilt(
        {
            "Orders": queue(VisibilityTimeout=43200),
            "Workers": fleet(workers=20, handler={"time": "1ms", "fails": "20%"}),
        }
    )
    for _ in range(2000):
        system.send("Orders")
    system.run("1m")
    assert abs(len(times(system, "failed")) - 400) < 4 * sqrt(2000 * 0.2 * 0.8)


# Crashes and outages ----------------------------------------------------------------------------


@pytest.mark.parametrize("fifo", [False, True])
def test_what_a_dead_worker_held_stays_in_flight_until_its_timeout(fifo: bool) -> None:
    """100 messages, a worker dies at 10 s with 10 in hand, timeout 300 s: nobody can release them
    but the clock. On a standard queue the other 90 flow on; on FIFO their group waits.

    Source: SQS Developer Guide, sqs-visibility-timeout.html.
    """
    system = HandBuilt(
        {
            "Orders": queue(FifoQueue=str(fifo).lower(), VisibilityTimeout=300),
            "Workers": fleet(
                MaxNumberOfMessages=10,
                delete="batch",
                handler={"time": "2s"},
                crash=[{"at": "10s", "restart_after": "5s"}],
            ),
        }
    )
    for _ in range(100):
        system.send("Orders", "one group")
    system.run("250s")
    assert [len(fact[1]) for fact in system.log.of("Workers", "crashed")] == [10]
    assert system["Orders"].state.in_flight == 10
    assert len(times(system, "deleted", "Orders")) == (0 if fifo else 90)
    system.run("15m")
    assert times(system, "returned", "Orders") == [300.0] * 10
    assert len(times(system, "deleted", "Orders")) == 100
    assert system.log.of("Workers", "ended")[0][1:] == (10_000_000_000, "crashed")


def test_an_outage_kills_all_workers_and_its_end_brings_them_back() -> None:
    """What they had in hand is processed again after its timeout."""
    system = HandBuilt(
        {
            "Orders": queue(VisibilityTimeout=30),
            "Workers": fleet(workers=3, handler={"time": "4s"}),
        }
    )
    for _ in range(3):
        system.send("Orders")
    system.sim.at(2_000_000_000, system["Workers"].fail)
    system.sim.at(12_000_000_000, system["Workers"].recover)
    system.run("5m")
    assert times(system, "crashed") == [2.0] * 3
    assert times(system, "completed") == [34.0] * 3


def test_crashes_by_chance_come_at_the_rate_asked_for() -> None:
    """10 idle workers, one crash per minute each, back after 1 s: in 600 s about 10 × 600/61."""
    system = HandBuilt(
        {
            "Orders": queue(),
            "Workers": fleet(
                workers=10, handler={"time": "1s"}, crash_rate="1/min", restart_after="1s"
            ),
        }
    )
    system.run("10m")
    expected = 10 * 600 / 61
    assert abs(len(times(system, "crashed")) - expected) < 4 * sqrt(expected)


def test_an_unavailable_queue_is_asked_again_with_back_off() -> None:
    """Server errors are retried as the SDKs do; afterwards the work goes on and nothing is lost."""
    system = HandBuilt(
        {
            "Orders": queue(VisibilityTimeout=300),
            "Workers": fleet(workers=2, handler={"time": "1s"}),
        }
    )
    for _ in range(10):
        system.send("Orders")
    system.sim.at(2_500_000_000, system["Orders"].fail)
    system.sim.at(8_000_000_000, system["Orders"].recover)
    system.run("20m")
    assert {fact[1].message.number for fact in system.log.of("Workers", "completed")} == set(
        range(10)
    )
    assert list(system["Orders"].holds()) == []
    refused = [fact[0] for fact in system.log.of("Orders", "empty") if fact[1] is not None]
    assert all(2.5 <= at <= 8 for at in refused)


def test_short_polling_pauses_between_empty_answers() -> None:
    """`WaitTimeSeconds: 0` asks again after `idle`, so that time passes."""
    system = HandBuilt(
        {
            "Orders": queue(),
            "Workers": fleet(handler={"time": "1s"}, WaitTimeSeconds=0, idle="2s", start="1s"),
        }
    )
    system.run("10s")
    assert times(system, "empty", "Orders") == [1, 3, 5, 7, 9]


def test_a_slowdown_stretches_the_work() -> None:
    """`slowness` multiplies handler times that begin while it lasts."""
    system = HandBuilt({"Orders": queue(), "Workers": fleet(handler={"time": "1s"})})
    system["Workers"].slowness = 3.0
    system.send("Orders")
    system.run("10s")
    assert times(system, "completed") == [3.0]


def test_a_fleet_is_judged_at_its_queue() -> None:
    system = HandBuilt({"Orders": queue(), "Workers": fleet(handler={"time": "1s"})})
    assert system["Workers"].judged == "Orders"
    assert list(system["Workers"].holds()) == []


# What the checks say ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"handler": {"time": "4s"}, "MaxNumberOfMessages": 10}, ["W250"]),
        ({"handler": {"time": "3s"}, "MaxNumberOfMessages": 10}, []),
        ({"handler": {"time": "4s"}, "MaxNumberOfMessages": 10, "order": "parallel"}, []),
        ({"handler": {"time": "4s"}, "MaxNumberOfMessages": 10, "VisibilityTimeout": 60}, []),
        ({"handler": {"time": "1s"}, "crash": [{"at": "1s", "worker": 1}]}, ["E350"]),
        ({"handler": {"time": "1s"}, "WaitTimeSeconds": 0, "idle": "0s"}, ["E351"]),
        ({"handler": {"time": "1s"}, "heartbeat": {"every": "30s", "to": "60s"}}, ["W251"]),
        ({"handler": {"time": "90s"}, "heartbeat": {"every": "20s", "to": "60s"}}, []),
    ],
)
def test_findings(more: dict[str, Any], expected: list[str]) -> None:
    assert codes({"Orders": queue(), "Workers": fleet(**more)}) == expected


@pytest.mark.parametrize(
    "more",
    [
        {"MaxNumberOfMessages": 11},
        {"WaitTimeSeconds": 21},
        {"VisibilityTimeout": 43201},
        {"order": "random"},
        {"delete": "never"},
        {"handler": {"time": "1s", "fails_if": "poison"}},
        {"workers": 0},
    ],
)
def test_values_that_cannot_be(more: dict[str, Any]) -> None:
    given = {"queue": "Orders", "workers": 1, "handler": {"time": "1s"}, **more}
    with pytest.raises(ValueError) as raised:
        FleetSpec.model_validate(given)
    causes = [error["ctx"]["error"] for error in raised.value.errors()]  # type: ignore[attr-defined]
    assert all(isinstance(cause, FieldError) for cause in causes)


# Theory -----------------------------------------------------------------------------------------


def erlang_c_wait(arrivals: float, service: float, servers: int) -> float:
    """Mean time in line of M/M/c: C(c, a) / (c μ − λ), with Erlang's C (Erlang 1917)."""
    load = arrivals / service
    last = load**servers / factorial(servers) * servers / (servers - load)
    waits = last / (sum(load**k / factorial(k) for k in range(servers)) + last)
    return waits / (servers * service - arrivals)


def simulated_wait(replication: int, arrivals: float, servers: int, count: int) -> float:
    system = HandBuilt(
        {
            "Orders": queue(VisibilityTimeout=43200),
            "Workers": fleet(
                workers=servers, handler={"time": {"dist": "exponential", "mean": "1s"}}
            ),
        },
        seed=7,
        replication=replication,
        logged=False,
    )
    sim, waits = system.sim, []

    def received(now: int, deliveries: Any) -> None:
        waits.extend((now - one.copy.arrived_ns) / 1e9 for one in deliveries)

    system["Orders"].on_received = received
    gaps = sim.times("test", "gaps", Exponential(1e9 / arrivals))

    def arrive() -> None:
        system.send("Orders")
        if system.numbers < count:
            sim.after(gaps.draw(), arrive)

    sim.after(gaps.draw(), arrive)
    system.run("12h")
    assert len(waits) == count
    return mean(waits[count // 10 :])


def test_queue_and_fleet_are_m_m_c() -> None:
    """Poisson arrivals, exponential service, 4 workers at 75 % load wait as Erlang C says.

    Eight replications of 6,000 messages, the first tenth left out; the formula must lie in the
    99.9 % interval of their mean (Student's t with 7 degrees of freedom: 5.408).
    """
    found = [simulated_wait(index, arrivals=3.0, servers=4, count=6000) for index in range(8)]
    half_width = 5.408 * stdev(found) / sqrt(len(found))
    assert abs(mean(found) - erlang_c_wait(3.0, 1.0, 4)) < half_width
    assert half_width < 0.25 * mean(found)
