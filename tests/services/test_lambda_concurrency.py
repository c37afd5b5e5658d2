"""Provisioned concurrency, request rates, memory, and what a first call costs."""

from __future__ import annotations

from typing import Any

import pytest

from msgsim.services.lambda_function.spec import HandlerSpec, cpu, pace
from tests.services.hand_built import HandBuilt, codes
from tests.services.lambda_built import built, function
from tests.services.lambda_caller import Caller

S = 10**9
TWO = {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 2}}


def reasons(system: HandBuilt, name: str = "Fn") -> list[str]:
    return [fact[1] for fact in system.log.of(name, "invoke_throttled")]


def invoke_at(system: HandBuilt, at: str, count: int = 1) -> Caller:
    caller = Caller(system)
    for _ in range(count):
        system.sim.at(round(float(at.removesuffix("s")) * S), caller.invoke)
    return caller


# Provisioned concurrency -----------------------------------------------------------------------


def test_provisioned_environments_are_never_cold_and_the_rest_spills_over() -> None:
    """Two provisioned environments answer without initialisation; a third invocation takes an
    on-demand one, cold. Source: provisioned-concurrency.html.
    """
    system = built({"Fn": function("1s", cold_start="500ms", **TWO)})
    invoke_at(system, "1s", 3)
    system.run("10s")
    assert [fact[2] for fact in system.log.of("Fn", "started")] == [False, False, True]
    assert len(system.log.of("Fn", "spilled_over")) == 1
    assert sorted(fact[0] for fact in system.log.of("Fn", "ended")) == [2.0, 2.0, 2.5]
    assert [fact[1] for fact in system.log.of("Fn", "provisioned_busy")] == [1, 2, 1, 0]
    assert system.log.of("Fn", "provisioned") == [(0.0, 2)]


def test_provisioned_environments_do_not_expire() -> None:
    """On-demand ones are gone after 10 idle minutes; provisioned ones stay."""
    system = built({"Fn": function("1s", cold_start="500ms", **TWO)})
    invoke_at(system, "1s")
    invoke_at(system, "20000s")
    system.run("6h")
    assert [fact[2] for fact in system.log.of("Fn", "started")] == [False, False]


def test_allocation_takes_one_to_two_minutes_and_is_all_or_nothing() -> None:
    """6,000 environments/min after one to two minutes: 600 asked for at 10 s are usable together
    6 s after the delay, and until then invocations are on-demand. Source: lambda-concurrency.html.
    """
    config = {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 600}}
    system = built({"Fn": function("1s", cold_start="500ms", provisioned_from="10s", **config)})
    invoke_at(system, "100s")
    invoke_at(system, "105.9s", 2)
    invoke_at(system, "106.1s", 600)
    system.run("3m")
    ready = system.log.of("Fn", "provisioned")
    assert ready == [(106.0, 600)]
    assert 10 + 60 + 6 <= ready[0][0] <= 10 + 120 + 6
    started = system.log.of("Fn", "started")
    assert [fact[2] for fact in started[:3]] == [True, False, True]
    assert sum(fact[2] for fact in started[3:]) == 0
    assert system.log.of("Fn", "spilled_over") == []


def test_provisioned_concurrency_counts_against_reserved_and_account() -> None:
    """Provisioned is part of what is reserved, and else taken from the account: 3 reserved, 2
    provisioned: the fourth invocation is throttled. Of 1,000, 10 provisioned leave others 990.
    """
    system = built({"Fn": function("10s", ReservedConcurrentExecutions=3, **TWO)})
    invoke_at(system, "1s", 4)
    system.run("5s")
    assert len(system.log.of("Fn", "started")) == 3
    assert reasons(system) == ["ReservedFunctionConcurrentInvocationLimitExceeded"]

    ten = {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 10}}
    system = built({"Fn": function("10s", **ten), "Other": function("10s")})
    other = Caller(system, "Other")
    for _ in range(1_000):
        system.sim.at(S, other.invoke)
    system.run("5s")
    assert len(system.log.of("Other", "started")) == 990
    assert set(reasons(system, "Other")) == {"ConcurrentInvocationLimitExceeded"}


