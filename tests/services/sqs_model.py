"""A queue so naive that it is obviously right: a list of entries, everything judged from scratch.

An entry is expired, delayed, in flight or visible by comparing its moments with the clock; nothing
is remembered that could be forgotten. Seconds, not nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

S = 1_000_000_000
TWELVE_HOURS_S = 43_200
FIVE_MINUTES_S = 300


@dataclass(eq=False)
class Entry:
    """One stored message, and everything that ever happened to it."""

    copy: Any
    group: str
    arrived_s: int
    delay_s: int = 0
    receives: int = 0
    receipt: Any = None
    until_s: int = 0
    fate: str = ""
    receipts: list[Any] = field(default_factory=list)

    def state(self, now_s: int) -> str:
        """`delayed`, `in_flight`, `visible`, or what became of it."""
        if self.fate:
            return self.fate
        if now_s < self.arrived_s + self.delay_s:
            return "delayed"
        return "in_flight" if self.receipt is not None and now_s < self.until_s else "visible"

    def moments(self, now_s: int, retention_s: int) -> list[int]:
        """When something will happen to it, if nobody calls."""
        if self.fate:
            return []
        state = self.state(now_s)
        return [
            self.arrived_s + retention_s,
            *([self.arrived_s + self.delay_s] if state == "delayed" else []),
            *([self.until_s] if state == "in_flight" else []),
        ]


class NaiveQueue:
    """Entries in order of arrival, and a clock."""

    def __init__(self, retention_s: int, max_receives: int | None, in_flight_limit: int) -> None:
        self.now_s = 0
        self.retention_s = retention_s
        self.max_receives = max_receives
        self.in_flight_limit = in_flight_limit
        self.entries: list[Entry] = []
        self.accepted_ids: list[tuple[int, str, str]] = []

    def alive(self) -> list[Entry]:
        """Every entry that the queue still holds."""
        return [entry for entry in self.entries if not entry.fate]

    def count(self, state: str) -> int:
        """How many entries are in a state now."""
        return sum(entry.state(self.now_s) == state for entry in self.entries)

    def room(self, limit: int) -> int:
        """How many messages a receive may return as far as the quota goes."""
        return max(0, min(limit, self.in_flight_limit - self.count("in_flight")))

    def entry_of(self, copy: Any) -> Entry:
        """The entry of a copy, which must be one this queue stored."""
        return next(entry for entry in self.entries if entry.copy is copy)

    def is_doomed(self, entry: Entry) -> bool:
        """Whether the next receive dead-letters it: handed out `maxReceiveCount` times (S20)."""
        return self.max_receives is not None and entry.receives >= self.max_receives

    def is_duplicate(self, group: str, name: str, per_group: bool) -> bool:
        """Whether a send of this id was accepted in the last 5 minutes; scans all of them."""
        return any(
            self.now_s - at_s < FIVE_MINUTES_S and name == old and (group == of or not per_group)
            for at_s, of, old in self.accepted_ids
        )

    def deliverable(self, group: str) -> list[Entry]:
        """The prefix rule (S12): the longest leading run of the group that is visible."""
        run = []
        for entry in self.entries:
            if entry.group == group and not entry.fate:
                if entry.state(self.now_s) != "visible":
                    break
                run.append(entry)
        return run

    def note_received(self, delivery: Any, visibility_s: int) -> None:
        """A message was handed out."""
        entry = self.entry_of(delivery.copy)
        entry.receives += 1
        entry.receipt = delivery
        entry.until_s = self.now_s + visibility_s
        entry.receipts.append(delivery)

    def advance(self, seconds: int) -> tuple[list[Any], list[Any]]:
        """Move the clock; return the receipts that ended and the copies that expired."""
        held = [entry for entry in self.alive() if entry.state(self.now_s) == "in_flight"]
        self.now_s += seconds
        expired = [e for e in self.alive() if e.arrived_s + self.retention_s <= self.now_s]
        for entry in expired:
            entry.fate = "expired"
        returned = [entry.receipt for entry in held if entry.state(self.now_s) == "visible"]
        return returned, [entry.copy for entry in expired]

    def next_change_s(self) -> int | None:
        """When something happens next, if nobody calls."""
        return min(
            (m for e in self.entries for m in e.moments(self.now_s, self.retention_s)),
            default=None,
        )
