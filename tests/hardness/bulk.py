"""Bad input in bulk: mutants of scenarios, questions, recordings and saved results.

    python -m tests.hardness.bulk --from 0 --count 100000

Every input must be taken, or refused with problems that have a code; within bounded time and, by
`--memory`, within bounded memory. Exit 1 otherwise, with the numbers of those that were not:
`attempt(NUMBER, FOLDER)` makes one again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from msgsim.experiment.grid import block_of, knobs_of
from msgsim.experiment.run import drive, prepare
from msgsim.experiment.session import check_rules
from msgsim.experiment.sweep import Plan, check_block, check_size, plan_points
from msgsim.experiment.sweep_files import find_done
from msgsim.kernel.simulation import BudgetExceeded
from msgsim.problems import ProblemError, render
from msgsim.scenario.load import load_text
from tests.hardness import limits, mutants, questions, results

LONGEST_S = 20.0
"""Real time one input may take, on a busy machine."""

RUN_EVERY = 4
"""Every so many mutants that are valid are run as well, for a simulated moment."""

MOST_EVENTS = 20_000
MOST_POINTS = 12
"""Sweeps of more points are refused or waved through unplanned: a mutant may have a million."""

RECORDED = """
duration: 10s
resources: {Q: {type: sqs.queue}}
workload: [{to: Q, arrivals: {trace: recording.%s}}]
"""


def attempt(number: int, folder: Path) -> str:
    """Put one input in; return how it ended. Anything but `ProblemError` is an escape."""
    try:
        return SORTS.get(number % 20, _scenario)(number, folder)
    except ProblemError as error:
        said = render(error.problems, error.sources)
        return "refused" if all(each.code in said for each in error.problems) else "unsaid"
    except BudgetExceeded:
        return "stopped"


def _scenario(number: int, folder: Path) -> str:
    scenario = load_text(mutants.mutant(number), "mutant.yaml")
    check_rules(scenario)
    check_block(scenario)
    if number % RUN_EVERY:
        return "valid"
    drive(prepare(scenario), max_events=MOST_EVENTS, stop=lambda: True)
    return "run"


def _override(number: int, folder: Path) -> str:
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


def _sweep_block(number: int, folder: Path) -> str:
    scenario = load_text(questions.sweep_block(number), "swept.yaml")
    check_block(scenario)
    block = block_of(scenario)
    plan = Plan(scenario, block.knobs, block.replications, minimize=block.minimize,
                subject_to=block.subject_to)  # fmt: skip
    return _planned(plan)


def _sweep_sets(number: int, folder: Path) -> str:
    text, sets = questions.sweep_sets(number)
    knobs, single = knobs_of(sets)
    plan = Plan(load_text(text, "swept.yaml", single), tuple(knobs))
    return _planned(plan)


def _planned(plan: Plan) -> str:
    check_size(plan, confirmed=False)
    if plan.knobs and max(len(knob.values) for knob in plan.knobs) > MOST_POINTS:
        return "large sweep"
    find_done(plan_points(plan), Path("nowhere"))
    return "swept"


SORTS = {
    0: _override,
    1: _recording,
    2: results.saved,
    3: _sweep_block,
    4: _sweep_sets,
    5: results.compared,
    6: results.re_enacted,
    7: results.resumed,
}
"""What is spoilt, by the last digits of the number; all others are scenarios."""


def main() -> int:
    """Run many inputs and print how they ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--memory", type=int, default=0, metavar="MIB", help="address space")
    given = parser.parse_args()
    if given.memory:
        limits.limit_memory(given.memory)
    ended: Counter[str] = Counter()
    escapes: Counter[str] = Counter()
    slowest = (0.0, -1)
    with tempfile.TemporaryDirectory() as name:
        for number in range(given.first, given.first + given.count):
            begun = time.process_time()
            try:
                ended[attempt(number, Path(name))] += 1
            except Exception as error:
                _escaped(number, error, escapes)
            slowest = max(slowest, (time.process_time() - begun, number))
            if (number - given.first + 1) % 10_000 == 0:
                print(f"{number - given.first + 1} inputs", file=sys.stderr, flush=True)
    print(f"{given.count} inputs from {given.first} on: {dict(ended.most_common())}")
    print(f"the slowest took {slowest[0]:.2f} s of processor time: input {slowest[1]}")
    print(f"memory at its height: {limits.peak_mib():.0f} MiB; escaped: {escapes.total()}")
    return 1 if escapes or ended["unsaid"] or slowest[0] > LONGEST_S else 0


def _escaped(number: int, error: Exception, escapes: Counter[str]) -> None:
    """Show the first escape of each place in the code; of the others, only the number."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__} at {frame.filename}:{frame.lineno}"
    escapes[place] += 1
    if escapes[place] == 1:
        traceback.print_exc()
    print(f"input {number} escaped: {place}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
