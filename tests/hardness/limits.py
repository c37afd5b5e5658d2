"""Limits of a process: processor time and address space, and how much it used of them.

    python -m tests.hardness.limits REPORT 30 1024 validate FILE

runs the command line with 30 s of processor time and 1,024 MiB of address space, and writes what it
took into REPORT. A process that goes beyond the first is killed; beyond the second, it gets a
MemoryError.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import msgsim

ROOT = Path(msgsim.__file__).parents[1]


def limit_memory(mib: int) -> None:
    """Let this process and its children map no more than so many MiB."""
    resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))


def limit_processor_time(seconds: int) -> None:
    """Let this process compute for so many seconds; then SIGXCPU kills it."""
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def peak_mib() -> float:
    """Return the largest resident memory of this process so far, in MiB.

    Linux tells it of the program alone; what `getrusage` tells includes who started it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if found is not None:
            return int(found[1]) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@dataclass(frozen=True)
class Ended:
    """How a limited command ended.

    Attributes:
        code: exit code; negative for a signal.
        said: both streams.
        processor_s: processor time; NaN if it was killed.
        peak_mib: resident memory at its height; NaN if it was killed.
    """

    code: int
    said: str
    processor_s: float
    peak_mib: float


def limited(folder: Path, *arguments: str, seconds: int, mib: int) -> Ended:
    """Run the command line under limits, in a process of its own."""
    report = folder / "taken.json"
    report.unlink(missing_ok=True)
    found = subprocess.run(
        [sys.executable, "-m", "tests.hardness.limits", str(report), str(seconds), str(mib),
         *arguments],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True, timeout=20 * seconds, check=False,
    )  # fmt: skip
    taken = json.loads(report.read_text()) if report.exists() else [float("nan")] * 2
    said = (found.stdout + found.stderr).decode("utf-8", "replace")
    return Ended(found.returncode, said, *taken)


def _main(report: str, seconds: str, mib: str, *arguments: str) -> None:
    limit_processor_time(int(seconds))
    limit_memory(int(mib))
    from msgsim.cli import main

    try:
        main(list(arguments))
    finally:
        Path(report).write_text(json.dumps([time.process_time(), peak_mib()]))


if __name__ == "__main__":
    _main(*sys.argv[1:])
