"""One self-contained HTML page about a session of runs: verdicts, summary and every figure.

Nothing is loaded from outside: figures are inline SVG, the style is in the page, and there is no
script. Every word that comes from a scenario is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from msgsim.experiment.results import Results
from msgsim.report import figures
from msgsim.report.draw import all_figures
from msgsim.report.terminal import summary
from msgsim.report.text import number, quantity, seconds
from msgsim.scenario.resolved import resolved_text

STYLE = """
:root { color-scheme: light dark; }
body { font: 17px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; }
body { padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .25rem .6rem; } td:first-child { white-space: nowrap; }
th { border-bottom: 2px solid; } td { border-bottom: 1px solid #8886; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.met { color: #00795c; } .not { color: #c8500a; font-weight: 700; }
figure { margin: 1.5rem 0; } figure svg { width: 100%; height: auto; background: #fff; }
figcaption, .quiet { opacity: .75; font-size: .92rem; }
pre { overflow-x: auto; font-size: .85rem; line-height: 1.35; }
@media print { body { font-size: 11pt; } figure { break-inside: avoid; } }
"""


@dataclass(frozen=True)
class _Everything:
    """The options of a summary that shows all of it."""

    only_expect: bool = False
    quiet: bool = False
    verbose: bool = True
    color: bool = False


def page(results: Results, plain: dict[str, Any], again: str) -> str:
    """Return the page as text.

    Args:
        results: the runs.
        plain: the same as plain data.
        again: the command that repeats them.
    """
    scenario = plain["scenario"]
    title = escape(f"{scenario['name']}: {scenario['question']}")
    blocks = [
        f"<h1>{title}</h1>",
        *_provenance(plain, again),
        *_expectations(plain),
        *_ledgers(plain),
        *_pictures(results, plain),
        "<h2>Everything in figures, with the assumptions</h2>",
        f"<pre>{escape(summary(plain, _Everything(), again))}</pre>",
        "<h2>The scenario with every default filled in</h2>",
        f"<details><summary>show</summary><pre>{escape(resolved_text(results.scenario))}</pre>"
        "</details>",
    ]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    body = "\n".join(blocks)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}{viewport}</head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def _provenance(plain: dict[str, Any], again: str) -> Iterator[str]:
    versions = " · ".join(f"{name} {version}" for name, version in plain["versions"].items())
    first = plain["runs"][0]
    if plain["partial"]:
        yield '<p class="not">Interrupted: the results are partial.</p>'
    yield (
        f'<p class="quiet">seed {first["seed"]} · {escape(seconds(first["simulated_s"]))} simulated'
        f" · {escape(versions)} · limits read {escape(plain['limits_read_on'])} · fingerprint "
        f"{plain['fingerprint']}<br>again: <code>{escape(again)}</code></p>"
    )


def _expectations(plain: dict[str, Any]) -> Iterator[str]:
    if not plain["expect"]:
        return
    met = sum(rule["passed"] for rule in plain["expect"])
    yield f"<h2>Expected: {met} of {len(plain['expect'])} met</h2>"
    yield '<table><tr><th></th><th>rule</th><th class="n">actual</th><th>because</th></tr>'
    for rule in plain["expect"]:
        mark = '<span class="met">✓ met</span>'
        if not rule["passed"]:
            mark = f'<span class="not">✗ {rule["state"]}</span>'
        variant = f"[{rule['variant']}] " if rule["variant"] else ""
        actual = "no data" if rule["no_data"] else quantity(rule["actual"], rule["dimension"])
        yield (
            f"<tr><td>{mark}</td><td><code>{escape(variant + rule['rule'])}</code></td>"
            f'<td class="n">{escape(actual)}</td><td>{escape(rule["because"])}</td></tr>'
        )
    yield "</table>"


def _ledgers(plain: dict[str, Any]) -> Iterator[str]:
    yield "<h2>Where the messages went</h2>"
    for run in plain["runs"]:
        if run["replication"] != plain["runs"][0]["replication"]:
            continue
        rows = {n: row for n, row in run["ledger"].items() if row["published"] + row["moved_in"]}
        lines = [line for line in _LINES if any(row[line] for row in rows.values())]
        caption = f" ({escape(run['variant'])})" if run["variant"] else ""
        heads = "".join(f'<th class="n">{line.replace("_", " ")}</th>' for line in lines)
        yield f"<table><tr><th>subscriber{caption}</th>{heads}<th>sums</th></tr>"
        for name, row in rows.items():
            cells = "".join(f'<td class="n">{number(row[line])}</td>' for line in lines)
            sums = '<span class="met">✓</span>' if row["sums"] else '<span class="not">✗</span>'
            yield f"<tr><td>{escape(name)}</td>{cells}<td>{sums}</td></tr>"
        yield "</table>"


_LINES = (
    "published", "extra_copies", "moved_in", "done", "waiting", "in_flight", "delayed",
    "in_transit", "dead_lettered", "expired", "deduplicated", "filtered", "refused", "discarded",
    "lost",
)  # fmt: skip


def _pictures(results: Results, plain: dict[str, Any]) -> Iterator[str]:
    yield "<h2>Pictures</h2>"
    glyphs: set[str] = set()
    for index, (_, sentence, figure) in enumerate(all_figures(results, plain)):
        svg = figures.render(figure, "svg").decode("utf-8")
        svg = _lean(_own_ids(svg[svg.index("<svg") :], f"f{index}-"), glyphs)
        heading = escape(figure.get_suptitle())
        label = svg.replace("<svg", f'<svg role="img" aria-label="{heading}"', 1)
        yield f"<figure><figcaption>{escape(sentence)}</figcaption>{label}</figure>"


_GLYPH = "DejaVuSans"


def _own_ids(svg: str, prefix: str) -> str:
    """Give the ids of one figure a prefix, because all figures share the page's name space.

    Glyphs of the font keep theirs: they are the same in every figure.
    """
    svg = re.sub(rf'\bid="(?!{_GLYPH})([^"]+)"', rf'id="{prefix}\1"', svg)
    svg = re.sub(rf'href="#(?!{_GLYPH})([^"]+)"', rf'href="#{prefix}\1"', svg)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}\1)", svg)


def _lean(svg: str, glyphs: set[str]) -> str:
    """Drop glyphs that an earlier figure of the page defines, and digits beyond 1/100 point."""

    def keep_once(found: re.Match[str]) -> str:
        if found[1] in glyphs:
            return ""
        glyphs.add(found[1])
        return found[0]

    svg = re.sub(rf'<path id="({_GLYPH}[^"]*)" d="[^"]*"[^>]*/>', keep_once, svg)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    return re.sub(r' (?:d|x|y)="[^"]*"', lambda found: _rounded(found[0]), svg)


def _rounded(attribute: str) -> str:
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", attribute)
