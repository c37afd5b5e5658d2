"""The replay check: does a scenario repeat, and if not, what is the first thing that differs?

The second run happens in another process under another `PYTHONHASHSEED`, so that an order taken
from a set, an address or a clock shows. Two chains of hashes tell the pause between which and the
one before the runs part; both run once more and keep the facts of that span.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest

from msgsim.experiment.run import drive, prepare
from msgsim.observe.chain import Chain
from msgsim.scenario.schema import Scenario

OTHER_HASH_SEED = "4711"
Links = list[tuple[int, str]]
Facts = list[tuple[int, str]]
Span = tuple[int, int]


@dataclass(frozen=True)
class Difference:
    """Where two runs of one scenario part.

    Attributes:
        at_ns: the simulated time of the first fact that differs.
        first: the fact in the first run; empty where it has none.
        second: the fact in the second run; empty where it has none.
    """

    at_ns: int
    first: str
    second: str

    def __str__(self) -> str:
        one, two = self.first or "nothing", self.second or "nothing"
        return f"two runs differ from {self.at_ns / 1e9:.9f} s on: first {one!r}, then {two!r}"


def followed(
    scenario: Scenario, seed: int | None, replication: int, span: Span | None = None
) -> tuple[Links, Facts]:
    """Run a scenario and return its chain, and the facts of a span."""
    chain = Chain(span=span)
    run = prepare(scenario, seed=seed, replication=replication, observers=[chain])
    drive(run, look=chain.look)
    return chain.links, chain.facts


def difference(
    scenario: Scenario, seed: int | None = None, replication: int = 0
) -> Difference | None:
    """Run a scenario twice, here and in another process; return where the runs part, or None.

    Args:
        scenario: what to run; a variant as a scenario of its own.
        seed: overrides the scenario's seed.
        replication: index of the replication.
    """
    here, _ = followed(scenario, seed, replication)
    there, _ = _elsewhere(scenario, seed, replication, None)
    span = parting(here, there)
    if span is None:
        return None
    one = followed(scenario, seed, replication, span)[1]
    two = _elsewhere(scenario, seed, replication, span)[1]
    return first_difference(one, two, span)


def parting(one: Links, two: Links) -> Span | None:
    """Return the span between pauses in which two chains part, or None."""
    before = 0
    for link, other in zip_longest(one, two, fillvalue=(0, "")):
        if link != other:
            return before, max(link[0], other[0])
        before = link[0]
    return None


def first_difference(one: Facts, two: Facts, span: Span) -> Difference:
    """Return the first fact that differs; the end of the span if what differs is not repeated."""
    for left, right in zip_longest(one, two, fillvalue=(span[1], "")):
        if left != right:
            return Difference(min(left[0], right[0]), left[1], right[1])
    return Difference(span[1], "", "")


def _elsewhere(
    scenario: Scenario, seed: int | None, replication: int, span: Span | None
) -> tuple[Links, Facts]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with _hash_seed(OTHER_HASH_SEED), ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(followed, scenario, seed, replication, span).result()


@contextmanager
def _hash_seed(value: str) -> Iterator[None]:
    before = os.environ.get("PYTHONHASHSEED")
    os.environ["PYTHONHASHSEED"] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONHASHSEED"]
        else:
            os.environ["PYTHONHASHSEED"] = before
