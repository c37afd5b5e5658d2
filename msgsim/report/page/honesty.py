"""The last blocks: what was assumed, what is not modelled, and everything to look it up."""

from __future__ import annotations

import json
import re
from typing import Any

from msgsim.report.page.html import Block, table, text
from msgsim.report.page.material import Material
from msgsim.report.terminal import summary
from msgsim.scenario.resolved import resolved_text
from msgsim.services import discover

_ROW = re.compile(r"^\|(.+)\|\s*$", re.MULTILINE)


class Everything:
    """The options of a summary that shows all of it."""

    only_expect = False
    quiet = False
    verbose = True
    color = False


def assumptions(material: Material) -> Block:
    """What was assumed, and what the pages of the services list as simplified or not modelled."""
    plain = material.plain
    rows = [
        [text(f"{item['kind']} {item['name']}"), text(_short(item["value"])), text(item["unit"]),
         text(item["source"])]
        for item in plain["assumptions"]
    ]  # fmt: skip
    parts = [table(("assumption", "value", "unit", "source"), rows)] if rows else []
    kinds = dict.fromkeys(kind for each in material.shown for kind in each.plain["kinds"].values())
    for kind in kinds:
        found = deviations(kind)
        if found:
            body = table(("rule", "state", "note"), [[text(cell) for cell in row] for row in found])
            parts.append(f"<details><summary>{text(kind)}: simplified or not modelled "
                         f"({len(found)})</summary>{body}</details>")  # fmt: skip
    lead = "AWS does not publish every number. What was assumed instead can be set in the scenario."
    return Block("honesty", "Assumptions and fidelity", lead, "".join(parts))


def deviations(kind: str) -> list[list[str]]:
    """Return the rows of a kind's page about what is simplified or not modelled."""
    service = discover().get(kind)
    if service is None:
        return []
    rows = [[cell.strip() for cell in row.split(" | ")] for row in _ROW.findall(service.page.text)]
    wanted = {"simplified", "not modelled"}
    return [[*row, "", ""][:3] for row in rows if len(row) > 1 and row[1].strip().lower() in wanted]


def _short(value: Any) -> str:
    written = value if isinstance(value, str) else json.dumps(value)
    return written if len(written) <= 160 else f"{written[:159]}…"


def appendix(material: Material) -> Block:
    """The summary as on the terminal, the resolved scenario, and the numbers as a download."""
    plain = material.plain
    told = text(summary(plain, Everything(), material.again))
    parts = [
        f"<details><summary>The summary as the terminal shows it</summary><pre>{told}</pre></details>",
        "<details><summary>The scenario with every default filled in</summary>"
        f"<pre>{text(resolved_text(material.results.scenario))}</pre></details>",
        '<p><button type="button" data-download="json">Download the numbers as JSON</button> '
        '<button type="button" data-download="csv">as CSV</button></p>',
    ]
    return Block("appendix", "Appendix", "Everything, to check and to cite.", "".join(parts))


def slim(value: Any) -> Any:
    """Return results without the long columns that only pictures need."""
    if isinstance(value, dict):
        return {key: slim(item) for key, item in value.items() if not _long(key, item)}
    if isinstance(value, list):
        return [slim(item) for item in value]
    return value


def _long(key: str, item: Any) -> bool:
    return key in {"course", "sample"} or (isinstance(item, list) and len(item) > 200)
