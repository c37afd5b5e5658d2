"""Lean: matplotlib's SVG made small and themable, so that a dozen figures fit into one page.

Coordinates keep a tenth of a point and become relative; repeated styles become classes of one sheet
that the page carries once, in which ink and paper are the page's own colours, so that figures
follow the light, dark and projector themes; ids get a prefix, because all figures share the page's
name space.
"""

from __future__ import annotations

import re
from html import escape

from msgsim.report.style import FAINT, FAULT, GREY, INK, PAPER

_VARIABLES = {
    INK.lower(): "var(--ink)",
    GREY.lower(): "var(--grey)",
    FAINT.lower(): "var(--faint)",
    FAULT.lower(): "var(--fault)",
    PAPER.lower(): "var(--paper)",
    "#e4e4e4": "var(--grid)",
}
_COLOUR = re.compile("|".join(_VARIABLES))
_NUMBER = re.compile(r"-?\d+\.\d{2,}")
_POINT = re.compile(r"([MLz])\s*(?:(-?[\d.]+(?:e-?\d+)?)\s+(-?[\d.]+(?:e-?\d+)?))?\s*")
_ONLY_LINES = re.compile(r"[MLz\d\s.e-]*")


class Sheet:
    """The styles of all figures of a page, each once."""

    def __init__(self) -> None:
        self._classes: dict[str, str] = {}

    def name(self, style: str) -> str:
        """Return the class of a style."""
        themed = _COLOUR.sub(lambda found: _VARIABLES[found[0]], style.lower())
        if "font-family" in themed:
            themed = re.sub(r"font-family:[^;]*;?", "", themed)
        return self._classes.setdefault(themed.strip(" ;"), f"s{len(self._classes)}")

    def css(self) -> str:
        """Return the sheet."""
        return "\n".join(f".fig .{name}{{{style}}}" for style, name in self._classes.items())


def lean(svg: str, prefix: str, sheet: Sheet, label: str) -> str:
    """Return a figure's SVG for the page.

    Args:
        svg: what matplotlib wrote, with text as text.
        prefix: what the figure's ids begin with.
        sheet: takes its styles.
        label: its text alternative.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<title>.*?</title>|<!--.*?-->|<style.*?</style>", "",
                 svg, flags=re.DOTALL)  # fmt: skip
    svg = re.sub(r"<defs>\s*</defs>", "", svg)
    svg = re.sub(r' d="([^"]*)"', lambda found: f' d="{path(found[1])}"', svg)
    svg = re.sub(r'style="([^"]*)"', lambda found: f'class="{sheet.name(found[1])}"', svg)
    svg = re.sub(r' id="(?:patch|line2d|text|xtick|ytick|PathCollection|PolyCollection|'
                 r'LineCollection|legend|QuadMesh|FillBetweenPolyCollection)_\d+"', "", svg)  # fmt: skip
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}\1"', svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{prefix}\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}\1)", svg)
    svg = svg.replace("xlink:href", "href").replace(
        ' xmlns:xlink="http://www.w3.org/1999/xlink"', ""
    )
    svg = _NUMBER.sub(lambda found: _short(float(found[0])), svg)
    svg = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", svg)
    svg = re.sub(r">\s+<", "><", svg)
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    return svg.replace(
        "<svg", f'<svg role="img" aria-label="{escape(label)}" class="fig"', 1
    ).strip()


def path(data: str) -> str:
    """Return the data of a path, with relative coordinates in tenths where it is made of lines."""
    if not _ONLY_LINES.fullmatch(data):
        return re.sub(r"\s+", " ", _NUMBER.sub(lambda found: _short(float(found[0])), data)).strip()
    out: list[str] = []
    x = y = 0.0
    begin = (0.0, 0.0)
    for command, across, down in _POINT.findall(data):
        if command == "z":
            out.append("z")
            x, y = begin
            continue
        to_x, to_y = round(float(across), 1), round(float(down), 1)
        if command == "M":
            out.append(f"M{_short(to_x)} {_short(to_y)}")
            begin = (to_x, to_y)
        else:
            out.append(_step(to_x - x, to_y - y))
        x, y = to_x, to_y
    return "".join(out)


def _step(across: float, down: float) -> str:
    right, below = _short(across), _short(down)
    if below == "0":
        return f"h{right}" if right != "0" else ""
    if right == "0":
        return f"v{below}"
    return f"l{right} {below}" if not below.startswith("-") else f"l{right}{below}"


def _short(value: float) -> str:
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    if text in {"-0", ""}:
        return "0"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
