"""A campaign: random scenarios one after another, until time is up or enough have failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msgsim.experiment.fuzz.generator import Tree, draw_scenario, text_of
from msgsim.experiment.fuzz.shrink import shrink
from msgsim.experiment.fuzz.trial import Failure, attempt
from msgsim.files import make_folder, write_atomically

REPEATED = 16
"""Every so many scenarios, one is run again and compared."""


@dataclass(frozen=True)
class Found:
    """A scenario that failed.

    Attributes:
        seed: it was drawn from.
        failure: what went wrong.
        tree: the smallest scenario found that fails in the same way.
        file: where it was kept, or empty.
    """

    seed: int
    failure: Failure
    tree: Tree
    file: str = ""


@dataclass
class Campaign:
    """What was run, and what failed."""

    runs: int = 0
    next_seed: int = 0
    found: list[Found] = field(default_factory=list)


Tell = Callable[[Campaign], None]


def run_campaign(
    *,
    first_seed: int = 0,
    seconds: float | None = None,
    count: int | None = None,
    keep: str | None = None,
    most_failures: int = 1,
    shrink_s: float = 60.0,
    tell: Tell | None = None,
) -> Campaign:
    """Draw, run and check scenarios with seeds from `first_seed` on.

    Args:
        first_seed: seed of the first scenario; the others follow.
        seconds: stop after so much time; None for no limit.
        count: stop after so many scenarios; None for no limit.
        keep: folder for scenarios that fail, made with the first of them.
        most_failures: stop after so many.
        shrink_s: longest time for making one failure small.
        tell: called after each scenario.

    Raises:
        ProblemError: E160, `keep` cannot be written to.
    """
    campaign = Campaign(next_seed=first_seed)
    for seed in _seeds(first_seed, seconds, count):
        tree = draw_scenario(seed)
        failure = attempt(tree, repeat=seed % REPEATED == 0)
        campaign.runs += 1
        campaign.next_seed = seed + 1
        if failure is not None:
            campaign.found.append(_shrunk(seed, tree, failure, keep, shrink_s))
        if tell is not None:
            tell(campaign)
        if len(campaign.found) >= most_failures:
            break
    return campaign


def _seeds(first: int, seconds: float | None, count: int | None) -> Iterator[int]:
    ends = None if seconds is None else time.monotonic() + seconds
    seed = first
    while (count is None or seed < first + count) and (ends is None or time.monotonic() < ends):
        yield seed
        seed += 1


def _shrunk(seed: int, tree: Tree, failure: Failure, keep: str | None, most_s: float) -> Found:
    def fails(candidate: Tree) -> bool:
        again = attempt(candidate, repeat=failure.kind == "runs differ")
        return again is not None and again.kind == failure.kind

    small = shrink(tree, fails, most_s)
    failure = attempt(small, repeat=failure.kind == "runs differ") or failure
    file = ""
    if keep is not None:
        target = make_folder(keep) / f"fuzz-{seed}.yaml"
        write_atomically(target, f"# {failure.detail}\n{text_of(small)}")
        file = str(target)
    return Found(seed, failure, small, file)
