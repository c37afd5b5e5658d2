"""`msgsim explain`: the pages about components, topics and problem codes."""

from __future__ import annotations

from typing import Annotated

import typer

from msgsim.commands._options import Sets, count
from msgsim.commands._telling import chosen_variant, told_by_name
from msgsim.problems import CODES, Problem, ProblemError, did_you_mean, quote

PLACE = 50


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(explain)


def explain(
    what: Annotated[
        str | None,
        typer.Argument(
            help="A type such as sqs.queue, a topic, a code, a saved result or a scenario."
        ),
    ] = None,
    message: Annotated[
        str | None, typer.Option(metavar="Shop#17", help="What happened to one message.")
    ] = None,
    slowest: Annotated[
        int | None, typer.Option(metavar="N", parser=count, help="Those that took longest.")
    ] = None,
    most_received: Annotated[
        int | None, typer.Option(metavar="N", parser=count, help="Those received most often.")
    ] = None,
    dead_lettered: Annotated[
        int | None, typer.Option(metavar="N", parser=count, help="The first dead-lettered ones.")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="KEY", help="The messages of one group or key.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="STREAM[0]", help="The records of one shard.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="12m30s", help="How things stood at a moment.")
    ] = None,
    variant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of one variant; else of each.")
    ] = None,
    set_: Sets = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the random draws.", metavar="N", parser=count)
    ] = None,
) -> None:
    """Print the page of a component, a topic or a code; or what happened in a run.

    \b
      msgsim explain sqs.queue
      msgsim explain limits
      msgsim explain E201
      msgsim explain poison_message --message A#5
      msgsim explain poison_message --most-received 2
      msgsim explain poison_message --at 1m10s
    """
    asked = {
        "message": message,
        "slowest": slowest,
        "most_received": most_received,
        "dead_lettered": dead_lettered,
        "group": group,
        "shard": shard,
        "at": at,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    if not given and variant is None and not set_ and seed is None:
        explain_subject(what)
        return
    if what is None or len(given) != 1:
        text = "say of which run, and one thing to tell"
        hint = "such as `msgsim explain fanout --slowest 5`"
        raise ProblemError([Problem("E172", text, None, hint)])
    from msgsim.commands._retelling import retold

    runs = chosen_variant(told_by_name(what, set_ or [], seed), variant)
    name, value = next(iter(given.items()))
    print("\n\n".join(retold(runs, name, value)))


def explain_subject(what: str | None) -> None:
    """Print the page of a kind of component, a topic or a problem code; without one, the list."""
    import msgsim.experiment.saved
    import msgsim.experiment.sweep
    import msgsim.scenario.load  # noqa: F401 - they register the codes of the floors above
    from msgsim.report.codes import code_text
    from msgsim.report.pages import page_text, topics
    from msgsim.report.reference import GENERATED
    from msgsim.services import discover

    if what is not None and _is_saved(what):
        _explain_saved(what)
        return
    pages = {name: service.page for name, service in discover().items()} | topics()
    if what is None:
        print("\n".join(_subjects()))
    elif what in GENERATED:
        print(GENERATED[what]())
    elif what in pages:
        print(page_text(pages[what], what))
    elif what.upper() in CODES:
        print(code_text(what.upper()))
    else:
        guess = did_you_mean(what, [*pages, *GENERATED, *CODES])
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
    from msgsim.experiment.saved import fitting, read
    from msgsim.report.terminal import summary

    options = SimpleNamespace(only_expect=False, quiet=False, verbose=True, color=False)
    results = read(path)
    with fitting([path]):
        print(summary(to_plain(results), options, f"msgsim run {results.scenario.file}"))


def _subjects() -> list[str]:
    """Return what `explain` knows, a line for each sort."""
    from msgsim.report.pages import guide, topics
    from msgsim.report.reference import GENERATED
    from msgsim.services import discover

    about = [name for name in topics() if name not in guide()]
    return [
        f"components: {', '.join(discover())}",
        f"guide: {', '.join(guide())}",
        f"reference: {', '.join(sorted([*about, *GENERATED]))}",
        "codes: such as E201 or W211 (`msgsim explain codes` lists them)",
    ]
