"""Random scenarios, run with all invariants; what fails is made small and kept as a file."""

from __future__ import annotations

from msgsim.experiment.fuzz.campaign import Campaign, Found, run_campaign
from msgsim.experiment.fuzz.generator import draw_scenario, text_of
from msgsim.experiment.fuzz.trial import Failure, attempt

__all__ = [
    "Campaign",
    "Failure",
    "Found",
    "attempt",
    "draw_scenario",
    "run_campaign",
    "text_of",
]
