"""Memory: how much this process has, how much it may have, and when a run must stop for it."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

MOST_SHARE = 0.85
"""A run is stopped when its process holds this share of what the machine or container has."""

STATM = Path("/proc/self/statm")
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


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
