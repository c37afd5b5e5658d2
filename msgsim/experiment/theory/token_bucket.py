"""A token bucket in front of Poisson arrivals: how many it refuses, or how long it holds them up.

What is missing in the bucket, in seconds of refill, is the unfinished work of an M/D/1 station,
whose service time is one token's refill. A call passes while no more than b - 1 tokens are missing.
Source: Berger, "Performance analysis of a rate-control throttle where tokens and jobs queue", IEEE
J. Sel. Areas Comm. 9 (1991), for the identity; the distribution of work in M/D/1 is
Erlang's (1909), Shortle et al., "Fundamentals of Queueing Theory" (5th ed. 2018), section 6.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext

from msgsim.experiment.theory.checks import positive, stable, whole

LARGEST = 1_000
"""The largest bucket that is worked out; sums of alternating terms need digits with its size."""


@dataclass(frozen=True, slots=True)
class Throttle:
    """What a bucket does to calls that are refused when it is empty.

    Attributes:
        refused_share: of all calls.
        passed_rate: calls per second that pass.
    """

    refused_share: float
    passed_rate: float


def token_bucket_loss(*, arrival_rate: float, rate: float, capacity: int) -> Throttle:
    """Poisson calls take a token each, and are refused (throttled) when there is none.

    With G(x) = sum over k of (rho·(k - x))^k / k! · exp(-rho·(k - x)), k up to x, and rho =
    arrival_rate / rate: the share that passes is G(b - 1) / (1 + rho·G(b - 1)). Also above the rate
    (rho > 1). One token of capacity is Erlang's loss system with one server.

    Args:
        arrival_rate: calls per second.
        rate: tokens per second, refilled continuously.
        capacity: b, tokens in a full bucket.

    Raises:
        ValueError: numbers outside their range, or a bucket of more than 1,000 tokens.
    """
    _check(arrival_rate, rate, capacity)
    with localcontext() as context:
        context.prec = _digits(arrival_rate / rate, capacity)
        rho = Decimal(arrival_rate) / Decimal(rate)
        work = _work(rho, capacity - 1)
        passed = float(work / (1 + rho * work))
    return Throttle(1 - passed, arrival_rate * passed)


def token_bucket_delay(*, arrival_rate: float, rate: float, capacity: int) -> float:
    """Return how long Poisson calls wait on average (s) when they wait for a token, in order.

    E(V - K)+ with V the work in M/D/1 and K = (b - 1) / rate: its mean, less the integral of its
    tail over 0 … K. One token of capacity is M/D/1 itself.

    Args:
        arrival_rate: calls per second.
        rate: tokens per second, refilled continuously.
        capacity: b, tokens in a full bucket.

    Raises:
        ValueError: numbers outside their range, more calls than tokens, or a bucket of more than
            1,000 tokens.
    """
    _check(arrival_rate, rate, capacity)
    stable(arrival_rate / rate)
    with localcontext() as context:
        context.prec = _digits(arrival_rate / rate, capacity)
        rho = Decimal(arrival_rate) / Decimal(rate)
        within = Decimal(capacity - 1)
        mean = rho / (2 * (1 - rho))
        below = (1 - rho) * _work_integral(rho, capacity - 1)
        return max(0.0, float(mean - within + below)) / rate


def _check(arrival_rate: float, rate: float, capacity: int) -> None:
    positive(arrival_rate=arrival_rate, rate=rate)
    whole(capacity=capacity)
    if capacity > LARGEST:
        raise ValueError(f"capacity must be at most {LARGEST:,}, got {capacity!r}")


def _digits(rho: float, capacity: int) -> int:
    """Terms of the sum reach exp(2·rho·b); digits enough that what is left of them is exact."""
    return 40 + round((2 * max(1.0, rho) + 1) * capacity)


def _work(rho: Decimal, x: int) -> Decimal:
    """Return P(V <= x) / P(V = 0) of M/D/1 with service time 1."""
    total, factorial = Decimal(0), Decimal(1)
    growth, step = (rho * x).exp(), rho.exp()
    for k in range(x + 1):
        factorial *= max(1, k)
        power = Decimal(1) if k == 0 else (-rho * (x - k)) ** k
        total += power / factorial * growth
        growth /= step
    return total


def _work_integral(rho: Decimal, x: int) -> Decimal:
    """Return the integral of the same over 0 … x, term by term, each by parts."""
    total = Decimal(0)
    growth, step = (rho * x).exp(), rho.exp()
    for k in range(x + 1):
        distance = rho * (x - k)
        part, factor = growth - 1, Decimal(1)
        for j in range(1, k + 1):
            factor *= -distance / j
            part += factor * growth
        total += part
        growth /= step
    return total / rho
