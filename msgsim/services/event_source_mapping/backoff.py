"""Back-off: growing pauses between tries."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses that double from a first one up to a longest one.

    Attributes:
        first_ns: pause after the first failed try.
        longest_ns: where doubling ends.
    """

    first_ns: int
    longest_ns: int

    def pause_ns(self, failures: int) -> int:
        """Return the pause after `failures` earlier failed tries (0 for the first)."""
        return min(self.first_ns << min(failures, 40), self.longest_ns)
