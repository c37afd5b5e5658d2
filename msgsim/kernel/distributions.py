"""Distributions of durations, sizes and gaps, each knowing its own mean and variance.

The numbers carry no unit: whoever builds a distribution chooses one (times are nanoseconds as
floats) and `scaled` converts. A distribution holds no random state; `sample` draws from the
generator it is given, and `msgsim.kernel.sampling` gives every use its own named substream.

Refused parameters raise `ValueError` with the number given and what is allowed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from statistics import NormalDist
from typing import Protocol

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

Z99 = 2.3263478740408408
"""The 99th percentile of the standard normal distribution."""

LARGEST_P99_OVER_MEAN = math.exp(Z99 * Z99 / 2)
"""A lognormal's p99 / mean is exp(Z99 sigma - sigma² / 2), which peaks here, at sigma = Z99."""

SMALLEST_PARETO_ALPHA = 0.1
"""Below this the tail leaves the range of floating-point numbers."""


class Distribution(Protocol):
    """What every distribution offers. Those with an exact inverse also have `quantile(p)`."""

    @property
    def mean(self) -> float:
        """The expectation; `math.inf` where it does not exist or exceeds the float range."""

    @property
    def variance(self) -> float:
        """The variance; `math.inf` where it does not exist or exceeds the float range."""

    @property
    def minimum(self) -> float:
        """The lower bound of the support, so that a caller can refuse negative times."""

    def sample(self, generator: np.random.Generator, size: int) -> Values:
        """Draw `size` independent values."""

    def scaled(self, factor: float) -> Distribution:
        """The distribution of `factor` times the value; `factor` must be above 0."""

    def describe(self) -> str:
        """A short text for summaries and error messages, in the distribution's own unit."""


def checked(
    what: str, value: object, *, above: float | None = None, at_least: float | None = None
) -> float:
    """Return `value` as a finite float within its bound, or raise `ValueError` naming `what`."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{what} is {value!r}, but it must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{what} is {number}, but it must be a finite number")
    if above is not None and number <= above:
        raise ValueError(f"{what} is {number:g}, but it must be above {above:g}")
    if at_least is not None and number < at_least:
        raise ValueError(f"{what} is {number:g}, but it must be at least {at_least:g}")
    return number


def checked_factor(factor: float) -> float:
    """Return a scale factor as a float, or raise `ValueError` unless it is finite and above 0."""
    return checked("the scale factor", factor, above=0)


def checked_probability(p: float) -> float:
    """Return a probability as a float, or raise `ValueError` unless it is from 0 to 1."""
    number = checked("the probability", p, at_least=0)
    if number > 1:
        raise ValueError(f"the probability is {number:g}, but it must be at most 1")
    return number


def settle(instance: object, **fields: float) -> None:
    """Store checked values in a frozen dataclass while it is being built."""
    for name, value in fields.items():
        object.__setattr__(instance, name, value)


def _exp(exponent: float) -> float:
    try:
        return math.exp(exponent)
    except OverflowError:
        return math.inf


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same value (deterministic, D in Kendall's notation)."""

    value: float

    def __post_init__(self) -> None:
        settle(self, value=checked("constant: the value", self.value))

    @property
    def mean(self) -> float:
        return self.value

    @property
    def variance(self) -> float:
        return 0.0

    @property
    def minimum(self) -> float:
        return self.value

    def sample(self, generator: np.random.Generator, size: int) -> Values:
        return np.full(size, self.value, dtype=np.float64)

    def scaled(self, factor: float) -> Constant:
        return Constant(self.value * checked_factor(factor))

    def quantile(self, p: float) -> float:
        checked_probability(p)
        return self.value

    def describe(self) -> str:
        return f"constant {self.value:g}"


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every value from `low` (included) to `high` equally likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        low, high = checked("uniform: low", self.low), checked("uniform: high", self.high)
        if high < low:
            raise ValueError(f"uniform: high is {high:g}, but it must be at least low, {low:g}")
        checked("uniform: the width high - low", high - low)
        settle(self, low=low, high=high)

    @property
    def mean(self) -> float:
        return self.low + (self.high - self.low) / 2

    @property
    def variance(self) -> float:
        width = self.high - self.low
        return width * width / 12

    @property
    def minimum(self) -> float:
        return self.low

    def sample(self, generator: np.random.Generator, size: int) -> Values:
        return generator.uniform(self.low, self.high, size)

    def scaled(self, factor: float) -> Uniform:
        factor = checked_factor(factor)
        return Uniform(self.low * factor, self.high * factor)

    def quantile(self, p: float) -> float:
        return self.low + checked_probability(p) * (self.high - self.low)

    def describe(self) -> str:
        return f"uniform from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class Exponential:
    """Memoryless times with the given mean (M in Kendall's notation)."""

    mean: float

    def __post_init__(self) -> None:
        settle(self, mean=checked("exponential: mean", self.mean, above=0))

    @property
    def variance(self) -> float:
        return self.mean * self.mean

    @property
    def minimum(self) -> float:
        return 0.0

    def sample(self, generator: np.random.Generator, size: int) -> Values:
        return generator.exponential(self.mean, size)

    def scaled(self, factor: float) -> Exponential:
        return Exponential(self.mean * checked_factor(factor))

    def quantile(self, p: float) -> float:
        return math.inf if checked_probability(p) == 1 else -self.mean * math.log1p(-p)

    def describe(self) -> str:
        return f"exponential, mean {self.mean:g}"


