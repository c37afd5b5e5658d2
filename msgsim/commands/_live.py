"""`--live`: queues, servers and verdicts as a table that is drawn anew while a run goes on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

NS_PER_S = 1_000_000_000
EVERY_S = 0.2
"""Wall time between two drawings."""

MOST_ROWS = 12


@contextmanager
def live_table() -> Iterator[tuple[Any, Any]]:
    """Yield what to call on progress, and when a run begins; both None without a terminal."""
    if not sys.stderr.isatty():
        yield None, None
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as screen:
        table = _Table(screen)
        yield table.progress, table.begun


class _Table:
    """What is on the screen: the run that goes on, and how far all of them are."""

    def __init__(self, screen: Any) -> None:
        self._screen = screen
        self._run: Any = None
        self._watches: Sequence[Any] = ()
        self._drawn = 0.0

    def begun(self, run: Any, watches: Sequence[Any]) -> None:
        """Show this run from now on."""
        self._run, self._watches = run, watches

    def progress(self, variant: str, share: float, events: int) -> None:
        """Draw, unless that was done a moment ago."""
        now = time.monotonic()
        if self._run is None or now - self._drawn < EVERY_S:
            return
        self._drawn = now
        self._screen.update(drawing(self._run, self._watches, variant, share, events), refresh=True)


def drawing(run: Any, watches: Sequence[Any], variant: str, share: float, events: int) -> Any:
    """Return how a run stands: one line of progress, then tables of queues and verdicts."""
    from rich.console import Group
    from rich.text import Text

    now = run.simulated_ns
    run.observers.settle(now)
    named = f"{variant} · " if variant else ""
    head = f"{named}{share:.0%} · {now / NS_PER_S:,.0f} s simulated · {events:,} events"
    parts = [Text(head, style="bold"), _queues(run, now)]
    if watches:
        parts.append(_verdicts(run, watches))
    return Group(*parts)


def _queues(run: Any, now: int) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("QUEUE")
    for head in ("visible", "in flight", "delayed", "oldest", "done"):
        table.add_column(head, justify="right")
    watches = run.observers.queues.watches
    deepest = sorted(watches, key=lambda name: -watches[name].stored.value)[:MOST_ROWS]
    for name in (name for name in watches if name in deepest):
        watch = watches[name]
        levels = (watch.visible.value, watch.in_flight.value, watch.delayed.value)
        age_s = watch.oldest_age_ns(now) / NS_PER_S
        table.add_row(name, *(f"{each:,}" for each in levels), f"{age_s:,.1f} s",
                      f"{watch.deleted:,}")  # fmt: skip
    return table


def _verdicts(run: Any, watches: Sequence[Any]) -> Any:
    """Return every rule as it stands now; a rule may still change its mind."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("SO FAR")
    metrics = run.observers.metrics
    for watch in watches[:MOST_ROWS]:
        values = {name: metrics.value(*ask) for name, ask in watch.asks.items()}
        held = [each.holds(values.__getitem__) for each in watch.compiled.comparisons]
        mark, style = (
            ("✗", "red") if False in held else ("·", "") if None in held else ("✓", "green")
        )
        table.add_row(Text(mark, style=style), Text(watch.compiled.text))
    return table
