"""Batches: a server that takes several customers at once, and a batch that closes by size or time.

Times are in seconds, rates per second.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgsim.experiment.theory.checks import at_least_zero, positive, stable, whole


@dataclass(frozen=True, slots=True)
class BulkStation:
    """The steady state of a server that serves batches.

    Attributes:
        arrival_rate: customers per second.
        service_time: mean of a batch, whatever its size (s).
        waiting_time: mean time until the own batch begins (s).
        utilisation: share of time in which the server is busy.
        batch_size: mean.
    """

    arrival_rate: float
    service_time: float
    waiting_time: float
    utilisation: float
    batch_size: float

    @property
    def sojourn_time(self) -> float:
        """Mean time until the own batch is done (s)."""
        return self.waiting_time + self.service_time


def bulk_service(*, arrival_rate: float, service_time: float, largest: int) -> BulkStation:
    """M/M[1,K]/1: one server takes all that wait, at most K, as soon as it is free.

    A batch takes exponential time whatever its size; later arrivals wait for the next. With r the
    root in (0, 1) of mu·r^(K+1) - (lambda + mu)·r + lambda = 0, the line behind a busy server has
    length n with probability proportional to r^n. Source: Shortle et al., "Fundamentals of Queueing
    Theory" (5th ed. 2018), section 4.2 (the root; there a batch in service may still be joined);
    Bailey, "On queueing processes with bulk service", J. Royal Stat. Soc. B 16 (1954).

    Args:
        arrival_rate: lambda (per second).
        service_time: mean time of a batch (s).
        largest: K, such as 10 messages of a receive.

    Raises:
        ValueError: numbers outside their range, or lambda·S is not below K.
    """
    from scipy.optimize import brentq

    positive(arrival_rate=arrival_rate, service_time=service_time)
    whole(largest=largest)
    stable(arrival_rate * service_time / largest)
    load = arrival_rate * service_time

    def balance(r: float) -> float:
        """The characteristic equation without its root at 1, times S."""
        return sum(r**k for k in range(1, largest + 1)) - load

    r: float = brentq(balance, 0.0, 1.0, xtol=1e-15, rtol=1e-14)
    behind = 1 / (1 / (1 - r) + 1 / load)  # probability of a busy server with nobody waiting
    idle = behind / load
    waiting = behind * r / (1 - r) ** 2 / arrival_rate
    return BulkStation(arrival_rate, service_time, waiting, 1 - idle, load / (1 - idle))


@dataclass(frozen=True, slots=True)
class Batching:
    """What collecting does.

    Attributes:
        batch_size: mean number in a batch.
        waiting_time: mean time a message waits for its batch to close (s).
        batch_rate: batches per second.
        full_share: share of batches that closed because they were full.
    """

    batch_size: float
    waiting_time: float
    batch_rate: float
    full_share: float


def size_or_time(*, arrival_rate: float, size: int, time: float) -> Batching:
    """A batch that closes with its N-th message or a time T after its first, whichever is first.

    `BatchSize` and `MaximumBatchingWindowInSeconds` of a mapping, or a client's `batch`. Arrivals
    are Poisson; A(t) is how many come within t after the first. Mean size: 1 + E min(N - 1, A(T)).
    A batch is open at t while A(t) < N - 1, so messages wait in all, per batch, the integral over
    0 … T of E[(1 + A(t)); A(t) <= N - 2], which is a sum of incomplete gamma functions.
    Source: elementary renewal theory; Ross, "Introduction to Probability Models", chapter 7.

    Args:
        arrival_rate: lambda (per second).
        size: N, at which a batch is full.
        time: T (s).

    Raises:
        ValueError: numbers outside their range.
    """
    from scipy.special import gammainc

    positive(arrival_rate=arrival_rate)
    whole(size=size)
    at_least_zero(time=time)
    mean = arrival_rate * time
    reached = [float(gammainc(k, mean)) for k in range(1, size)]  # P(A(T) >= k)
    batch_size = 1 + sum(reached)
    # Integrals over 0 … T of P(A <= N-2) and of lambda·t·P(A <= N-3), each times lambda.
    first = sum(reached)
    others = sum(k * float(gammainc(k + 1, mean)) for k in range(1, size - 1))
    waiting = (first + others) / arrival_rate / batch_size
    full = 1.0 if size == 1 else reached[-1]
    return Batching(batch_size, waiting, arrival_rate / batch_size, full)
