"""worker.fleet: workers that leave (drain, Spot, crash), prefetch, heartbeats, threads, daemons."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.services.hand_built import NO_LATENCY, HandBuilt, codes

NS_PER_S = 1_000_000_000


def fleet(**more: Any) -> dict[str, Any]:
    return {
        "type": "worker.fleet",
        "queue": "Orders",
        "workers": 1,
        "handler": {"time": "1s"},
        **NO_LATENCY,
        **more,
    }


def built(timeout_s: int = 30, queue: dict[str, Any] | None = None, **more: Any) -> HandBuilt:
    orders = {"type": "sqs.queue", "VisibilityTimeout": timeout_s, **(queue or {})}
    return HandBuilt({"Orders": orders, "Workers": fleet(**more)})


def times(system: HandBuilt, signal: str, component: str = "Workers") -> list[float]:
    return [fact[0] for fact in system.log.of(component, signal)]


def left(system: HandBuilt) -> list[tuple[float, str, int]]:
    return [(at, why, len(lost)) for at, why, lost in system.log.of("Workers", "left")]


# Told to stop -----------------------------------------------------------------------------------


def dismissed(mode: str, grace: str = "30s", **more: Any) -> HandBuilt:
    """One of two workers is dismissed at 5 s, ten seconds of work before each message is done."""
    system = built(
        timeout_s=60,
        workers=2,
        handler={"time": "10s"},
        stop={"mode": mode, "grace": grace},
        scaling={"max": 2},
        **more,
    )
    for _ in range(2):
        system.send("Orders")
    system.sim.at(5 * NS_PER_S, system["Workers"].resize, 1)
    return system.run("5m")


def test_without_a_drain_the_message_in_hand_waits_for_its_timeout() -> None:
    """Whoever is cut off leaves its message in flight: it is back 60 s after the receive.

    Source: SQS Developer Guide, sqs-visibility-timeout.html.
    """
    system = dismissed("none")
    assert left(system) == [(5.0, "scale_in", 1)]
    assert times(system, "returned", "Orders") == [60.0]
    assert times(system, "completed") == [10.0, 70.0]


def test_a_graceful_worker_finishes_what_it_has_and_takes_nothing_more() -> None:
    """SIGTERM, then `grace`: the work ends in time, and no message comes back."""
    system = dismissed("finish")
    assert left(system) == [(10.0, "scale_in", 0)]
    assert times(system, "returned", "Orders") == []
    assert times(system, "completed") == [10.0, 10.0]


def test_a_grace_that_is_too_short_ends_in_a_kill() -> None:
    """ECS sends SIGKILL after `stopTimeout`, Kubernetes after `terminationGracePeriodSeconds`."""
    system = dismissed("finish", grace="3s")
    assert left(system) == [(8.0, "scale_in", 1)]
    assert times(system, "completed") == [10.0, 70.0]


def test_a_worker_that_gives_its_message_back_lets_another_begin_at_once() -> None:
    """ChangeMessageVisibility to 0 makes a message visible at once (SQS API)."""
    system = dismissed("release")
    assert left(system) == [(5.0, "scale_in", 0)]
    assert times(system, "returned", "Orders") == [5.0]
    assert times(system, "completed") == [10.0, 20.0]


def test_an_idle_worker_ends_its_long_poll_before_it_leaves() -> None:
    """A poll that is open may still be answered; the answer is worked on, not lost."""
    system = built(workers=2, stop={"mode": "finish", "grace": "60s"}, scaling={"max": 2})
    system.sim.at(5 * NS_PER_S, system["Workers"].resize, 1)
    for _ in range(2):
        system.send_at("10s", "Orders")
    system.run("2m")
    assert left(system) == [(11.0, "scale_in", 0)]
    assert times(system, "completed") == [11.0, 11.0]


# Spot -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spot", "mode", "gone", "back"),
    [
        ({}, "finish", (20.0, "spot", 0), 160.0),  # heeded: done 20 s, replaced at the end
        ({"heeded": "false"}, "finish", (130.0, "spot", 1), 160.0),
        ({"rebalance": "true"}, "finish", (20.0, "spot", 0), 40.0),
        ({}, "release", (10.0, "spot", 0), 160.0),
    ],
)
def test_a_spot_notice_comes_two_minutes_before_the_end(
    spot: dict[str, str], mode: str, gone: tuple[float, str, int], back: float
) -> None:
    """The notice is at 10 s; who heeds it is drained long before 130 s, and the replacement is
    launched when the capacity is gone, or at the notice with capacity rebalancing.

    Source: EC2 User Guide, spot-instance-termination-notices.
    """
    system = built(
        timeout_s=600,
        handler={"time": "20s"},
        startup="30s",
        stop={"mode": mode, "grace": "120s"},
        spot={"interruptions": [{"at": "10s"}], **spot},
    )
    for _ in range(20):
        system.send("Orders")
    system.run("20m")
    assert left(system) == [gone]
    running = [(at, count) for at, _, count, _ in system.log.of("Workers", "resized")]
    stopped = 130.0 if spot.get("heeded") == "false" else 10.0
    assert {count for at, count in running if stopped <= at < back} == {0}
    assert (back, 1) in running
    assert {fact[1].message.number for fact in system.log.of("Workers", "completed")} == set(
        range(20)
    )


def test_interruptions_by_chance_come_at_their_rate() -> None:
    """20 idle workers, one interruption per hour each, 2 min of notice: in 10 h about 20 × 10 h
    divided by 62 min of life and notice.
    """
    system = built(workers=20, spot={"rate": "1/h"})
    system.run("10h")
    expected = 20 * 600 / 62
    assert abs(len(left(system)) - expected) < 4 * expected**0.5


# Threads ----------------------------------------------------------------------------------------


def test_threads_poll_on_their_own_and_die_together() -> None:
    """A worker of four threads works on four messages at once; its crash drops all four."""
    system = built(threads=4, handler={"time": "10s"}, crash=[{"at": "5s", "restart_after": "1s"}])
    for _ in range(6):
        system.send("Orders")
    system.run("2m")
    assert [len(fact[1]) for fact in system.log.of("Workers", "crashed")] == [4]
    assert times(system, "completed") == [16.0, 16.0, 40.0, 40.0, 40.0, 40.0]
    assert system["Workers"].concurrency_limit == 4


# Prefetching ------------------------------------------------------------------------------------


def test_messages_age_in_the_buffer_while_their_timeout_runs() -> None:
    """One thread, 10 s a message, 10 fetched ahead, timeout 30 s: at 30 s all that wait in the
    buffer are visible again, and a second worker works on them, too.

    Source: SQS Developer Guide, client-side buffering: messages fetched ahead are in flight.
    """
    system = built(prefetch={"messages": 10}, MaxNumberOfMessages=10, handler={"time": "10s"})
    for _ in range(6):
        system.send("Orders")
    system.run("10m")
    copies = {fact[1].copy for fact in system.log.of("Workers", "completed")}
    assert times(system, "returned", "Orders")[:3] == [30.0] * 3
    assert sum(copy.completions for copy in copies) > 6


def test_a_client_that_drops_what_expired_works_on_less_twice() -> None:
    """With a client that looks at the deadline before it hands a message out, only messages that
    were begun in time and not finished in time are worked on twice.
    """
    completions = []
    for drop in ("false", "true"):
        system = built(
            prefetch={"messages": 10, "drop_expired": drop},
            MaxNumberOfMessages=10,
            handler={"time": "7s"},
        )
        for _ in range(10):
            system.send("Orders")
        system.run("10m")
        done = [fact[1].message.number for fact in system.log.of("Workers", "completed")]
        assert set(done) == set(range(10))
        completions.append(len(done))
    assert completions[1] < completions[0]


def test_a_buffer_hides_the_way_to_the_queue() -> None:
    """Answers that travel 1 s keep a plain worker waiting for every message, and a prefetching one
    only once: 10 messages of 1 s take 20 s and 11 s.
    """
    ends = []
    for ahead in ({}, {"prefetch": {"messages": 10}}):
        system = built(receive_time="1s", **ahead)
        for _ in range(10):
            system.send("Orders")
        system.run("2m")
        ends.append(times(system, "completed")[-1])
    assert ends == [20.0, 11.0]


def test_a_prefetching_worker_that_stops_gives_its_buffer_back() -> None:
    """What waits in the buffer has not been begun; what is worked on is finished."""
    system = built(
        timeout_s=600,
        prefetch={"messages": 10},
        MaxNumberOfMessages=10,
        handler={"time": "10s"},
        stop={"mode": "finish", "grace": "30s"},
        scaling={"max": 2, "min": 0},
    )
    for _ in range(5):
        system.send("Orders")
    system.sim.at(5 * NS_PER_S, system["Workers"].resize, 0)
    system.run("1m")
    assert left(system) == [(10.0, "scale_in", 0)]
    # The client waits for the long poll that it has begun, 20 s long.
    assert times(system, "returned", "Orders") == [20.0] * 4
    assert system["Orders"].counters() == (4, 0, 0)


def test_the_buffer_is_lost_in_a_crash() -> None:
    system = built(
        prefetch={"messages": 10},
        MaxNumberOfMessages=10,
        handler={"time": "10s"},
        crash=[{"at": "5s", "restart_after": "1h"}],
    )
    for _ in range(5):
        system.send("Orders")
    system.run("1m")
    assert [len(fact[1]) for fact in system.log.of("Workers", "crashed")] == [5]
    assert times(system, "returned", "Orders") == [30.0] * 5


# Heartbeats -------------------------------------------------------------------------------------


def test_a_heartbeat_ends_after_its_maximum() -> None:
    """Renewed at 20 s and 40 s to 30 s, and not at 60 s: the message is back at 70 s."""
    system = built(handler={"time": "300s"}, heartbeat={"every": "20s", "to": "30s", "most": "50s"})
    system.send("Orders")
    system.run("2m")
    assert times(system, "returned", "Orders") == [70.0]


def test_sqs_ends_a_heartbeat_twelve_hours_after_the_receive() -> None:
    """A timeout may not lead beyond 12 hours from the receive; the call is refused.

    Source: SQS Developer Guide, sqs-visibility-timeout.html.
    """
    system = built(1800, handler={"time": "14h"}, heartbeat={"every": "20m", "to": "30m"})
    system.send("Orders")
    system.run("13h")
    # The last renewal that is allowed comes at 11 h 20 min.
    assert times(system, "returned", "Orders") == [11 * 3600 + 50 * 60.0]


# Elastic Beanstalk ------------------------------------------------------------------------------

DLQ = {"RedrivePolicy": {"deadLetterTargetArn": "Dlq", "maxReceiveCount": 3}}


def beanstalk(handler: dict[str, Any], **sqsd: Any) -> HandBuilt:
    return HandBuilt(
        {
            "Dlq": {"type": "sqs.queue"},
            "Orders": {"type": "sqs.queue", **DLQ},
            "Workers": fleet(
                preset="beanstalk", startup="0s", handler=handler, sqsd={"MaxRetries": 3, **sqsd}
            ),
        }
    )


def test_a_failed_post_is_repeated_after_two_seconds_up_to_max_retries() -> None:
    """ErrorVisibilityTimeout 2 s; after MaxRetries attempts the dead-letter queue has it.

    Source: Elastic Beanstalk Developer Guide, aws:elasticbeanstalk:sqsd.
    """
    system = beanstalk({"time": "1s", "fails": "100%"})
    system.send("Orders")
    system.run("10m")
    assert times(system, "failed") == [1.0, 4.0, 7.0]
    assert len(system.log.of("Dlq", "moved_in")) == 1


def test_an_application_that_does_not_answer_in_time_is_given_up() -> None:
    """InactivityTimeout ends the request, although the work would have succeeded."""
    system = beanstalk({"time": "20s"}, InactivityTimeout=10)
    system.send("Orders")
    system.run("10m")
    assert times(system, "failed") == [10.0, 22.0, 34.0]
    assert times(system, "completed") == []


def test_the_daemon_holds_as_many_connections_as_it_may() -> None:
    system = beanstalk({"time": "10s"}, HttpConnections=4)
    for _ in range(8):
        system.send("Orders")
    system.run("1m")
    assert times(system, "completed") == [10.0] * 4 + [20.0] * 4


def test_what_is_older_than_the_retention_period_is_deleted_unseen() -> None:
    """RetentionPeriod is how long a message is valid and actively processed."""
    system = beanstalk({"time": "200s"}, HttpConnections=1, RetentionPeriod=60)
    for _ in range(2):
        system.send("Orders")
    system.run("10m")
    assert times(system, "completed") == [200.0]
    assert [fact[2] for fact in system.log.of("Workers", "dropped")] == ["RetentionPeriod"]
    assert system["Orders"].counters() == (0, 0, 0)


def test_max_retries_that_the_queue_contradicts() -> None:
    resources = {
        "Dlq": {"type": "sqs.queue"},
        "Orders": {"type": "sqs.queue", **DLQ},
        "Workers": fleet(preset="beanstalk"),
    }
    assert codes(resources) == ["W253"]


@pytest.mark.parametrize("threads", [2, 5])
def test_what_open_polls_bring_to_a_worker_that_gives_back_is_given_back(threads: int) -> None:
    """A message that is made visible goes to the longest poll, which may be one of the worker that
    stops: it does not keep it. The only worker leaves with one message, the next one gets it.
    """
    system = HandBuilt(
        {
            "Orders": {"type": "sqs.queue", "VisibilityTimeout": 3600},
            "Workers": fleet(
                workers=1,
                threads=threads,
                handler={"time": "9s"},
                stop={"mode": "release"},
                scaling={"min": 0, "max": 9},
            ),
        }
    )
    system.send_at("0s", "Orders")
    system.sim.at(5 * NS_PER_S, system["Workers"].resize, 0)
    system.sim.at(100 * NS_PER_S, system["Workers"].resize, 1)
    system.run("5m")
    assert len(system.log.of("Workers", "completed")) == 1
    assert system["Orders"].counters() == (0, 0, 0)


# Whatever happens -------------------------------------------------------------------------------


@given(
    st.sampled_from(["finish", "release"]),
    st.integers(1, 4),
    st.integers(0, 8),
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 5)), max_size=6),
    st.integers(0, 2**16),
)
@example("release", 3, 0, [(1, 0)], 0)
@settings(max_examples=30, deadline=None)
def test_no_message_is_lost_or_late_when_workers_drain(
    mode: str, threads: int, ahead: int, resizes: list[tuple[int, int]], seed: int
) -> None:
    """Any sequence of sizes: with a grace longer than the work nothing is left behind, no message
    comes back by its timeout, and each is done exactly once unless it was given back.
    """
    system = HandBuilt(
        {
            "Orders": {"type": "sqs.queue", "VisibilityTimeout": 3600},
            "Workers": fleet(
                threads=threads,
                handler={"time": {"dist": "uniform", "low": "1s", "high": "9s"}},
                stop={"mode": mode, "grace": "60s"},
                scaling={"min": 0, "max": 9},
                **({"prefetch": {"messages": ahead}} if ahead else {}),
            ),
        },
        seed=seed,
    )
    for n in range(40):
        system.send_at(f"{n}s", "Orders")
    for second, size in resizes:
        system.sim.at(second * NS_PER_S, system["Workers"].resize, size)
    system.sim.at(400 * NS_PER_S, system["Workers"].resize, 3)
    system.run("20m")
    assert all(lost == 0 for _, _, lost in left(system))
    done = [fact[1].message.number for fact in system.log.of("Workers", "completed")]
    assert sorted(set(done)) == list(range(40))
    if mode == "finish":
        assert len(done) == 40
    assert system["Orders"].counters() == (0, 0, 0)


@given(st.integers(1, 44), st.integers(45, 90), st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_a_crash_returns_messages_after_their_timeout(at: int, timeout_s: int, ahead: int) -> None:
    """What a dead worker held is visible again exactly one timeout after it was received."""
    system = built(
        timeout_s=timeout_s,
        handler={"time": "7s"},
        crash=[{"at": f"{at}s", "restart_after": "1h"}],
        **({"prefetch": {"messages": ahead}} if ahead else {}),
    )
    for _ in range(10):
        system.send("Orders")
    system.run("10m")
    ((_, lost),) = system.log.of("Workers", "crashed")
    assert lost
    assert times(system, "returned", "Orders") == sorted(
        delivery.received_ns / NS_PER_S + timeout_s for delivery in lost
    )
