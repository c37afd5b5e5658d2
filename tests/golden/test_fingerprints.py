"""No shipped scenario changes its course unnoticed, and each takes it in every process."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

import msgsim
from msgsim.bundled import scenario_names
from tests.golden import fingerprints

NAMES = scenario_names()
ROOT = Path(msgsim.__file__).parents[1]


def test_every_scenario_has_a_fingerprint() -> None:
    rows = fingerprints.recorded()

    assert sorted(rows) == sorted(NAMES)
    assert {row["covers"]: bool(row["whole"]) for row in rows.values()} == {
        "whole run": True, "first minute": False,
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_runs_as_it_did(name: str) -> None:
    """Compared where numpy and architecture are those of the record: numpy promises no more.

    If results were meant to change: `python -m tests.golden.fingerprints`, and say why.
    """
    row = fingerprints.recorded()[name]
    if (row["numpy"], row["architecture"]) != fingerprints.here():
        pytest.skip(f"recorded with numpy {row['numpy']} on {row['architecture']}")
    longest_s = math.inf if row["whole"] else 0

    minute, whole = fingerprints.fingerprints(name, longest_s)
    assert minute == row["fingerprint"]
    assert not row["whole"] or whole == row["whole"]


def elsewhere(python: str, *names: str, **environment: str) -> tuple[str, dict[str, str]]:
    """Return numpy's version and the fingerprints of scenarios in another process."""
    try:
        found = subprocess.run(
            [python, "-m", "tests.golden.fingerprints", "--show", *names], cwd=ROOT, timeout=600,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip(f"{python} is not installed")
    if found.returncode and python != sys.executable:
        why = (found.stderr.strip().splitlines() or ["no word"])[-1]
        pytest.skip(f"{python} cannot run msgsim: {why}")
    assert found.returncode == 0, found.stderr
    numpy, hashes = json.loads(found.stdout)
    return numpy, hashes


def here() -> dict[str, str]:
    """Return the fingerprints in this process: those on record, which are compared above."""
    rows = fingerprints.recorded()
    one = rows[NAMES[0]]
    if (one["numpy"], one["architecture"]) == fingerprints.here():
        return {name: row["fingerprint"] for name, row in rows.items()}
    return {name: fingerprints.fingerprint(name) for name in NAMES}


@pytest.mark.slow
def test_labs_and_questions_are_the_same_under_another_hash_seed() -> None:
    """Sets and dictionaries of strings change their order with `PYTHONHASHSEED`; no result does.

    `tests/test_scenarios.py` runs all other scenarios whole under another one.
    """
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "2" else "2"
    expected = {name: hash_ for name, hash_ in here().items() if "/" in name}

    assert elsewhere(sys.executable, "labs/", "questions/", PYTHONHASHSEED=seed)[1] == expected


@pytest.mark.slow
@pytest.mark.parametrize("minor", [12, 13])
def test_every_scenario_is_the_same_in_other_versions_of_python(minor: int) -> None:
    """Where another Python is on the path that has msgsim's libraries, with the numpy of here."""
    numpy, hashes = elsewhere(f"python3.{minor}", PYTHONHASHSEED="random")
    if numpy != fingerprints.here()[0]:
        pytest.skip(f"python3.{minor} has numpy {numpy}")

    assert hashes == here()
