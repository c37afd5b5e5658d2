"""Pictures of finished sessions, one function for each kind: the public face of the figures.

Every function takes the results of `ms.run`, the component to draw where there are several, and the
variants to draw (all, if None), and returns a matplotlib figure. It raises ValueError when there is
nothing to draw, saying what there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

from msgsim.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from msgsim.experiment.results import Results
    from msgsim.report.draw import Titled
    from msgsim.report.page.material import Material

Names = Iterable[str] | None


def latency(
    results: Results, subscriber: str | None = None, *, variants: Names = None
) -> Figure:  # fmt: skip
    """Draw the distribution of the time from publish to first completion, and its stages."""
    return _one("latency", results, subscriber, variants)


def order(results: Results, subscriber: str | None = None, *, variants: Names = None) -> Figure:
    """Draw the order of completions against the order of publication."""
    return _one("order", results, subscriber, variants)


def queue(results: Results, name: str | None = None, *, variants: Names = None) -> Figure:
    """Draw messages waiting and in flight, and the age of the oldest."""
    return _one("queue", results, name, variants)


def concurrency(results: Results, name: str | None = None, *, variants: Names = None) -> Figure:
    """Draw how many environments of a function, or workers of a fleet, were busy."""
    return _one("concurrency", results, name, variants)


def shards(results: Results, stream: str | None = None, *, variants: Names = None) -> Figure:
    """Draw what producers sent to each shard of a stream."""
    return _one("shards", results, stream, variants)


def cost(results: Results, *, variants: Names = None) -> Figure:
    """Draw what a month at the run's rate costs, by component and request type."""
    return _one("cost", results, None, variants)


def flow(results: Results, subscriber: str | None = None, *, variants: Names = None) -> Figure:
    """Draw running totals of arrivals and completions; runs are repeated for it."""
    from msgsim.report.page.pictures import flows

    return _named("flow", flows(_flowing(results, variants)), subscriber)


def twice(results: Results, subscriber: str | None = None, *, variants: Names = None) -> Figure:
    """Draw how often messages were processed, and why; runs are repeated for it."""
    from msgsim.report.page.pictures import twices

    return _named("twice", twices(_flowing(results, variants)), subscriber)


class Player:
    """A replay of a session: a frame with the player in a notebook, or a page to save."""

    def __init__(self, page: str, height: int) -> None:
        self._page = page
        self._height = height

    def save(self, path: str) -> None:
        """Write the page, one file that opens offline.

        Raises:
            ProblemError: the file cannot be written.
        """
        write_atomically(path, self._page)

    def _repr_html_(self) -> str:
        style = f"width:100%;height:{self._height}px;border:1px solid #C4C4C4"
        return f'<iframe style="{style}" srcdoc="{escape(self._page)}"></iframe>'

    def __repr__(self) -> str:
        return f"<Player: {len(self._page) // 1024} KiB of HTML, see .save(path)>"


def player(results: Results, *, height: int = 900) -> Player:
    """Return a replay of all variants side by side; runs are repeated for it.

    Args:
        results: the session.
        height: of the frame in a notebook, in pixels.
    """
    from msgsim.experiment.result import to_plain
    from msgsim.report.page import replay_page

    again = f"msgsim run {results.scenario.name}"
    return Player(replay_page(results, to_plain(results), again, answered=False), height)


def _flowing(results: Results, variants: Names) -> Material:
    from msgsim.experiment.result import to_plain
    from msgsim.report.page.material import flowing

    return flowing(results, to_plain(results), _kept(results, variants))


def _one(kind: str, results: Results, name: str | None, variants: Names) -> Figure:
    from msgsim.experiment.result import to_plain
    from msgsim.report.draw import KINDS, subject_of

    subject = subject_of(results, to_plain(results))
    runs = {variant: subject.runs[variant] for variant in _kept(results, variants)}
    return _named(kind, KINDS[kind](replace(subject, runs=runs, only=name)), name)


def _named(kind: str, drawn: Iterable[Titled], name: str | None) -> Figure:
    """Return the figure of one component out of several, or the only one."""
    from msgsim.report.figures import file_name

    found = {file: figure for file, _, figure in drawn}
    if name is not None and len(found) > 1:
        found = {file: figure for file, figure in found.items() if file == file_name(kind, name)}
    if not found:
        where = f" of {name}" if name is not None else ""
        raise ValueError(f"there is nothing to draw: no {kind}{where} in these results")
    if len(found) > 1:
        raise ValueError(f"say of which component: {', '.join(found)}")
    return next(iter(found.values()))


def _kept(results: Results, variants: Names) -> list[str]:
    known = list(results.firsts())
    kept = known if variants is None else list(variants)
    unknown = [variant for variant in kept if variant not in known]
    if unknown:
        raise ValueError(f"no variant is called {unknown[0]}; there are: {', '.join(known)}")
    return kept
