"""What the terminal says about fleets that changed their size, and about alarms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgsim.report.text import Paint, columns, number, seconds, share

ROWS = 10


def fleets(run: dict[str, Any], paint: Paint) -> Iterator[str]:
    """Yield a table of the fleets whose workers came and went; nothing for fixed ones."""
    rows = []
    for name, fleet in run["fleets"].items():
        if not (fleet["scalings"] or fleet["left"]):
            continue
        workers = fleet["workers"]
        rows.append(
            (
                name,
                f"{workers['mean'] or 0:.1f}",
                number(workers["max"]),
                number(sum(fleet["scalings"].values())),
                number(fleet["left"].get("scale_in", 0)),
                number(fleet["left"].get("spot", 0)),
                number(fleet["abandoned"]),
            )
        )
    heads = ("FLEETS", "mean size", "largest", "scaled", "dismissed", "interrupted", "abandoned")
    yield from columns(heads, rows, paint, most=ROWS)


def alarms(run: dict[str, Any], paint: Paint) -> Iterator[str]:
    """Yield a table of the alarms."""
    rows = []
    for name, alarm in run["alarms"].items():
        first = next((each for each in alarm["changes"] if each["state"] == "ALARM"), None)
        rows.append(
            (
                name,
                alarm["state"],
                number(alarm["alarms"]),
                share(alarm["in_alarm_share"] or 0.0),
                seconds(first["at_s"]) if first else "–",
            )
        )
    heads = ("ALARMS", "state at the end", "went off", "in ALARM", "first after")
    yield from columns(heads, rows, paint, most=ROWS)
