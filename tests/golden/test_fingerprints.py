"""No shipped scenario changes its course unnoticed."""

from __future__ import annotations

import pytest

from msgsim.bundled import scenario_names
from tests.golden import fingerprints

NAMES = scenario_names()


def test_every_scenario_has_a_fingerprint() -> None:
    assert sorted(fingerprints.recorded()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_runs_as_it_did(name: str) -> None:
    """Compared where numpy and architecture are those of the record: numpy promises no more.

    If results were meant to change: `python -m tests.golden.fingerprints`, and say why.
    """
    row = fingerprints.recorded()[name]
    if (row["numpy"], row["architecture"]) != fingerprints.here():
        pytest.skip(f"recorded with numpy {row['numpy']} on {row['architecture']}")

    assert fingerprints.fingerprint(name) == row["fingerprint"]
