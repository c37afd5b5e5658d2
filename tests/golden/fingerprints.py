"""Golden fingerprints: a hash of all facts of every shipped scenario.

They claim nothing but "unchanged". `python -m tests.golden.fingerprints` writes them anew; a commit
that does so says why results changed. `--show` prints those of the first minute as JSON, `--show
labs/ questions/` those of names that begin so.

The column `fingerprint` is that of the first minute; `covers` says whether the whole run has one,
too, in `whole`: wherever it takes less than a second.
"""

from __future__ import annotations

import csv
import io
import json
import platform
import sys
import time
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from msgsim.bundled import scenario_names, scenario_path
from msgsim.experiment.run import drive, prepare
from msgsim.files import write_atomically
from msgsim.observe.chain import Chain
from msgsim.scenario.load import load, variants_of

FILE = Path(__file__).with_name("fingerprints.csv")
COLUMNS = ("scenario", "fingerprint", "covers", "whole", "numpy", "architecture")
LONGEST_NS = 60_000_000_000
"""So much of every scenario is run: enough to notice a change, and quick enough for every build."""

CHEAP_S, STILL_CHEAP_S = 1.0, 2.0
"""Processor time of a whole run that is worth recording, and of one that was recorded before."""


def here() -> tuple[str, str]:
    """Return what fingerprints depend on besides msgsim: numpy's version and the machine."""
    return np.__version__, platform.machine()


def fingerprint(name: str) -> str:
    """Return the hash of all facts of a scenario's first minute, all variants together."""
    return fingerprints(name, longest_s=0)[0]


def fingerprints(name: str, longest_s: float) -> tuple[str, str]:
    """Return the hashes of a scenario's first minute and of its whole run, variants together.

    The second is empty where the whole takes more processor time than `longest_s`, which may be
    infinite, and more than the first minute.
    """
    minute, whole, complete = blake2b(digest_size=8), blake2b(digest_size=8), True
    begun = time.process_time()
    for variant, scenario in variants_of(load(scenario_path(name))).items():
        look = _Minute(begun + longest_s)
        run = prepare(scenario, variant=variant, observers=[look.chain])
        look.sim = run.system.sim
        drive(run, stop=look.enough)
        minute.update(f"{variant} {look.minute or look.chain.digest}\n".encode())
        whole.update(f"{variant} {look.chain.digest}\n".encode())
        complete = complete and not run.partial
    return minute.hexdigest(), whole.hexdigest() if complete else ""


class _Minute:
    """Notes the hash of the first minute, and stops a run that takes too long."""

    sim: Any

    def __init__(self, until_s: float) -> None:
        self.chain = Chain()
        self.minute = ""
        self._until_s = until_s

    def enough(self) -> bool:
        if self.sim.now < LONGEST_NS:
            return False
        self.minute = self.minute or self.chain.digest
        return time.process_time() > self._until_s


def recorded() -> dict[str, dict[str, str]]:
    """Return the rows of the file, by scenario."""
    with FILE.open(encoding="utf-8", newline="") as stream:
        return {row["scenario"]: row for row in csv.DictReader(stream)}


def update() -> None:
    """Write the file anew."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    before = recorded() if FILE.exists() else {}
    for name in scenario_names():
        longest_s = STILL_CHEAP_S if before.get(name, {}).get("whole") else CHEAP_S
        minute, whole = fingerprints(name, longest_s)
        covers = "whole run" if whole else "first minute"
        writer.writerow((name, minute, covers, whole, *here()))
    write_atomically(FILE, text.getvalue())


def show(beginnings: tuple[str, ...]) -> None:
    """Print the hash of every scenario's first minute, with what it depends on."""
    names = [name for name in scenario_names() if name.startswith(beginnings)]
    print(json.dumps([here()[0], {name: fingerprint(name) for name in names}]))


if __name__ == "__main__":
    show(tuple(sys.argv[2:]) or ("",)) if "--show" in sys.argv[1:2] else update()