@dataclass(frozen=True, slots=True)
class Gamma:
    """Gamma with `shape` k and `scale` θ: mean kθ; an Erlang distribution where k is whole."""

    shape: float
    scale: float

    def __post_init__(self) -> None:
        shape = checked("gamma: shape", self.shape, above=0)
        scale = checked("gamma: scale", self.scale, above=0)
        checked("gamma: the mean shape x scale", shape * scale)
        settle(self, shape=shape, scale=scale)

    @classmethod
    def from_mean_cv(cls, mean: float, cv: float) -> Gamma:
        """Build from the mean and the coefficient of variation, standard deviation / mean."""
        mean = checked("gamma: mean", mean, above=0)
        cv = checked("gamma: cv (standard deviation / mean)", cv, above=0)
        squared = checked("gamma: the square of cv", cv * cv, above=0)
        return cls(shape=1 / squared, scale=mean * squared)

    @property
    def mean(self) -> float:
        return self.shape * self.scale

    @property
    def variance(self) -> float:
        return self.shape * self.scale * self.scale

    @property
    def minimum(self) -> float:
        return 0.0

    def sample(self, generator: np.random.Generator, size: int) -> Values:
        return generator.gamma(self.shape, self.scale, size)

    def scaled(self, factor: float) -> Gamma:
        return Gamma(self.shape, self.scale * checked_factor(factor))

    def describe(self) -> str:
        return f"gamma, mean {self.mean:g}, cv {1 / math.sqrt(self.shape):g}"


