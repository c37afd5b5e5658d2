"""The first blocks: the answer, what was expected, and where the messages went."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgsim.report.page.html import Block, mark, table, text
from msgsim.report.page.material import Material
from msgsim.report.remarks import assumed_order, remarks
from msgsim.report.terminal import LINES
from msgsim.report.text import number, quantity, seconds


def answer(material: Material) -> Block:
    """The question, the verdict, what is worth knowing, and how to repeat it."""
    plain = material.plain
    rules = [rule for rule in plain["expect"] if rule["level"] == "fail"]
    met = sum(rule["passed"] for rule in rules)
    parts = []
    if plain["partial"]:
        parts.append('<p class="not">Interrupted: the results are partial.</p>')
    if rules:
        verdict = "Everything expected was met" if met == len(rules) else "Not everything was met"
        parts.append(f'<p class="verdict">{mark(met == len(rules), verdict)}: '
                     f"{met} of {len(rules)} expectations.</p>")  # fmt: skip
    firsts = [each.plain for each in material.shown]
    found = remarks(firsts)[:3] + assumed_order(plain, firsts)
    if found:
        parts.append("<ul>" + "".join(f"<li>{text(one)}</li>" for one in found) + "</ul>")
    parts.append(_provenance(plain, material.again))
    title = f"{plain['scenario']['name']}: {plain['scenario']['question']}".removesuffix(": ")
    return Block("answer", title, "", "".join(parts))


def _provenance(plain: dict[str, Any], again: str) -> str:
    versions = " · ".join(f"{name} {version}" for name, version in plain["versions"].items())
    first = plain["runs"][0]
    facts = [
        f"seed {first['seed']}",
        f"{seconds(first['simulated_s'])} simulated",
        versions,
        f"limits read {plain['limits_read_on']}",
        f"fingerprint {plain['fingerprint']}",
    ]
    return (
        f'<p class="quiet">{text(" · ".join(facts))}<br>again: '
        f"<code>{text(again)} --seed {first['seed']}</code></p>"
    )


def expectations(material: Material) -> Block | None:
    """Every rule with what came of it and by how much."""
    rules = material.plain["expect"]
    if not rules:
        return None
    rows = [list(_rule(rule)) for rule in rules]
    met = sum(rule["passed"] for rule in rules)
    body = table(("", "rule", "actual", "margin", "because"), rows, numeric=(2, 3))
    title = f"Expected: {met} of {len(rules)} met"
    return Block("expect", title, "What this design was held to, and how close it came.", body)


def _rule(rule: dict[str, Any]) -> Iterator[str]:
    yield mark(rule["passed"], rule["state"])
    variant = f"[{rule['variant']}] " if rule["variant"] else ""
    yield f"<code>{text(variant + rule['rule'])}</code>"
    half = None if rule["low"] is None else (rule["high"] - rule["low"]) / 2
    actual = quantity(rule["actual"], rule["dimension"], half)
    yield text("no data" if rule["no_data"] else actual)
    margin = rule.get("margin")
    yield "" if margin is None else text(quantity(margin, rule["dimension"]))
    yield text(rule["because"])


def ledger(material: Material) -> Block:
    """Where the messages went; every row sums."""
    parts = []
    for each in material.shown:
        run = each.plain
        rows = {name: row for name, row in run["ledger"].items()
                if row["published"] + row["extra_copies"] + row["moved_in"]}  # fmt: skip
        first = ("published", "extra_copies", "moved_in")
        lines = [line for line in (*first, *LINES) if any(row.get(line) for row in rows.values())]
        heads = (f"subscriber{_of(each.variant)}", *(line.replace("_", " ") for line in lines), "")
        cells = [
            [text(name), *(number(row.get(line, 0)) for line in lines),
             mark(row["sums"], "sums" if row["sums"] else "does not sum")]
            for name, row in rows.items()
        ]  # fmt: skip
        parts.append(table(heads, cells, numeric=range(1, len(lines) + 1)))
    lead = "Are messages lost? What came in equals what became of it, row by row."
    return Block("ledger", "Where the messages went", lead, "".join(parts))


def _of(variant: str) -> str:
    return f" [{variant}]" if variant else ""
