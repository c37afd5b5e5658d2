"""Events: every fact about every message as JSON lines; see `msgsim.observe.trace.lines`."""

from __future__ import annotations

from msgsim.observe.trace import EventLines

__all__ = ["EventLines"]
