"""`msgsim explain`: the pages about components, topics and problem codes."""

from __future__ import annotations

from typing import Annotated

import typer

from msgsim.problems import CODES, PAGES, Problem, ProblemError, did_you_mean, quote

PLACE = 50


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(explain)


def explain(
    what: Annotated[
        str | None,
        typer.Argument(help="A type such as sqs.queue, a topic, or a code such as E201."),
    ] = None,
) -> None:
    """Print the page about a kind of component, a topic or a problem code; or list them all.

    \b
      msgsim explain
      msgsim explain sqs.queue
      msgsim explain metrics
      msgsim explain E201
    """
    explain_subject(what)


def explain_subject(what: str | None) -> None:
    """Print the page of a kind of component, a topic or a problem code; without one, the list."""
    import msgsim.experiment.judge
    import msgsim.scenario.load  # noqa: F401 - both register the codes of the floors above
    from msgsim.report.pages import page_text, topics
    from msgsim.services import discover

    pages = {name: service.page for name, service in discover().items()} | topics()
    if what is None:
        print("\n".join(_subjects()))
    elif what in pages:
        print(page_text(pages[what], what))
    elif what.upper() in CODES:
        code = what.upper()
        print(f"{code}: {CODES[code]}\n")
        if PAGES[code] != CODES[code]:
            print(PAGES[code])
    else:
        guess = did_you_mean(what, [*pages, *CODES])
        hint = f"did you mean {guess}? `msgsim explain` lists all" if guess else None
        message = f"nothing is known about {quote(what)}"
        raise ProblemError([Problem("E170", message, None, hint or "; ".join(_subjects()))])


def _subjects() -> list[str]:
    """Return what `explain` knows, a line for each sort."""
    from msgsim.report.pages import topics
    from msgsim.services import discover

    return [
        f"components: {', '.join(discover())}",
        f"topics: {', '.join(topics())}",
        "codes: such as E201 or W211 (topic `scenario` lists them)",
    ]
