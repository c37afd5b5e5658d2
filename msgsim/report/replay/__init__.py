"""Replay: a finished run as a film of a few messages; nothing is simulated in the browser."""

from __future__ import annotations

from msgsim.report.replay.film import Film, Filming, film
from msgsim.report.replay.surprises import Surprises

__all__ = ["Film", "Filming", "Surprises", "film"]
