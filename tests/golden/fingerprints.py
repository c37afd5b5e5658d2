"""Golden fingerprints: a hash of all facts of every shipped scenario.

They claim nothing but "unchanged". `python -m tests.golden.fingerprints` writes them anew; a commit
that does so says why results changed.
"""

from __future__ import annotations

import csv
import io
import platform
from hashlib import blake2b
from pathlib import Path

import numpy as np

from msgsim.bundled import scenario_names, scenario_path
from msgsim.experiment.run import drive, prepare
from msgsim.files import write_atomically
from msgsim.observe.chain import Chain
from msgsim.scenario.load import load, variants_of

FILE = Path(__file__).with_name("fingerprints.csv")
COLUMNS = ("scenario", "fingerprint", "numpy", "architecture")
LONGEST_NS = 60_000_000_000
"""So much of a scenario is run: enough to notice a change, and quick enough for every build."""


def here() -> tuple[str, str]:
    """Return what fingerprints depend on besides msgsim: numpy's version and the machine."""
    return np.__version__, platform.machine()


def fingerprint(name: str) -> str:
    """Return the hash of all facts of a scenario's first minute, all variants together."""
    found = blake2b(digest_size=8)
    for variant, scenario in variants_of(load(scenario_path(name))).items():
        chain = Chain()
        run = prepare(scenario, variant=variant, observers=[chain])
        drive(run, stop=lambda sim=run.system.sim: sim.now >= LONGEST_NS)
        found.update(f"{variant} {chain.digest}\n".encode())
    return found.hexdigest()


def recorded() -> dict[str, dict[str, str]]:
    """Return the rows of the file, by scenario."""
    with FILE.open(encoding="utf-8", newline="") as stream:
        return {row["scenario"]: row for row in csv.DictReader(stream)}


def update() -> None:
    """Write the file anew."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name in scenario_names():
        writer.writerow((name, fingerprint(name), *here()))
    write_atomically(FILE, text.getvalue())


if __name__ == "__main__":
    update()
