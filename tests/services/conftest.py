"""What many tests of services begin with."""

from __future__ import annotations

import pytest

from msgsim.kernel.simulation import Simulation
from tests.services.by_hand import Mail


@pytest.fixture
def sim() -> Simulation:
    """One simulation."""
    return Simulation(seed=1)


@pytest.fixture
def mail(sim: Simulation) -> Mail:
    """A maker of messages."""
    return Mail(sim)
