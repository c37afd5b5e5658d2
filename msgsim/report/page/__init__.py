"""One self-contained HTML page about a session of runs: the answer first, then why.

Nothing is loaded from outside: figures are inline SVG, style and script are in the page. Every
word that comes from a scenario is escaped; what the script reads is JSON in the page.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from msgsim.experiment.results import Results
from msgsim.report.page.honesty import appendix, assumptions, slim
from msgsim.report.page.html import Block, text
from msgsim.report.page.lives import biographies
from msgsim.report.page.map import overview
from msgsim.report.page.material import Material, gather
from msgsim.report.page.pictures import Gallery, blocks, gallery
from msgsim.report.page.player import player, stage
from msgsim.report.page.verdict import answer, expectations, ledger

BUDGET = 2 * 2**20
"""Bytes a page should not exceed, so that it can be mailed."""


def page(results: Results, plain: dict[str, Any], again: str) -> str:
    """Return the page as text.

    Args:
        results: the runs.
        plain: the same as plain data.
        again: the command that repeats them.
    """
    material = gather(results, plain, again)
    found = gallery(material)
    parts = [
        answer(material),
        expectations(material),
        overview(material),
        ledger(material),
        player(material),
        *blocks(found),
        biographies(material),
        assumptions(material),
        appendix(material),
    ]
    return _document(material, [part for part in parts if part is not None], found)


def replay_page(results: Results, plain: dict[str, Any], again: str) -> str:
    """Return a page with the player alone, under the question and the verdict."""
    material = gather(results, plain, again)
    return _document(material, [answer(material), player(material)], Gallery())


def _document(material: Material, parts: list[Block], found: Gallery) -> str:
    scenario = material.plain["scenario"]
    title = text(f"{scenario['name']}: {scenario['question']}".removesuffix(": "))
    data = {
        "name": scenario["name"],
        "timed": found.timed,
        "stages": [stage(each) for each in material.shown],
        "results": slim(material.plain),
    }
    links = "".join(f'<a href="#{part.name}">{text(part.title)}</a>' for part in parts[1:])
    body = "\n".join(part.html() for part in parts)
    return (
        '<!doctype html>\n<html lang="en" data-theme="auto"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title>\n<style>{_asset('page.css')}\n{found.sheet.css()}</style></head>\n"
        f'<body><a class="skip" href="#answer">Skip to the answer</a>'
        f'<nav aria-label="blocks">{links}<span class="themes" role="group" aria-label="theme">'
        '<button type="button" data-theme="light">light</button>'
        '<button type="button" data-theme="dark">dark</button>'
        '<button type="button" data-theme="projector">projector</button></span></nav>\n'
        f"<main>{body}</main>\n"
        f'<script type="application/json" id="data">{_embedded(data)}</script>\n'
        f"<script>{_asset('page.js')}\n{_asset('replay.js')}</script></body></html>\n"
    )


def _embedded(data: Any) -> str:
    """Return JSON that cannot end the element it stands in, whatever names it holds."""
    written = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return written.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _asset(name: str) -> str:
    return files("msgsim.report.page").joinpath(name).read_text("utf-8")
