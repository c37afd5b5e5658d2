"""Limits of a process: processor time and address space, and how much it used at its height."""

from __future__ import annotations

import resource
import sys


def limit_memory(mib: int) -> None:
    """Let this process and its children map no more than so many MiB."""
    resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))


def limit_processor_time(seconds: int) -> None:
    """Let this process compute for so many seconds; then it gets SIGXCPU, which kills it."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def peak_mib() -> float:
    """Return the largest resident memory of this process so far, in MiB."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
