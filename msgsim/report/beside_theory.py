"""Theory on the terminal: what a formula predicts of each queue, or which assumption fails."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from msgsim.report.text import Paint, seconds, share

WIDTH = 80
ROWS = 8


def theory_lines(run: dict[str, Any], paint: Paint) -> Iterator[str]:
    """Yield the THEORY block of a run; nothing where no queue is served."""
    found = run["theory"]
    if not found:
        return
    yield paint.bold("THEORY") + "  (steady state, beside what was simulated)"
    for name, entry in list(found.items())[:ROWS]:
        text = f"{name}: {_said(entry)}"
        yield from textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="      ")
    if len(found) > ROWS:
        yield f"  … and {len(found) - ROWS} more, see --json"


def _said(entry: dict[str, Any]) -> str:
    predicted, simulated = entry["predicted"], entry["simulated"]
    if predicted is None:
        return f"no formula: {entry['fails']}"
    parts = [
        f"mean wait {seconds(predicted['waiting_mean_s'])} "
        f"(simulated {seconds(simulated['waiting_mean_s'])})"
    ]
    if predicted["waiting_p99_s"] is not None:
        parts.append(
            f"p99 {seconds(predicted['waiting_p99_s'])} "
            f"(simulated {seconds(simulated['waiting_p99_s'])})"
        )
    busy = f"busy {share(predicted['utilisation'])}"
    if simulated["utilisation"] is not None:
        busy += f" (simulated {share(simulated['utilisation'])})"
    return f"{entry['formula']}: {', '.join([*parts, busy])}"
