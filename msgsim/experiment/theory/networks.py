"""Several stations: in a row, side by side with a join, and Little's law about any of them.

Times are in seconds, rates per second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgsim.experiment.theory.checks import at_least_zero, positive, stable, whole
from msgsim.experiment.theory.stations import MarkovStation, mmc


def little(
    *,
    arrival_rate: float | None = None,
    sojourn_time: float | None = None,
    number: float | None = None,
) -> float:
    """Return the one of L, lambda and W that is left out: L = lambda · W.

    Holds for any part of a system in the long run, whatever the distributions. Source: Little, "A
    proof for the queuing formula L = lambda W", Operations Research 9 (1961).

    Raises:
        ValueError: not exactly one is left out, or a number outside its range.
    """
    given = {"arrival_rate": arrival_rate, "sojourn_time": sojourn_time, "number": number}
    known = {name: value for name, value in given.items() if value is not None}
    if len(known) != 2:
        raise ValueError("give two of arrival_rate, sojourn_time and number, leave out the third")
    at_least_zero(**known)
    if number is None:
        assert arrival_rate is not None and sojourn_time is not None
        return arrival_rate * sojourn_time
    divisor = "sojourn_time" if arrival_rate is None else "arrival_rate"
    positive(**{divisor: known[divisor]})
    return number / known[divisor]


@dataclass(frozen=True, slots=True)
class Tandem:
    """Stations in a row.

    Attributes:
        stations: each by itself.
    """

    stations: tuple[MarkovStation, ...]

    @property
    def sojourn_time(self) -> float:
        """Mean time through all of them (s)."""
        return sum(station.sojourn_time for station in self.stations)

    @property
    def number_in_system(self) -> float:
        """Mean number in all of them."""
        return sum(station.number_in_system for station in self.stations)


def tandem(*, arrival_rate: float, stations: Sequence[tuple[float, int]]) -> Tandem:
    """Stations in a row, each M/M/c: as if each were alone (Burke 1956, Jackson 1957).

    What leaves an M/M/c station is again a Poisson process with the same rate. Source: Shortle et
    al., "Fundamentals of Queueing Theory" (5th ed. 2018), section 5.1.

    Args:
        arrival_rate: lambda at the first (per second).
        stations: service rate of one server (per second) and number of servers, in order.

    Raises:
        ValueError: no stations, or one that `mmc` refuses.
    """
    if not stations:
        raise ValueError("a tandem needs at least one station")
    found = [
        mmc(arrival_rate=arrival_rate, service_rate=rate, servers=servers)
        for rate, servers in stations
    ]
    return Tandem(tuple(found))


@dataclass(frozen=True, slots=True)
class ForkJoin:
    """Mean time from fork to join (s).

    Attributes:
        low, high: bounds.
        guess: Nelson's and Tantawi's approximation; exact for one and two branches.
    """

    low: float
    high: float
    guess: float


def fork_join(*, arrival_rate: float, service_rate: float, branches: int) -> ForkJoin:
    """Fork-join: a job is copied to K equal M/M/1 stations and is done when the last copy is.

    A topic with K queues, asked when *all* subscribers have a message done. Branches see the same
    arrivals, so their times are associated: at most H_K / (mu - lambda), as if independent; at
    least the sum of 1 / (k·mu - lambda) over k = 1 … K. Two branches take exactly
    (12 - rho) / 8 / (mu - lambda).
    Source: Flatto and Hahn, SIAM J. Appl. Math. 44 (1984); Nelson and Tantawi, "Approximate
    analysis of fork/join synchronization in parallel queues", IEEE Trans. Computers 37 (1988).

    Raises:
        ValueError: rates that are not above 0, no branches, or stations that are not stable.
    """
    positive(arrival_rate=arrival_rate, service_rate=service_rate)
    whole(branches=branches)
    rho = arrival_rate / service_rate
    stable(rho)
    alone = 1 / (service_rate - arrival_rate)
    harmonic = sum(1 / k for k in range(1, branches + 1))
    low = sum(1 / (k * service_rate - arrival_rate) for k in range(1, branches + 1))
    if branches == 1:
        return ForkJoin(alone, alone, alone)
    two = (12 - rho) / 8 * alone
    ratio = harmonic / 1.5
    return ForkJoin(low, harmonic * alone, (ratio + 4 / 11 * (1 - ratio) * rho) * two)
