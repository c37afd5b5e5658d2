"""Markov chains solved by brute force, and recursions run for long, to compare closed forms
with.
"""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from scipy import stats

RATES = st.floats(0.01, 100)


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


def solved(rates: np.ndarray) -> np.ndarray:
    size = len(rates)
    generator = rates - np.diag(rates.sum(axis=1))
    generator[:, 0] = 1.0
    return np.linalg.solve(generator.T, np.eye(size)[0])


def waits(gaps: np.ndarray, services: np.ndarray, servers: int = 1) -> np.ndarray:
    """Kiefer and Wolfowitz's recursion: waiting times, first come first served."""
    free = np.zeros(servers)
    found = np.empty(len(gaps))
    now = 0.0
    for index, (gap, service) in enumerate(zip(gaps, services, strict=True)):
        now += gap
        first = int(free.argmin())
        begin = max(now, free[first])
        found[index] = begin - now
        free[first] = begin + service
    return found


def interval(values: np.ndarray, batches: int = 20) -> tuple[float, float]:
    """Return the 99.9 % interval of a mean by batch means."""
    means = values[: len(values) // batches * batches].reshape(batches, -1).mean(axis=1)
    half = stats.t.ppf(0.9995, batches - 1) * means.std(ddof=1) / batches**0.5
    return means.mean() - half, means.mean() + half
