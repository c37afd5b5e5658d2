"""lambda.function: reserved and shared concurrency, outages, and what AWS refuses
(lambda-concurrency.html; API Reference, CreateFunction, PutFunctionConcurrency).
"""

from __future__ import annotations

from math import factorial, sqrt
from typing import Any

import pytest

from msgsim.kernel.distributions import Exponential
from msgsim.kernel.sampling import Sampler
from msgsim.services.lambda_function.concurrency import AccountConcurrency
from tests.services.hand_built import codes
from tests.services.lambda_built import built, function
from tests.services.lambda_caller import Caller, S

# Concurrency ------------------------------------------------------------------------------------


def test_reserved_concurrency_is_a_cap_and_its_loss_is_erlang_b() -> None:
    """Poisson invocations at a function with c reserved environments are an M/M/c/c system: the
    throttled share is Erlang B, here with offered load 4 and c = 5: 0.1991.

    Source: Lambda developer guide, lambda-concurrency.html; Erlang's loss formula. Twenty runs of
    1,000 invocations; the interval is 3.3 standard errors of the runs.
    """
    offered, servers, runs = 4.0, 5, 20
    blocked = (offered**servers / factorial(servers)) / sum(
        offered**k / factorial(k) for k in range(servers + 1)
    )
    shares = []
    for replication in range(runs):
        system = built(
            {
                "Fn": function(
                    {"dist": "exponential", "mean": "1s"},
                    ReservedConcurrentExecutions=servers,
                    Timeout=900,
                )
            },
            replication=replication,
            logged=False,
        )
        caller = Caller(system)
        gap = Sampler(Exponential(S / offered), 7, replication, "arrivals", integer=True)
        now = 0
        for _ in range(1_000):
            now += gap.draw()
            system.sim.at(now, caller.invoke)
        system.sim.run(now + 60 * S)
        shares.append(len(caller.refusals) / 1_000)
        assert set(caller.refusals) == {"TooManyRequestsException"}
    mean = sum(shares) / runs
    error = sqrt(sum((share - mean) ** 2 for share in shares) / (runs - 1) / runs)
    assert abs(mean - blocked) < 3.3 * error + 0.005
    assert error < 0.01


def test_reserved_parts_leave_the_rest_to_the_others() -> None:
    """A reserved part is taken from the account's quota whether it is used or not; functions
    without one share what is left. Source: Lambda developer guide, lambda-concurrency.html.
    """
    account = AccountConcurrency(10)
    one, other, reserved = account.share(None), account.share(None), account.share(7)
    assert account.unreserved == 3
    assert [one.take(), other.take(), one.take()] == [None, None, None]
    assert other.take() == "ConcurrentInvocationLimitExceeded"
    assert [reserved.take() for _ in range(7)] == [None] * 7
    assert reserved.take() == "ReservedFunctionConcurrentInvocationLimitExceeded"
    one.give()
    assert other.take() is None


def test_two_functions_share_the_account() -> None:
    """The pool belongs to the account: 1,000 at once, whoever runs them."""
    system = built({"Fn": function("1s"), "Other": function("1s")})
    first, second = Caller(system, "Fn"), Caller(system, "Other")
    for _ in range(600):
        first.invoke()
        second.invoke()
    assert len(first.refusals) + len(second.refusals) == 200
    reasons = {fact[1] for fact in system.log.of("Fn", "invoke_throttled")}
    assert reasons == {"ConcurrentInvocationLimitExceeded"}


def test_new_environments_are_rationed_per_function() -> None:
    """1,000 environments every 10 s per function, refilled continuously (100/s): with 3,000 wanted
    and a quota of 5,000, 1,000 start at once and 100 more after a second.

    Source: Lambda developer guide, scaling-behavior.html.
    """
    system = built({"Fn": function("60s", Timeout=900)})
    system.context.shared["lambda.concurrency"].quota = 5_000
    caller = Caller(system)
    for _ in range(1_500):
        caller.invoke()
    assert len(caller.refusals) == 500
    system.run("1s")
    for _ in range(150):
        caller.invoke()
    assert len(caller.refusals) == 550
    reasons = {fact[1] for fact in system.log.of("Fn", "invoke_throttled")}
    assert reasons == {"FunctionInvocationRateLimitExceeded"}


def test_an_outage_answers_with_a_server_error() -> None:
    system = built({"Fn": function()})
    system["Fn"].fail()
    caller = Caller(system)
    caller.invoke()
    assert caller.refusals == ["ServiceException"]
    system["Fn"].recover()
    caller.invoke()
    system.run("1s")
    assert [outcome.status for _, outcome in caller.outcomes] == ["ok"]


# What AWS refuses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"Fn": function(Runtime="python3.13")}, []),
        ({"Fn": function(Runtime="python2.7")}, ["E220"]),
        (
            {
                "Fn": function(DeadLetterConfig={"TargetArn": "Q"}),
                "Q": {"type": "sqs.queue", "FifoQueue": "true"},
            },
            ["E221"],
        ),
        (
            {
                "A": function(ReservedConcurrentExecutions=500),
                "B": function(ReservedConcurrentExecutions=400),
            },
            [],
        ),
        (
            {
                "A": function(ReservedConcurrentExecutions=500),
                "B": function(ReservedConcurrentExecutions=401),
                "C": function(ReservedConcurrentExecutions=10),
            },
            ["E224"],
        ),
        ({"Fn": function("5s")}, ["W320"]),
        ({"Fn": function(handler__fails_attempts=1)}, ["W321"]),
    ],
)
def test_findings(resources: dict[str, Any], expected: list[str]) -> None:
    """Rules of CreateFunction, PutFunctionConcurrency and common sense, each with its code."""
    assert codes(resources) == expected
