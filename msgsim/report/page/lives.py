"""Biographies: the slowest and the most received messages, as waterfalls over all their hops."""

from __future__ import annotations

from collections.abc import Iterator

from msgsim.observe.trace import Span
from msgsim.report.page.html import Block, text
from msgsim.report.page.material import Material, Shown
from msgsim.report.style import duration_text
from msgsim.report.text import number

NS_PER_S = 1_000_000_000
NAMES = {
    "slowest": "slowest",
    "most_received": "received most often",
    "dead_lettered": "dead-lettered",
}
MOST_BARS = 40


def biographies(material: Material) -> Block | None:
    """A waterfall for each message of interest; a click unfolds it."""
    parts = [part for each in material.shown for part in _of(each, material.variants)]
    if not parts:
        return None
    lead = "What happened to single messages. Click one to unfold its life over all hops."
    return Block("lives", "Biographies", lead, "".join(parts))


def _of(each: Shown, named: bool) -> Iterator[str]:
    for kind, ranked in each.interest.items():
        numbers = list(dict.fromkeys(one for one, _, _ in ranked))
        lives = [each.spans[one] for one in numbers if one in each.spans]
        if not lives:
            continue
        variant = f" [{each.variant}]" if named else ""
        yield f"<h3>{text(NAMES[kind])}{text(variant)}</h3>"
        much = {one: (value, place) for one, value, place in reversed(ranked)}
        for spans in lives:
            yield _life(spans, kind, *much[spans[0].message])


def _life(spans: list[Span], kind: str, much: int, place: str) -> str:
    first = spans[0]
    told = {
        "slowest": f"{duration_text(much / NS_PER_S)} until done at {place}",
        "most_received": f"received {number(much)} times at {place}",
        "dead_lettered": f"given up by {place}",
    }[kind]
    head = f"{first.label}, key {first.key}: {told}"
    return f'<details class="life"><summary>{text(head)}</summary>{waterfall(spans)}</details>'


def waterfall(spans: list[Span]) -> str:
    """Return the spans of one message as bars on a common scale of time."""
    begin = min(span.start_ns for span in spans)
    length = max(max(span.end_ns for span in spans) - begin, 1)
    rows = []
    for span in spans[:MOST_BARS]:
        left = 100 * (span.start_ns - begin) / length
        wide = max(0.25, 100 * (span.end_ns - span.start_ns) / length)
        status = "" if span.status == "ok" else f" · {span.status}"
        attempt = f" · attempt {span.attempt}" if span.attempt > 1 else ""
        took = duration_text((span.end_ns - span.start_ns) / NS_PER_S)
        at = f"{span.start_ns / NS_PER_S:.3f} s"
        bar = "bad" if span.status not in {"ok", "unfinished"} else span.name.replace(" ", "-")
        rows.append(
            f'<div class="hop"><span class="where">{text(span.place)}</span>'
            f'<span class="track"><i class="w-{text(bar)}" style="left:{left:.2f}%;width:{wide:.2f}%">'
            f"</i></span><span class=what>{text(span.name + attempt + status)}, {text(took)}, "
            f"from {text(at)}</span></div>"
        )
    more = len(spans) - MOST_BARS
    if more > 0:
        rows.append(f'<p class="quiet">and {number(more)} more steps</p>')
    return f'<div class="waterfall">{"".join(rows)}</div>'