@dataclass(frozen=True, slots=True)
class Lognormal:
    """The exponential of a normal variate with mean `mu` and standard deviation `sigma`."""

    mu: float
    sigma: float

    def __post_init__(self) -> None:
        mu = checked("lognormal: mu", self.mu)
        sigma = checked("lognormal: sigma", self.sigma, at_least=0)
        checked("lognormal: the mean exp(mu + sigma² / 2)", _exp(mu + sigma * sigma / 2))
        settle(self, mu=mu, sigma=sigma)

    @classmethod
    def from_median_p99(cls, median: float, p99: float) -> Lognormal:
        """Build from the 50th and the 99th percentile; p99 must be above the median."""
        median = checked("lognormal: median", median, above=0)
        p99 = checked("lognormal: p99", p99, above=0)
        if p99 <= median:
            raise ValueError(
                f"lognormal: p99 is {p99:g}, but it must be above the median, {median:g}"
            )
        return cls(mu=math.log(median), sigma=(math.log(p99) - math.log(median)) / Z99)

    @classmethod
    def from_mean_p99(cls, mean: float, p99: float) -> Lognormal:
        """Build from the mean and the 99th percentile.

        Two distributions have the same mean and p99: ln(p99 / mean) = Z99 sigma - sigma² / 2 has
        the roots Z99 ± sqrt(Z99² - 2 ln(p99 / mean)). The smaller sigma, the lighter tail, is
        meant. Above `LARGEST_P99_OVER_MEAN` there is no root at all.
        """
        mean = checked("lognormal: mean", mean, above=0)
        p99 = checked("lognormal: p99", p99, above=0)
        if p99 <= mean:
            raise ValueError(f"lognormal: p99 is {p99:g}, but it must be above the mean, {mean:g}")
        log_ratio = math.log(p99) - math.log(mean)
        if log_ratio > Z99 * Z99 / 2:
            raise ValueError(
                f"lognormal: p99 is {p99:g}, which is {_exp(log_ratio):.4g} times the mean,"
                f" {mean:g}, but a lognormal reaches at most {LARGEST_P99_OVER_MEAN:.4f} times"
                " (exp(z² / 2) with z = 2.3263, the normal 99th percentile);"
                " give the median and p99 instead, or use a Pareto distribution"
            )
        sigma = Z99 - math.sqrt(Z99 * Z99 - 2 * log_ratio)
        return cls(mu=math.log(mean) - sigma * sigma / 2, sigma=sigma)

    @property
    def mean(self) -> float:
        return math.exp(self.mu + self.sigma * self.sigma / 2)

    @property
    def variance(self) -> float:
        spread = self.sigma * self.sigma
        if spread > 700:
            return math.inf
        return math.expm1(spread) * _exp(2 * self.mu + spread)

    @property
    def minimum(self) -> float:
        return 0.0

    def sample(self, generator: np.random.Generator, size: int) -> Values:
        return generator.lognormal(self.mu, self.sigma, size)

    def scaled(self, factor: float) -> Lognormal:
        return Lognormal(self.mu + math.log(checked_factor(factor)), self.sigma)

    def quantile(self, p: float) -> float:
        if checked_probability(p) in (0, 1):
            return math.inf if p == 1 else 0.0
        return _exp(self.mu + self.sigma * NormalDist().inv_cdf(p))

    def describe(self) -> str:
        p99 = _exp(self.mu + Z99 * self.sigma)
        return f"lognormal, median {_exp(self.mu):g}, p99 {p99:g}"


@dataclass(frozen=True, slots=True)
class Pareto:
    """Heavy tail: P(X > x) = (minimum / x)^alpha. No mean for alpha ≤ 1, no variance for ≤ 2."""

    minimum: float
    alpha: float

    def __post_init__(self) -> None:
        minimum = checked("Pareto: minimum", self.minimum, above=0)
        alpha = checked("Pareto: alpha", self.alpha, at_least=SMALLEST_PARETO_ALPHA)
        settle(self, minimum=minimum, alpha=alpha)

    @property
    def mean(self) -> float:
        if self.alpha <= 1:
            return math.inf
        return self.minimum * (self.alpha / (self.alpha - 1))

    @property
    def variance(self) -> float:
        alpha = self.alpha
        if alpha <= 2:
            return math.inf
        deviation = self.minimum / (alpha - 1)
        return deviation * deviation * (alpha / (alpha - 2))

    def sample(self, generator: np.random.Generator, size: int) -> Values:
        return self.minimum * np.exp(generator.standard_exponential(size) / self.alpha)

    def scaled(self, factor: float) -> Pareto:
        return Pareto(self.minimum * checked_factor(factor), self.alpha)

    def quantile(self, p: float) -> float:
        if checked_probability(p) == 1:
            return math.inf
        return self.minimum * _exp(-math.log1p(-p) / self.alpha)

    def describe(self) -> str:
        return f"Pareto, minimum {self.minimum:g}, alpha {self.alpha:g}"
