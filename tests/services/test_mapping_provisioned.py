"""Provisioned pollers of a queue's mapping, quiet windows, and what idle polling costs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.hand_built import HandBuilt, codes
from tests.services.lambda_built import built, concurrency, function, mapping

S = 10**9


def provisioned(fn: dict[str, Any], messages: int, size: int = 1024, **config: int) -> HandBuilt:
    system = built(
        {
            "Account": {"type": "plain.account", "ConcurrentExecutions": 20_000},
            "Orders": {"type": "sqs.queue", "VisibilityTimeout": 900},
            "Fn": fn,
            "Map": mapping(BatchSize=10, ProvisionedPollerConfig=config),
        },
        assumptions={("lambda.event_source_mapping", "ramp"): "linear"},
    )
    for _ in range(messages):
        system.send("Orders", size_bytes=size)
    return system


def test_a_poller_carries_ten_invocations() -> None:
    """Two pollers, 10 concurrent invocations each: 20, at once. Source: services-sqs-scaling.html;
    concurrency 10 × pollers (AWS News Blog, 2025-11-14).
    """
    system = provisioned(
        function("60s", Timeout=100), 1_000, MinimumPollers=2, MaximumPollers=2
    ).run("30s")
    reached = {running: at for at, running in reversed(list(concurrency(system)))}
    assert max(reached) == 20
    assert reached[20] < 2


def test_a_poller_receives_ten_times_a_second() -> None:
    """10 receives/s of 10 messages: 100 messages/s for each poller, however short the handler."""
    system = provisioned(function("1ms"), 5_000, MinimumPollers=2, MaximumPollers=2).run("20s")
    received = [fact[0] for fact in system.log.of("Orders", "received")]
    assert len([at for at in received if 1 <= at < 11]) == 200


def test_a_poller_carries_one_megabyte_per_second() -> None:
    """Messages of 100 kB: 10 per second and poller, not 100. Source: services-sqs-scaling.html."""
    system = provisioned(
        function("1ms"), 1_000, size=100_000, MinimumPollers=2, MaximumPollers=2
    ).run("30s")
    deleted = [fact[0] for fact in system.log.of("Orders", "deleted")]
    assert sum(5 <= at < 25 for at in deleted) == pytest.approx(20 * 20, rel=0.05)


def test_provisioned_pollers_grow_by_a_thousand_invocations_a_minute() -> None:
    """From 20 invocations, up to +1,000 per minute, 16,000 a quarter of an hour later; never above
    10 × MaximumPollers. Source: services-sqs-scaling.html; three times faster than the default's
    300 per minute (AWS News Blog, 2025-11-14).
    """
    system = provisioned(
        function("800s", Timeout=900), 60_000, MinimumPollers=2, MaximumPollers=200
    ).run("3m")
    highest = dict.fromkeys((1, 2, 3), 0)
    for at, running in concurrency(system):
        for minute, found in highest.items():
            if at <= minute * 60:
                highest[minute] = max(found, running)
    assert 900 <= highest[1] <= 1_020
    assert highest[3] == 2_000


def test_provisioned_pollers_shrink_to_the_minimum() -> None:
    """Idle, the minimum stays, with one poll each: 3 receives a minute and poller."""
    system = provisioned(function("1s"), 20_000, MinimumPollers=3, MaximumPollers=50).run("10m")
    pollers = [fact[1] for fact in system.log.of("Map", "pollers")]
    assert max(pollers) > 3 and pollers[-1] == 3
    before = len(system.log.of("Orders", "empty"))
    system.run("20m")
    assert len(system.log.of("Orders", "empty")) - before == 3 * 3 * 10
    assert len(system.log.of("Orders", "deleted")) == 20_000


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"ProvisionedPollerConfig": {}}, []),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 20, "MaximumPollers": 10}}, ["E219"]),
        (
            {"ProvisionedPollerConfig": {}, "ScalingConfig": {"MaximumConcurrency": 10}},
            ["E219"],
        ),
    ],
)
def test_provisioned_mode_and_maximum_concurrency_exclude_each_other(
    more: dict[str, Any], expected: list[str]
) -> None:
    """Source: services-sqs-scaling.html; ranges 2–200 and 2–10,000 of the API Reference."""
    resources = {"Orders": {"type": "sqs.queue", "VisibilityTimeout": 90}, "Fn": function()}
    assert codes({**resources, "Map": mapping(**more)}) == expected


@pytest.mark.parametrize(("reserved", "expected"), [(100, []), (99, ["W215"])])
def test_pollers_do_not_look_at_reserved_concurrency(reserved: int, expected: list[str]) -> None:
    """Ten pollers may run 100 invocations. Source: services-sqs-scaling.html."""
    resources = {
        "Orders": {"type": "sqs.queue", "VisibilityTimeout": 90},
        "Fn": function(ReservedConcurrentExecutions=reserved),
    }
    config = {"MaximumPollers": 10}
    assert codes({**resources, "Map": mapping(ProvisionedPollerConfig=config)}) == expected


@pytest.mark.parametrize(
    "wrong", [{"MinimumPollers": 1}, {"MinimumPollers": 201}, {"MaximumPollers": 10_001}]
)
def test_ranges_of_pollers(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="allowed is"):
        codes(
            {
                "Orders": {"type": "sqs.queue"},
                "Fn": function(),
                "Map": mapping(ProvisionedPollerConfig=wrong),
            }
        )


# Idle polling ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "in_thirty_days"),
    [({"ScalingConfig": {"MaximumConcurrency": 10}}, 648_000), ({}, 259_200)],
)
def test_idle_polling_is_billed(more: dict[str, Any], in_thirty_days: int) -> None:
    """5 long polls of 20 s make 648,000 requests in 30 days, 2 pollers 259,200. Source: AWS
    Knowledge Center, sqs-high-charges; the pollers of services-sqs-scaling.html.
    """
    system = built({"Orders": {"type": "sqs.queue"}, "Fn": function(), "Map": mapping(**more)})
    system.run("10m")
    before = len(system.log.of("Orders", "empty"))
    system.run("70m")
    hourly = len(system.log.of("Orders", "empty")) - before
    assert hourly * 24 * 30 == in_thirty_days


# Windows ---------------------------------------------------------------------------------------


def test_at_very_low_traffic_a_short_window_takes_twenty_seconds() -> None:
    """One message a minute with a window of 2 s: Lambda may wait 20 s. At 2 messages/s the window
    holds, and with `quiet_window: 0s` it always does. Source: with-sqs.html (2022).
    """

    def first_wait(every_s: float, **more: Any) -> float:
        system = built(
            {
                "Orders": {"type": "sqs.queue"},
                "Fn": function(),
                "Map": mapping(BatchSize=100, MaximumBatchingWindowInSeconds=2),
            },
            **more,
        )
        sends = [60 + number * every_s for number in range(240)]
        for at in sends:
            system.send_at(f"{at}s", "Orders")
        system.run("5h")
        late = [fact for fact in system.log.of("Fn", "started") if fact[0] > sends[-10]]
        return late[0][0] - max(at for at in sends if at <= late[0][0] - 0.001)

    off = {("lambda.event_source_mapping", "quiet_window"): "0s"}
    assert first_wait(60) == pytest.approx(20)
    assert first_wait(0.5) <= 2
    assert first_wait(60, assumptions=off) == pytest.approx(2)
