"""Measures to the end how much memory runs take, each in a process of its own.

    python -m tests.perf.memory                  every row: about half an hour on one core
    python -m tests.perf.memory waiting-topic    one row, by its name

Printed is the peak resident memory of the process, interpreter and libraries included. The table
goes into `msgsim/SCALING.md`; it is no test, because it takes long.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgsim
from msgsim.experiment.run import drive, prepare
from tests.perf import curves, real

MB = 1_000_000
UNIT = 1 if sys.platform == "darwin" else 1_024
"""Bytes in what `getrusage` counts memory in."""


@dataclass(frozen=True)
class Row:
    """One run whose memory is of interest.

    Attributes:
        what: it is.
        text: number of messages → scenario.
        messages: that are published.
        most_mb: the bar; None where rows are compared with each other.
    """

    what: str
    text: Callable[[int], str]
    messages: int
    most_mb: int | None = None


def workload_f(count: int) -> str:
    """A topic, three queues with failures and redrive, three fleets at 0.8 of what they can do."""
    return real.scenario_text(count, 1)


ROWS = {
    "few-f": Row("workload F", workload_f, 100_000),
    "many-f": Row("workload F", workload_f, 1_000_000),
    "waiting-queue": Row("waiting, sent to the queue at once", curves.burst, 1_000_000, 500),
    "waiting-topic": Row("waiting, come through a topic", curves.through_topic, 1_000_000, 500),
    "finished-queue": Row("finished: a queue and a fleet", curves.messages, 10_000_000, 300),
    "finished-f": Row("finished: workload F", workload_f, 10_000_000, 300),
}


def run_here(row: Row) -> str:
    """Run a row with the default observers in this process, and say what it took."""
    run = prepare(msgsim.load_text(row.text(row.messages)))
    begun = time.process_time()
    drive(run)
    run.observers.to_json()
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / MB
    bar = "" if row.most_mb is None else f"below {row.most_mb} MB"
    took = f"{time.process_time() - begun:,.0f}"
    return f"| {row.what} | {row.messages:,} | {peak_mb:,.0f} | {bar} | {took} |"


def main(names: list[str]) -> None:
    """Print a table of the rows named, or of all, each measured by a process of its own."""
    if names[:1] == ["--here"]:
        print(run_here(ROWS[names[1]]))
        return
    print("| what | messages | peak MB | bar | processor s |\n|---|---|---|---|---|", flush=True)
    for name in names or ROWS:
        command = [sys.executable, "-m", "tests.perf.memory", "--here", name]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
