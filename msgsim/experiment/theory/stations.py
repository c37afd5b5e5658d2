"""Stations with Poisson arrivals and exponential service: M/M/1, M/M/c, and M/M/c/c (Erlang B).

Times are in seconds, rates per second. Source: Shortle, Thompson, Gross, Harris, "Fundamentals of
Queueing Theory" (5th ed. 2018), chapter 3; Kleinrock, "Queueing Systems" I (1975), chapter 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

from msgsim.experiment.theory.checks import positive, share, stable, whole


@dataclass(frozen=True, slots=True)
class Station:
    """The steady state of a station.

    Attributes:
        arrival_rate: customers per second that get service.
        service_time: mean (s).
        servers: how many.
        waiting_time: mean time in line (s).
    """

    arrival_rate: float
    service_time: float
    servers: int
    waiting_time: float

    @property
    def utilisation(self) -> float:
        """Share of the servers' time that is work (rho)."""
        return self.arrival_rate * self.service_time / self.servers

    @property
    def sojourn_time(self) -> float:
        """Mean time in the system, in line and in service (s)."""
        return self.waiting_time + self.service_time

    @property
    def queue_length(self) -> float:
        """Mean number in line, by Little's law."""
        return self.arrival_rate * self.waiting_time

    @property
    def number_in_system(self) -> float:
        """Mean number in line and in service, by Little's law."""
        return self.arrival_rate * self.sojourn_time


@dataclass(frozen=True, slots=True)
class MarkovStation(Station):
    """An M/M/c station: with the whole distribution of its waiting and sojourn time.

    Attributes:
        delay_probability: chance that an arrival has to wait (Erlang C).
    """

    delay_probability: float

    @property
    def _drain(self) -> float:
        """How fast a line drains while all servers are busy: c·mu - lambda."""
        return self.servers / self.service_time - self.arrival_rate

    def waiting_time_tail(self, t: float) -> float:
        """Return P(wait > t) = C · exp(-(c·mu - lambda)·t)."""
        return self.delay_probability * exp(-self._drain * t)

    def waiting_time_percentile(self, p: float) -> float:
        """Return the time within which a share `p` of arrivals begins service (s).

        Raises:
            ValueError: `p` is not at least 0 and below 1.
        """
        share(p=p)
        beyond = 1 - p
        if beyond >= self.delay_probability:
            return 0.0
        return log(self.delay_probability / beyond) / self._drain

    def sojourn_time_tail(self, t: float) -> float:
        """Return P(sojourn > t): the wait, zero or exponential, plus an exponential service."""
        mu, theta, late = 1 / self.service_time, self._drain, self.delay_probability
        if abs(theta - mu) < 1e-9 * mu:
            both = (1 + mu * t) * exp(-mu * t)
        else:
            both = (theta * exp(-mu * t) - mu * exp(-theta * t)) / (theta - mu)
        return (1 - late) * exp(-mu * t) + late * both

    def sojourn_time_percentile(self, p: float) -> float:
        """Return the time within which a share `p` of arrivals is done (s).

        Raises:
            ValueError: `p` is not at least 0 and below 1.
        """
        from scipy.optimize import brentq

        share(p=p)
        if p == 0:
            return 0.0
        high = self.sojourn_time
        while self.sojourn_time_tail(high) > 1 - p:
            high *= 2
        found: float = brentq(
            lambda t: self.sojourn_time_tail(t) - (1 - p), 0, high, xtol=1e-15, rtol=1e-12
        )
        return found


def erlang_b(offered_load: float, servers: int) -> float:
    """Return the share of Poisson arrivals that find all of `servers` busy and are lost.

    B(0) = 1, B(n) = a·B(n-1) / (n + a·B(n-1)); holds for any service distribution with that mean.
    A function at its reserved concurrency that is invoked synchronously without retries is such a
    loss system. Source: Shortle et al., section 3.6.

    Args:
        offered_load: a = arrival rate × mean service time (erlangs).
        servers: how many; 0 loses everything.

    Raises:
        ValueError: a load that is not above 0, or a number of servers that is none.
    """
    positive(offered_load=offered_load)
    if servers != 0:
        whole(servers=servers)
    blocked = 1.0
    for n in range(1, int(servers) + 1):
        blocked = offered_load * blocked / (n + offered_load * blocked)
    return blocked


def erlang_c(offered_load: float, servers: int) -> float:
    """Return the share of Poisson arrivals that have to wait at an M/M/c station.

    C = c·B / (c - a·(1 - B)). Source: Shortle et al., section 3.3.

    Raises:
        ValueError: as `erlang_b`, or the load is not below the number of servers.
    """
    positive(offered_load=offered_load)
    whole(servers=servers)
    stable(offered_load / servers)
    blocked = erlang_b(offered_load, servers)
    return servers * blocked / (servers - offered_load * (1 - blocked))


def mmc(*, arrival_rate: float, service_rate: float, servers: int) -> MarkovStation:
    """M/M/c: Poisson arrivals, exponential service, c servers at one line.

    Wq = C / (c·mu - lambda), with Erlang's C. Source: Shortle et al., section 3.3.

    Args:
        arrival_rate: lambda (per second).
        service_rate: mu of one server (per second).
        servers: c.

    Raises:
        ValueError: a rate that is not above 0, no servers, or a station that is not stable.
    """
    positive(arrival_rate=arrival_rate, service_rate=service_rate)
    whole(servers=servers)
    load = arrival_rate / service_rate
    stable(load / servers)
    late = erlang_c(load, servers)
    waiting = late / (servers * service_rate - arrival_rate)
    return MarkovStation(arrival_rate, 1 / service_rate, int(servers), waiting, late)


def mm1(*, arrival_rate: float, service_rate: float) -> MarkovStation:
    """M/M/1: the same with one server; W = 1 / (mu - lambda), exponentially distributed.

    Source: Shortle et al., section 3.2.

    Raises:
        ValueError: a rate that is not above 0, or a station that is not stable.
    """
    return mmc(arrival_rate=arrival_rate, service_rate=service_rate, servers=1)
