"""Bad input in bulk: mutants of scenarios, overrides, recordings, saved results.

    python -m tests.hardness.bulk --from 0 --count 100000

Every input must be taken, or refused with problems that have a code; within bounded time. Exit 1
and the number of the input otherwise. `mutants.mutant(NUMBER)` makes it again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from functools import cache
from pathlib import Path

from msgsim.experiment.run import drive, prepare
from msgsim.experiment.saved import read, save
from msgsim.experiment.session import check_rules, run_all
from msgsim.kernel.simulation import BudgetExceeded
from msgsim.problems import ProblemError, render
from msgsim.scenario.load import load_text
from tests.hardness import mutants

LONGEST_S = 20.0
"""Real time one input may take, on a busy machine."""

RUN_EVERY = 50
"""Every so many mutants that are valid are run as well, for a simulated moment."""

MOST_EVENTS = 20_000

RECORDED = """
duration: 10s
resources: {Q: {type: sqs.queue}}
workload: [{to: Q, arrivals: {trace: recording.%s}}]
"""


def attempt(number: int, folder: Path) -> str:
    """Put one input in; return how it ended. Anything but `ProblemError` is an escape."""
    try:
        sort = number % 20
        if sort == 0:
            return _override(number)
        if sort == 1:
            return _recording(number, folder)
        if sort == 2:
            return _saved(number, folder)
        return _scenario(number)
    except ProblemError as error:
        said = render(error.problems, error.sources)
        return "refused" if all(each.code in said for each in error.problems) else "unsaid"
    except BudgetExceeded:
        return "stopped"


def _scenario(number: int) -> str:
    scenario = load_text(mutants.mutant(number), "mutant.yaml")
    check_rules(scenario)
    if number % RUN_EVERY:
        return "valid"
    drive(prepare(scenario), max_events=MOST_EVENTS, stop=lambda: True)
    return "run"


def _override(number: int) -> str:
    base = mutants.corpus()[number % len(mutants.corpus())]
    load_text(base, "base.yaml", [mutants.override(number)])
    return "overridden"


def _recording(number: int, folder: Path) -> str:
    ending = "jsonl" if number % 2 else "csv"
    (folder / f"recording.{ending}").write_bytes(
        mutants.recording(number).encode("utf-8", "surrogatepass")
    )
    drive(prepare(load_text(RECORDED % ending, "recorded.yaml", base_path=folder)))
    return "replayed"


def _saved(number: int, folder: Path) -> str:
    target = folder / "saved.msgsim"
    target.write_bytes(mutants.saved(whole(), number))
    read(target)
    return "read"


@cache
def whole() -> bytes:
    """Return saved results as they should be."""
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "whole.msgsim"
        text = RECORDED.replace("{trace: recording.%s}", "{poisson: 5/s}")
        save(run_all(load_text(text + "expect: [Q.lost == 0]"), keep=True), file)
        return file.read_bytes()


def main() -> int:
    """Run many inputs and print how they ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1_000)
    given = parser.parse_args()
    ended: Counter[str] = Counter()
    slowest = (0.0, -1)
    with tempfile.TemporaryDirectory() as name:
        for number in range(given.first, given.first + given.count):
            begun = time.perf_counter()
            try:
                ended[attempt(number, Path(name))] += 1
            except Exception:
                traceback.print_exc()
                print(f"input {number} escaped", file=sys.stderr)
                return 1
            slowest = max(slowest, (time.perf_counter() - begun, number))
    print(f"{given.count} inputs from {given.first} on: {dict(ended.most_common())}")
    print(f"the slowest took {slowest[0]:.2f} s: input {slowest[1]}")
    return 0 if slowest[0] < LONGEST_S else 1


if __name__ == "__main__":
    sys.exit(main())
