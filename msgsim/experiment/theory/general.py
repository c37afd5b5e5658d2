"""Stations with other than exponential times: M/G/1, M/D/1, and what is known of G/G/1 and G/G/c.

Times are in seconds, rates per second; a coefficient of variation (cv) is standard deviation over
mean: 0 constant, 1 exponential. Source: Shortle, Thompson, Gross, Harris, "Fundamentals of Queueing
Theory" (5th ed. 2018), sections 6.1, 8.1 and 8.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgsim.experiment.theory.checks import at_least_zero, positive, stable, whole
from msgsim.experiment.theory.stations import Station, mmc


def mg1(*, arrival_rate: float, service_time: float, service_cv: float) -> Station:
    """M/G/1: Poisson arrivals, any service distribution, one server (Pollaczek-Khinchine).

    Wq = rho·S·(1 + cv²) / (2·(1 - rho)). Source: Shortle et al., section 6.1.

    Args:
        arrival_rate: lambda (per second).
        service_time: mean S (s).
        service_cv: its coefficient of variation.

    Raises:
        ValueError: numbers outside their range, or a station that is not stable.
    """
    positive(arrival_rate=arrival_rate, service_time=service_time)
    at_least_zero(service_cv=service_cv)
    rho = arrival_rate * service_time
    stable(rho)
    waiting = rho * service_time * (1 + service_cv**2) / (2 * (1 - rho))
    return Station(arrival_rate, service_time, 1, waiting)


def md1(*, arrival_rate: float, service_time: float) -> Station:
    """M/D/1: the same with a constant service time; half the wait of M/M/1.

    Wq = rho·S / (2·(1 - rho)). Source: Shortle et al., section 6.1.

    Raises:
        ValueError: as `mg1`.
    """
    return mg1(arrival_rate=arrival_rate, service_time=service_time, service_cv=0.0)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which values a mean waiting time lies (s), and a guess in between.

    Attributes:
        low, high: bounds that hold for every distribution with those means and deviations.
        guess: Marchal's approximation, exact for M/G/1.
        utilisation: rho.
    """

    low: float
    high: float
    guess: float
    utilisation: float


def gg1(
    *, arrival_rate: float, arrival_cv: float, service_time: float, service_cv: float
) -> Bounds:
    """G/G/1: independent gaps and service times of any distribution, one server.

    Upper bound (Kingman 1962): lambda·(sigma_a² + sigma_s²) / (2·(1 - rho)). Lower bound (Marchal
    1978): (lambda²·sigma_s² + rho·(rho - 2)) / (2·lambda·(1 - rho)), or 0. Approximation (Marchal
    1976): the upper bound times (1 + cv_s²) / (1/rho² + cv_s²).
    Source: Shortle et al., section 8.1.

    Args:
        arrival_rate: lambda (per second).
        arrival_cv: coefficient of variation of the gaps between arrivals.
        service_time: mean (s).
        service_cv: its coefficient of variation.

    Raises:
        ValueError: numbers outside their range, or a station that is not stable.
    """
    positive(arrival_rate=arrival_rate, service_time=service_time)
    at_least_zero(arrival_cv=arrival_cv, service_cv=service_cv)
    rho = arrival_rate * service_time
    stable(rho)
    gaps, services = (arrival_cv / arrival_rate) ** 2, (service_cv * service_time) ** 2
    high = arrival_rate * (gaps + services) / (2 * (1 - rho))
    low = arrival_rate**2 * services + rho * (rho - 2)
    low = max(0.0, low / (2 * arrival_rate * (1 - rho)))
    guess = high * (1 + service_cv**2) / (1 / rho**2 + service_cv**2)
    return Bounds(low, high, guess, rho)


def ggc(
    *,
    arrival_rate: float,
    arrival_cv: float,
    service_time: float,
    service_cv: float,
    servers: int,
) -> Station:
    """G/G/c, approximately (Allen-Cunneen): M/M/c's wait times (cv_a² + cv_s²) / 2.

    Exact for M/M/c and M/G/1; within some percent where both cv are below 1 and the load is high.
    Source: Shortle et al., section 8.2; Allen, "Probability, Statistics, and Queueing Theory"
    (2nd ed. 1990), section 5.4.

    Raises:
        ValueError: numbers outside their range, or a station that is not stable.
    """
    positive(arrival_rate=arrival_rate, service_time=service_time)
    at_least_zero(arrival_cv=arrival_cv, service_cv=service_cv)
    whole(servers=servers)
    markov = mmc(arrival_rate=arrival_rate, service_rate=1 / service_time, servers=servers)
    waiting = markov.waiting_time * (arrival_cv**2 + service_cv**2) / 2
    return Station(arrival_rate, service_time, int(servers), waiting)
