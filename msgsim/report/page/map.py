"""The map: boxes and arrows with counts; an arrow or a box opens what is known of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from msgsim.report.page.html import Block, table, text
from msgsim.report.page.material import Material, Shown
from msgsim.report.page.topology import Arrow, Topology, topology
from msgsim.report.style import duration_text, shorten
from msgsim.report.text import number

WIDE, HIGH = 190, 78
BOX_WIDE, BOX_HIGH = 132, 50
NS_PER_S = 1_000_000_000
BARS = 24

COUNTED = {
    "workload": ("published",),
    "sns.topic": ("accepted",),
    "sqs.queue": ("sent", "moved_in"),
    "kinesis.stream": ("stored",),
    "dynamodb.stream": ("stored",),
    "firehose.delivery_stream": ("ingested",),
    "lambda.function": ("started",),
    "worker.fleet": ("completed",),
    "kinesis.consumer": ("taken",),
}
"""Which facts of a box are counted in it."""

OUT = ("published", "delivered", "received", "taken", "stored", "accepted", "dead_lettered")


def overview(material: Material) -> Block:
    """The map of each variant, with its panels."""
    parts = []
    for index, each in enumerate(material.shown):
        if each.variant:
            parts.append(f"<h3>{text(each.variant)}</h3>")
        shape = topology(each.scenario)
        parts.append(_drawing(shape, each, index))
        parts.append(f'<div class="panels" aria-live="polite">{"".join(_panels(shape, each, index))}'
                     "</div>")  # fmt: skip
    lead = (
        "How it hangs together. Click an arrow to see how old messages were when they were taken."
    )
    return Block("map", "Map", lead, "".join(parts))


def _drawing(shape: Topology, each: Shown, index: int) -> str:
    width, height = shape.columns * WIDE - (WIDE - BOX_WIDE) + 8, shape.rows * HIGH + 4
    arrows = "".join(_arrow(shape, arrow, each, index, i) for i, arrow in enumerate(shape.arrows))
    boxes = "".join(_box(shape, name, each, index) for name in shape.places)
    head = (
        f'<marker id="tip{index}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="var(--grey)"/></marker>'
    )
    return (
        f'<svg class="map" viewBox="0 0 {width} {height}" style="max-width:{width * 1.25:.0f}px" '
        f'role="group" aria-label="topology">'
        f"<defs>{head}</defs>{arrows}{boxes}</svg>"
    )


def _corner(shape: Topology, name: str) -> tuple[float, float]:
    column, row = shape.places[name]
    own = sum(1 for place in shape.places.values() if place[0] == column)
    return 4 + column * WIDE, 12 + (row + (shape.rows - own) / 2) * HIGH


def _box(shape: Topology, name: str, each: Shown, index: int) -> str:
    x, y = _corner(shape, name)
    kind = shape.kinds[name]
    facts = each.facts.of(name)
    counted = COUNTED.get(kind)
    count = number(sum(facts.get(fact, 0) for fact in counted)) if counted else ""
    middle = x + BOX_WIDE / 2
    return (
        f'<g class="box k-{kind.split(".")[0]}" tabindex="0" role="button" '
        f'data-panel="p{index}-{_slug(shape, name)}" aria-label="{text(name)}">'
        f'<rect x="{x}" y="{y}" width="{BOX_WIDE}" height="{BOX_HIGH}" rx="7"/>'
        f'<text x="{middle}" y="{y + 17}" class="name">{text(shorten(name, 17))}</text>'
        f'<text x="{middle}" y="{y + 31}" class="kind">{text(kind)}</text>'
        f'<text x="{middle}" y="{y + 45}" class="count">{count}</text></g>'
    )


def _slug(shape: Topology, name: str) -> str:
    return f"b{list(shape.places).index(name)}"


def _arrow(shape: Topology, arrow: Arrow, each: Shown, index: int, place: int) -> str:
    x0, y0 = _corner(shape, arrow.source)
    x1, y1 = _corner(shape, arrow.target)
    start, end = (x0 + BOX_WIDE, y0 + BOX_HIGH / 2), (x1 - 1, y1 + BOX_HIGH / 2)
    if x1 <= x0:  # within a column, or back
        bend = x0 + BOX_WIDE + 28
        way = (f"M{start[0]} {start[1]}C{bend} {start[1]} {bend} {end[1]} "
               f"{x1 + BOX_WIDE + 1} {end[1]}")  # fmt: skip
    else:
        half = (end[0] - start[0]) / 2
        way = (f"M{start[0]} {start[1]}C{start[0] + half} {start[1]} {end[0] - half} {end[1]} "
               f"{end[0]} {end[1]}")  # fmt: skip
    count = _flown(arrow, each)
    label = "" if count is None else (
        f'<text x="{(start[0] + end[0]) / 2}" y="{(start[1] + end[1]) / 2 - 4}">{number(count)}</text>'
    )  # fmt: skip
    names = f"{arrow.source} to {arrow.target}"
    return (
        f'<g class="arrow{" dead" if arrow.dead else ""}" tabindex="0" role="button" '
        f'data-panel="p{index}-a{place}" aria-label="{text(names)}">'
        f'<path class="wide" d="{way}"/><path d="{way}" marker-end="url(#tip{index})"/>{label}</g>'
    )


def _flown(arrow: Arrow, each: Shown) -> int | None:
    """Return how many messages went along an arrow, as far as facts tell."""
    if arrow.dead:
        names = [arrow.name] if arrow.name else [arrow.source]
        return sum(each.facts.of(name)["dead_lettered"] for name in names)
    consumer = each.facts.of(arrow.name or arrow.target)
    if "completed" in consumer or "failed" in consumer:
        return consumer["completed"] + consumer["failed"]
    if arrow.name and "delivered" in each.facts.of(arrow.name):
        return each.facts.of(arrow.name)["delivered"]
    for fact in OUT:
        count = each.facts.of(arrow.source)[fact]
        if count and fact != "dead_lettered":
            return count
    return None


def _panels(shape: Topology, each: Shown, index: int) -> Iterator[str]:
    for name, kind in shape.kinds.items():
        facts = each.facts.of(name)
        rows = [[text(fact.replace("_", " ")), number(count)] for fact, count in facts.items()]
        yield _panel(f"p{index}-{_slug(shape, name)}", f"{name} ({kind})",
                     table(("fact", "messages"), rows, numeric=(1,)) if rows else "<p>idle</p>")  # fmt: skip
    for place, arrow in enumerate(shape.arrows):
        yield _panel(f"p{index}-a{place}", f"{arrow.source} → {arrow.target}", _about(arrow, each))


def _panel(name: str, title: str, body: str) -> str:
    return f'<div class="panel" id="{name}" hidden><h4>{text(title)}</h4>{body}</div>'


def _about(arrow: Arrow, each: Shown) -> str:
    """Tell of an arrow: how old messages were when they were taken, and its own facts."""
    parts = []
    source = each.flow.subscribers.get(arrow.source) or each.flow.subscribers.get(arrow.target)
    if source is not None and source.ages.count and not arrow.dead:
        ages = source.ages
        parts.append(
            f"<p>Age at the first receive: half within "
            f"{duration_text((ages.quantile(0.5) or 0) / NS_PER_S)}, 99 in 100 within "
            f"{duration_text((ages.quantile(0.99) or 0) / NS_PER_S)}.</p>{histogram(*ages.bins())}"
        )
    facts = each.facts.of(arrow.name)
    if facts:
        rows = [[text(fact.replace("_", " ")), number(count)] for fact, count in facts.items()]
        parts.append(f"<p>{text(arrow.name)}</p>" + table(("fact", "messages"), rows, numeric=(1,)))
    return "".join(parts) or "<p>Nothing more is known of this arrow.</p>"


def histogram(values: Any, counts: Any) -> str:
    """Return a histogram of times (ns) on a logarithmic scale, as a small drawing."""
    times = np.maximum(np.asarray(values, dtype=float) / NS_PER_S, 1e-4)
    low, high = float(times.min()), float(times.max())
    edges = np.geomspace(low / 1.02, high * 1.02, BARS + 1)
    heights, _ = np.histogram(times, edges, weights=np.asarray(counts, dtype=float))
    top = heights.max() or 1.0
    bars = "".join(
        f'<rect x="{4 + i * 15}" y="{96 - 84 * h / top:.1f}" width="13" height="{84 * h / top:.1f}">'
        f"<title>{text(duration_text(edges[i]))} – {text(duration_text(edges[i + 1]))}: "
        f"{number(int(h))}</title></rect>"
        for i, h in enumerate(heights)
    )
    return (
        f'<svg class="ages" viewBox="0 0 {BARS * 15 + 8} 116" role="img" aria-label="age at receive">'
        f'{bars}<path d="M2 96h{BARS * 15 + 4}"/>'
        f'<text x="4" y="111">{text(duration_text(low))}</text>'
        f'<text x="{BARS * 15 + 4}" y="111" class="end">{text(duration_text(high))} (log scale)</text></svg>'
    )
