"""Memory: how much this process has, how much it may have, and when a run must stop for it."""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from pathlib import Path

MOST_SHARE = 0.85
"""A run is stopped when its process holds this share of what the machine or container has."""

STATM = Path("/proc/self/statm")
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


class EarlierRuns:
    """Frees what earlier runs of this process left, once it is half as much as what is alive.

    A system refers to itself in many ways, so that only the cyclic collector takes it apart; and
    what is frozen while a run lasts counts as old afterwards, where that hardly ever looks.
    """

    def __init__(self) -> None:
        self._alive = 0

    def free(self) -> None:
        """Collect if it is due; to be called before a run is built, when nothing is frozen."""
        blocks = sys.getallocatedblocks()
        if not self._alive:
            self._alive = blocks
        elif blocks > 1.5 * self._alive:
            gc.collect()
            self._alive = sys.getallocatedblocks()


EARLIER_RUNS = EarlierRuns()


def out_of_memory() -> str:
    """Say why a run must not go on, or nothing: it holds nearly all the memory there is."""
    held, most = held_bytes(), allowed_bytes()
    if not most or held <= most * MOST_SHARE:
        return ""
    return f"memory runs out: {held / 2**30:.1f} GiB of {most / 2**30:.1f} GiB are used"


def held_bytes() -> int:
    """Return what this process holds in memory; 0 where the system does not say."""
    try:
        return int(STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError, IndexError):
        return 0


@cache
def allowed_bytes() -> int:
    """Return what a process may hold: the machine's memory or the container's; 0 if unknown."""
    try:
        found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    except (OSError, ValueError, AttributeError):
        found = []
    for path in LIMITS:
        try:
            found.append(int(path.read_text("ascii")))
        except (OSError, ValueError):  # no such file, or "max": no limit
            continue
    return min(found, default=0)
