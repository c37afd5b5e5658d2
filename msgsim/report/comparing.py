"""A comparison as text: was → now → ratio ± interval, sentences where there is a difference."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from msgsim.experiment.compare import SIX_ROWS, Comparison, Row
from msgsim.experiment.statistics import Interval
from msgsim.report.text import WIDTH, Paint, columns, quantity


def comparison_text(comparison: Comparison, *, color: bool = False) -> str:
    """Return the text to print."""
    paint = Paint(color)
    blocks = [
        list(_header(comparison, paint)),
        *[list(_table(comparison, design, paint)) for design in comparison.designs[1:]],
        list(_sentences(comparison, paint)),
        list(_services(comparison, paint)),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _header(comparison: Comparison, paint: Paint) -> Iterator[str]:
    yield paint.bold(" against ".join([", ".join(comparison.designs[1:]), comparison.baseline]))
    how = "the same random numbers in each pair" if comparison.paired else "independent runs"
    many = comparison.replications
    yield (
        f"{many} replications · {how} · ± and brackets: 95 %"
        if many > 1
        else ("one replication: no interval, so no difference can be told from noise")
    )


def _table(comparison: Comparison, design: str, paint: Paint) -> Iterator[str]:
    rows = []
    for row in comparison.rows:
        if row.design == design:
            mark = "*" if row.differs else ""
            cells = (_side(row.was, row), _side(row.now, row), _ratio(row), mark)
            rows.append((row.metric, *cells))
    heads = ("METRIC", f"was {comparison.baseline}", f"now {design}", "ratio", "")
    yield from columns(heads, rows, paint)


def _side(interval: Interval | None, row: Row) -> str:
    if interval is None:
        return "no data"
    return quantity(interval.estimate, row.dimension, interval.half)


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return "–"
    text = f"{row.ratio.estimate:.3g} ×"
    if row.ratio.low is None or row.ratio.high is None:
        return text
    if row.ratio.low == row.ratio.high:
        return text
    return f"{text} [{row.ratio.low:.3g}, {row.ratio.high:.3g}]"


def _sentences(comparison: Comparison, paint: Paint) -> Iterator[str]:
    found = [row for row in comparison.rows if row.differs]
    if comparison.replications < 2:
        yield "add --replications 10 to know what is noise"
        return
    if not found:
        yield "no difference that these replications can tell from noise (* would mark one)"
        return
    yield paint.bold("MORE THAN NOISE") + "  (5 % for all rows together, Holm)"
    for row in found:
        lines = textwrap.wrap(_sentence(row, comparison.baseline), WIDTH - 4)
        yield f"  • {lines[0]}"
        yield from (f"    {line}" for line in lines[1:])


def _sentence(row: Row, baseline: str) -> str:
    assert row.difference is not None and row.was is not None and row.now is not None
    more = row.difference.estimate > 0
    by = _difference(row)
    ratio = row.ratio
    if ratio is None or ratio.low is None or ratio.high is None:
        direction = "more" if more else "less"
        return f"{row.design}: {row.metric} is {by} {direction} than in {baseline}"
    verb = "adds" if more else "takes"
    to = "to" if more else "off"
    return (
        f"{row.design} {verb} {by} {to} {row.metric}: {ratio.estimate:.3g} × that of {baseline} "
        f"({ratio.low:.3g} to {ratio.high:.3g})"
    )


def _difference(row: Row) -> str:
    assert row.difference is not None
    half = row.difference.half
    return quantity(abs(row.difference.estimate), row.dimension, half)


def _services(comparison: Comparison, paint: Paint) -> Iterator[str]:
    if len(comparison.services) < 2:
        return
    yield paint.bold("THE SERVICES")
    for name in SIX_ROWS:
        yield f"  {name.replace('_', ' ')}"
        for service, facts in comparison.services.items():
            text = f"{service}: {facts.get(name, '–')}"
            yield from textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="      ")
