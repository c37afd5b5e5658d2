"""A sweep as text: the table of its points, and what it recommends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from msgsim.experiment.best import Best, Choice
from msgsim.experiment.grid import told
from msgsim.experiment.sweep import Sweep
from msgsim.report.text import WIDTH, Paint, columns, counted, quantity

MOST_ROWS = 30
MOST_METRICS = 3


def sweep_text(sweep: Sweep, best: Best | None, *, color: bool = False) -> str:
    """Return the text to print."""
    paint = Paint(color)
    blocks = [
        list(_header(sweep, paint)),
        list(_table(sweep, best, paint)),
        list(_failures(sweep, paint)),
        list(_best(best, paint)) if best is not None else [],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _header(sweep: Sweep, paint: Paint) -> Iterator[str]:
    plan = sweep.plan
    title = f"{plan.scenario.name}: {plan.scenario.question}".removesuffix(": ")
    yield from (paint.bold(line) for line in textwrap.wrap(title, WIDTH)[:2])
    many = plan.count
    facts = [
        counted(len(sweep.points), "point"),
        f"{counted(many, 'replication')} of each, the same random numbers",
    ]
    if many > 1:
        facts.append("±: 95 %")
    yield from textwrap.wrap(" · ".join(facts), WIDTH)
    if sweep.partial:
        yield paint.bad("PARTIAL: interrupted; --resume goes on where it stopped")


def _table(sweep: Sweep, best: Best | None, paint: Paint) -> Iterator[str]:
    metrics = list(sweep.asked)[:MOST_METRICS]
    rows = list(sweep.rows())
    if sweep.plan.minimize is not None:
        rows.sort(key=lambda row: _rank(row, sweep.plan.minimize))
    shown = []
    variants = any(row["variant"] for row in rows)
    ruled = any(row["expect"] for row in rows)
    for row in rows:
        cells = list(row["point"].values.values())
        cells += [row["variant"]] if variants else []
        cells += [_metric(row, metric) for metric in metrics]
        mark = {"yes": "✓", "no": "✗", "undecided": "?"}[row["feasible"]] if ruled else ""
        shown.append(("", *cells, mark + _star(row, best)))
    heads = [knob.path for knob in sweep.plan.knobs]
    short = [path.split(".", 1)[-1] if len(path) > 18 else path for path in heads]
    names = (*short, *(["variant"] if variants else []), *metrics)
    spare = metrics[:0:-1]
    yield from columns(("SWEEP", *names, ""), shown, paint, most=MOST_ROWS, spare=spare)


def _rank(row: dict[str, Any], metric: str | None) -> tuple[bool, float]:
    value = row["metrics"][metric]["estimate"]
    return row["feasible"] != "yes", float("inf") if value is None else value


def _star(row: dict[str, Any], best: Best | None) -> str:
    winner = best.winner if best is not None else None
    chosen = winner is not None and (winner.point, winner.variant) == (row["point"], row["variant"])
    return " ←" if chosen else ""


def _metric(row: dict[str, Any], metric: str) -> str:
    found = row["metrics"][metric]
    half = None if found["low"] is None else (found["high"] - found["low"]) / 2
    return quantity(found["estimate"], found["dimension"], half)


def _failures(sweep: Sweep, paint: Paint) -> Iterator[str]:
    failed = sweep.failed
    if failed:
        yield paint.bold("FAILED") + f"  {counted(len(failed), 'point')}, the others are kept"
    for point in failed[:5]:
        lines = textwrap.wrap(f"{told(point.values)}: {point.reason}", WIDTH - 4)
        yield f"  ✗ {lines[0]}"
        yield from (f"    {line}" for line in lines[1:3])
    if len(failed) > 5:
        yield f"  … and {len(failed) - 5} more, see index.csv"


def _best(best: Best, paint: Paint) -> Iterator[str]:
    yield paint.bold("BEST") + f"  smallest {best.metric} of those that meet the rules"
    if best.winner is None:
        yield "  none: no point that has data meets the rules"
    else:
        yield f"  winner     {_choice(best.winner, best)}"
    if best.runner_up is not None:
        yield f"  runner-up  {_choice(best.runner_up, best)}"
        yield from textwrap.wrap(
            _told_apart(best), WIDTH, initial_indent="  ", subsequent_indent="  "
        )
    left_out = [
        f"{counted(count, 'row')} {why}"
        for count, why in (
            (best.infeasible, "not meeting the rules"),
            (best.undecided, "undecided (add replications)"),
            (best.no_data, "without data"),
        )
        if count
    ]
    if left_out:
        yield "  left out: " + ", ".join(left_out)


def _choice(choice: Choice, best: Best) -> str:
    variant = f" [{choice.variant}]" if choice.variant else ""
    value = quantity(choice.estimate, best.dimension, choice.half)
    return f"{told(choice.point.values)}{variant}  {value}"


def _told_apart(best: Best) -> str:
    difference = best.difference
    if difference is None or difference.half is None:
        return (
            "not distinguishable: one replication says nothing about noise; add --replications 10"
        )
    by = quantity(difference.estimate, best.dimension, difference.half)
    if best.distinguishable:
        return f"distinguishable: the runner-up has {by} more, which is more than noise"
    others = f"; {best.alike} points cannot be told from the winner" if best.alike > 1 else ""
    return f"not distinguishable: the difference is {by}, which may be noise{others}"
