"""Canvas: empty figures of one style with title, key and provenance, made without pyplot."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.gridspec import SubplotSpec

from msgsim.report.figures.data import Provenance
from msgsim.report.style import FONT_PT, GREY, INK, LINE_PT, PAPER, shorten

DPI = 144
SHOWN_DPI = 84  # in a notebook, whose column is about 10 inches wide at this density
_FONT = "DejaVu Sans"  # comes with matplotlib, so that every machine draws the same
_CAPTION_IN = 0.36
_TITLE_IN = 0.27  # height of a line
_KEY_IN = 0.27
_TITLE_LETTER_IN = 0.131  # mean width of a letter
_PANEL_LETTER_IN = 0.112
_MISSING = "\N{WHITE SQUARE}"

_RC: dict[str, Any] = {
    "font.family": [_FONT],
    "font.size": FONT_PT,
    "axes.titlesize": FONT_PT,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": FONT_PT,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "xtick.labelsize": FONT_PT - 1,
    "ytick.labelsize": FONT_PT - 1,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.fontsize": FONT_PT - 1,
    "legend.frameon": False,
    "figure.titlesize": FONT_PT + 2,
    "figure.titleweight": "bold",
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "lines.linewidth": LINE_PT,
    "lines.solid_joinstyle": "round",
    "text.color": INK,
    "text.usetex": False,
    "text.parse_math": False,  # a `$` in a name is a `$`
    "hatch.linewidth": 0.8,
    "svg.fonttype": "path",
    "svg.hashsalt": "msgsim",
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in our style, whatever the user's matplotlibrc says; afterwards all is as before."""
    with mpl.rc_context():
        defaults = mpl.rcParamsDefault
        mine: Any = mpl.rcParams
        mine.update({k: defaults[k] for k in defaults if not k.startswith("backend")})
        mine.update(_RC)
        yield


class Picture(Figure):
    """A figure that a notebook shows as the last value of a cell; pyplot is not needed."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        stream = io.BytesIO()
        with styled():
            self.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
        return stream.getvalue(), {"width": round(self.get_figwidth() * SHOWN_DPI)}


def new_figure(title: str, provenance: Provenance, width: float, height: float) -> Figure:
    """Return an empty figure (inches) with its title above and its provenance in the corner."""
    figure = Picture(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    lines = textwrap.wrap(plain(title), int(width / _TITLE_LETTER_IN), max_lines=2, placeholder="…")
    figure.suptitle("\n".join(lines), x=0.012, y=1 - 0.1 / height, ha="left", va="top",
                    in_layout=False, linespacing=1.1)  # fmt: skip
    _leave_room(figure, 0.16 + _TITLE_IN * len(lines))
    figure.text(
        0.99, 0.09 / height, _caption(provenance), ha="right", va="bottom",
        fontsize=FONT_PT - 1, color=GREY, in_layout=False,
    )  # fmt: skip
    return figure


def _leave_room(figure: Figure, above_in: float) -> None:
    """Keep panels away from the caption below and from the first `above_in` inches."""
    height = figure.get_figheight()
    bottom = _CAPTION_IN / height
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0, bottom, 1, 1 - bottom - above_in / height), w_pad=0.08, h_pad=0.05)


def key_above(figure: Figure, handles: Sequence[Artist]) -> None:
    """Explain lines and colours between the title and the panels."""
    columns = 4 if figure.get_figwidth() < 12 else 5
    lines = figure.get_suptitle().count("\n") + 1
    title_in = 0.16 + _TITLE_IN * lines
    figure.legend(
        handles=handles, loc="upper left", ncols=columns, handlelength=1.8, columnspacing=1.4,
        handletextpad=0.5, borderaxespad=0, borderpad=0.1, labelcolor=INK,
        bbox_to_anchor=(0.012, 1 - title_in / figure.get_figheight()),
    ).set_in_layout(False)  # fmt: skip
    _leave_room(figure, title_in + _KEY_IN * -(-len(handles) // columns))


def panel_title(axes: Axes, columns: int, variant: str, text: str = "", colour: str = INK) -> None:
    """Write a variant's name, and what is seen in its panel, above one of `columns` panels."""
    words = ": ".join(part for part in (name(variant), plain(text)) if part)
    letters = int((root(axes).get_figwidth() / columns - 0.6) / _PANEL_LETTER_IN)
    lines = textwrap.wrap(words, letters, max_lines=2, placeholder="…")
    if lines:
        axes.set_title("\n".join(lines), color=colour, pad=6, linespacing=1.1)


def root(axes: Axes) -> Figure:
    """Return the figure in which axes stand."""
    found = axes.figure.figure  # that of a figure is itself
    assert isinstance(found, Figure)
    return found


def _caption(provenance: Provenance) -> str:
    parts = [
        name(provenance.scenario, 32),
        f"seed {provenance.seed}",
        f"msgsim {provenance.msgsim}",
        f"numpy {provenance.numpy}",
    ]
    return " · ".join([*parts, name(provenance.note, 40)] if provenance.note else parts)


def stacks(
    figure: Figure, count: int, heights: Sequence[float], one_x: bool = True
) -> list[list[Axes]]:
    """Return one stack of panels for each of `count` variants, all with the same axes.

    Args:
        figure: where to put them.
        count: how many variants.
        heights: relative heights of the panels of a stack, from above.
        one_x: whether the panels of a stack show the same on their x axes.
    """
    columns = columns_for(count)
    outer = figure.add_gridspec(-(-count // columns), columns)
    found: list[list[Axes]] = []
    for index in range(count):
        inner = _split(outer[index], heights)
        stack: list[Axes] = []
        for row in range(len(heights)):
            share = found[0][row] if found else None
            above = (found[0][0] if found else stack[0] if stack else None) if one_x else share
            stack.append(figure.add_subplot(inner[row], sharex=above, sharey=share))
        for axes in stack[:-1] if one_x else ():
            axes.tick_params(labelbottom=False)
        if index % columns:
            for axes in stack:
                axes.tick_params(labelleft=False)
        found.append(stack)
    return found


def _split(cell: SubplotSpec, heights: Sequence[float]) -> list[SubplotSpec]:
    """Divide a cell; one that stays whole is used as it is, which colour bars rely on."""
    if len(heights) == 1:
        return [cell]
    inner = cell.subgridspec(len(heights), 1, height_ratios=heights)
    return [inner[row] for row in range(len(heights))]


def columns_for(count: int) -> int:
    """Return how many panels stand side by side: three at most, four as two by two."""
    return count if count <= 3 else 2 if count == 4 else 3


def size_for(count: int, height: float) -> tuple[float, float]:
    """Return a figure's width and height in inches, given the height of one stack of panels."""
    columns = columns_for(count)
    return (12.6 if columns == 3 else 10.0), height * -(-count // columns)


def plain(text: str) -> str:
    """Return the text with what the font cannot draw replaced by a square."""
    known = _glyphs()
    return "".join(letter if ord(letter) in known else _MISSING for letter in text)


def name(text: str, most: int | None = None) -> str:
    """Return a name as it is shown: short enough, drawable, never read as mathematics."""
    return plain(shorten(text) if most is None else shorten(text, most))


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(get_font(findfont(_FONT)).get_charmap())