def test_provisioned_above_reserved_is_refused() -> None:
    """InvalidParameterValueException; source: lambda-concurrency.html."""
    assert codes({"Fn": function(ReservedConcurrentExecutions=1, **TWO)}) == ["E223"]


# Requests per second ---------------------------------------------------------------------------


def test_synchronous_requests_are_limited_to_ten_times_the_concurrency() -> None:
    """Reserved 2 carries 20 synchronous requests/s even of 1 ms; the 21st of an instant is
    throttled with AWS's reason, and after half a second ten more pass. Asynchronous events know no
    such limit. Source: gettingstarted-limits.html, lambda-concurrency.html.
    """
    system = built({"Fn": function("1ms", ReservedConcurrentExecutions=2)})
    caller = Caller(system)
    for number in range(25):
        system.sim.at(S + number * 2_000_000, caller.invoke)
    for number in range(15):
        system.sim.at(round(1.55 * S) + number * 2_000_000, caller.invoke)
    system.run("5s")
    assert 20 + 10 <= len(system.log.of("Fn", "started")) <= 20 + 12
    assert set(reasons(system)) == {"ReservedFunctionInvocationRateLimitExceeded"}

    system = built(
        {"Fn": function("1ms", ReservedConcurrentExecutions=2)},
        assumptions={("lambda.function", "async_hand_off"): "0s"},
    )
    for number in range(100):
        system.sim.at(number * 2_000_000, lambda: system["Fn"].invoke_async(system.message()))
    system.run("5s")
    assert reasons(system) == []


# Memory ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("memory", "measured", "share", "factor"),
    [
        (1769, None, "100%", 1.0),
        (885, None, "100%", 1769 / 885),
        (10_240, None, "100%", 1.0),
        (128, None, "0%", 1.0),
        (256, 512, "100%", 2.0),
        (256, 512, "50%", 1.5),
        (1024, 512, "100%", 0.5),
    ],
)
def test_the_cpu_grows_with_memory(
    memory: int, measured: int | None, share: str, factor: float
) -> None:
    """One vCPU at 1,769 MB, in proportion below; one thread has no use for more. Only the share of
    the time that is computing changes. Source: configuration-memory.html.
    """
    code = HandlerSpec.model_validate(
        {"time": "1s", "cpu_bound": share} | ({"measured_at": measured} if measured else {})
    )
    assert pace(code, memory) == pytest.approx(factor)


def test_memory_lengthens_the_handler() -> None:
    system = built({"Fn": function("1s", MemorySize=885, Timeout=5, handler__cpu_bound="100%")})
    invoke_at(system, "0s")
    system.run("5s")
    assert system.log.of("Fn", "ended")[0][0] == pytest.approx(1769 / 885)
    assert codes({"Fn": function("1s", handler__measured_at=512)}) == ["W324"]


def test_a_first_call_of_dotnet_is_as_long_as_measured() -> None:
    """About 180 ms on top of the initialisation at 512 MB and 800 ms at 128 MB: in proportion to
    the CPU, 720 ms. Python has none. Source: https://github.com/maxday/lambda-perf (2026-08-22).
    """

    def median(runtime: str, memory: int) -> float:
        spec: dict[str, Any] = {"type": "lambda.function", "handler": {"time": "1s"}}
        system = built({"Fn": {**spec, "Runtime": runtime, "MemorySize": memory}})
        caller = Caller(system)
        for _ in range(300):
            caller.invoke()
        return float(sorted(fact[1] for fact in system.log.of("Fn", "cold_start"))[150] / 1e6)

    assert median("dotnet8", 512) - median("dotnet8", 10_240) == pytest.approx(180 * 0.71, rel=0.02)
    assert median("dotnet8", 128) - median("dotnet8", 512) == pytest.approx(800 - 180, rel=0.15)
    assert median("python3.13", 128) == median("python3.13", 1024)
    assert cpu(1769) == 1
