"""The player: what the script needs to draw the stage of a film, and its moments."""

from __future__ import annotations

from typing import Any

from msgsim.report.page.html import Block
from msgsim.report.page.material import Material, Shown
from msgsim.report.page.topology import topology
from msgsim.report.replay.moments import moments
from msgsim.report.text import number

SLOTS = 12
LANES = 8


def player(material: Material) -> Block:
    """The block in which the script builds the player; without a script it says so."""
    lead = (
        "A few messages of this run, re-enacted from what was recorded; nothing is simulated here. "
        "Space plays, ← and → step, a click on a dot follows its message."
    )
    told = "; ".join(dict.fromkeys(_extent(each) for each in material.shown))
    body = f'<p class="quiet">{told}</p><div id="player"><noscript>The player needs scripts.</noscript></div>'
    return Block("replay", "Replay", lead, body)


def _extent(each: Shown) -> str:
    film = each.film
    shown, total = len(film.messages), film.total
    if shown == total:
        return f"all {number(total)} messages"
    return f"{number(shown)} of {number(total)} messages: a window that begins before the first surprise"


def stage(each: Shown) -> dict[str, Any]:
    """Return film, boxes and moments of one variant as plain data."""
    shape = topology(each.scenario)
    boxes = [
        {"name": name, "kind": kind, "column": shape.places[name][0], "row": shape.places[name][1],
         **_more(each, name)}
        for name, kind in shape.kinds.items()
    ]  # fmt: skip
    arrows = [[arrow.source, arrow.target, arrow.name, int(arrow.dead)] for arrow in shape.arrows]
    film = _rounded(each.film.to_json())
    return {"boxes": boxes, "arrows": arrows, "film": film, "moments": list(moments(each)),
            "end": each.run.simulated_ns / 1e6}  # fmt: skip


def _more(each: Shown, name: str) -> dict[str, Any]:
    component: Any = each.run.system.components[name]
    found: dict[str, Any] = {}
    if getattr(component, "fifo", False) and component.kind == "sqs.queue":
        found["lanes"], found["others"] = _lanes(each, name)
    visibility = getattr(component, "visibility_ns", None)
    if component.kind == "sqs.queue" and visibility is not None:
        found["visibility"] = visibility / 1e6
    limit = each.plain["concurrency_limits"].get(name)
    if limit is not None:
        found["limit"] = limit
    shards = [part[1] for part in each.film.shards.values() if part[0] == name]
    if shards:
        found["shards"] = sorted(set(shards), key=lambda one: (len(one), one))
    if component.kind in {"kinesis.consumer", "worker.fleet"}:
        found["reads"] = component.judged
    return found


def _lanes(each: Shown, name: str) -> tuple[list[str], bool]:
    """Return the groups that get a lane of their own, those with most messages, and if there are more."""
    counts: dict[str, int] = {}
    for index, places in each.film.dots.items():
        if name in places:
            key = each.film.messages[index][1]
            counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts, key=lambda key: (-counts[key], key))[:LANES]
    return sorted(ranked), len(counts) > LANES


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value
