"""`msgsim explain`: the pages about components, topics and problem codes."""

from __future__ import annotations

from typing import Annotated

import typer

from msgsim.problems import CODES, Problem, ProblemError, did_you_mean, quote

PLACE = 50


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(explain)


def explain(
    what: Annotated[
        str | None,
        typer.Argument(
            help="A type such as sqs.queue, a topic, a code such as E201, a saved result."
        ),
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
    import msgsim.experiment.saved
    import msgsim.experiment.sweep
    import msgsim.scenario.load  # noqa: F401 - they register the codes of the floors above
    from msgsim.report.codes import code_text
    from msgsim.report.pages import page_text, topics
    from msgsim.services import discover

    if what is not None and _is_saved(what):
        _explain_saved(what)
        return
    pages = {name: service.page for name, service in discover().items()} | topics()
    if what is None:
        print("\n".join(_subjects()))
    elif what in pages:
        print(page_text(pages[what], what))
    elif what.upper() in CODES:
        print(code_text(what.upper()))
    else:
        guess = did_you_mean(what, [*pages, *CODES])
        hint = f"did you mean {guess}? `msgsim explain` lists all" if guess else None
        message = f"nothing is known about {quote(what)}"
        raise ProblemError([Problem("E170", message, None, hint or "; ".join(_subjects()))])


def _is_saved(what: str) -> bool:
    from msgsim.experiment.saved import is_saved

    return is_saved(what)


def _explain_saved(path: str) -> None:
    """Print the summary of results that `--save` wrote, as the run did."""
    from types import SimpleNamespace

    from msgsim.experiment.result import to_plain
    from msgsim.experiment.saved import read
    from msgsim.report.terminal import summary

    options = SimpleNamespace(only_expect=False, quiet=False, verbose=True, color=False)
    results = read(path)
    print(summary(to_plain(results), options, f"msgsim run {results.scenario.file}"))


def _subjects() -> list[str]:
    """Return what `explain` knows, a line for each sort."""
    from msgsim.report.pages import topics
    from msgsim.services import discover

    return [
        f"components: {', '.join(discover())}",
        f"topics: {', '.join(topics())}",
        "codes: such as E201 or W211 (topic `scenario` lists them)",
    ]
