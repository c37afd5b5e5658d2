"""`msgsim list` and `msgsim new`: the scenarios that come along."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from msgsim.bundled import scenario_path
from msgsim.commands._shared import which
from msgsim.files import write_atomically
from msgsim.problems import Problem, ProblemError, did_you_mean, quote

PLACE = 60


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("list")(list_)
    app.command()(new)


def list_(
    topic: Annotated[
        str | None, typer.Option(metavar="TOPIC", help="Only this topic, such as fifo.")
    ] = None,
) -> None:
    """List the scenarios that come along by topic, with the question each answers.

    \b
      msgsim list
      msgsim list --topic fifo
    """
    list_scenarios(topic)


def new(
    name: Annotated[str, typer.Argument(help="File to write.")] = "scenario.yaml",
    from_: Annotated[str, typer.Option("--from", help="Scenario to copy.")] = "hello",
    force: Annotated[bool, typer.Option(help="Overwrite the file.")] = False,
) -> None:
    """Copy a scenario that comes along, to start from.

    \b
      msgsim new mine.yaml
      msgsim new mine.yaml --from fanout
    """
    new_scenario(name, from_, force)


def list_scenarios(topic: str | None = None) -> None:
    """Print the bundled scenarios with their questions, by topic."""
    from msgsim.report.learning import list_text
    from msgsim.scenario.lesson import TOPICS

    if topic is not None and topic not in TOPICS:
        guess = did_you_mean(topic, TOPICS)
        hint = f"did you mean {guess}?" if guess else f"topics: {', '.join(TOPICS)}"
        raise ProblemError([Problem("E170", f"no topic is called {quote(topic)}", None, hint)])
    print(list_text(topic))


def new_scenario(target: str, source: str, force: bool) -> None:
    """Copy a bundled scenario to `target`."""
    try:
        original = scenario_path(source)
    except KeyError:
        message = f"no bundled scenario is called {quote(source)}"
        raise ProblemError([Problem("E170", message, None, which(source))]) from None
    if os.path.exists(target) and not force:
        message = f"{quote(target)} exists"
        raise ProblemError([Problem("E171", message, None, "choose another name, or --force")])
    text = original.read_text(encoding="utf-8")
    write_atomically(target, text)
    print(f"wrote {target}: run it with `msgsim run {target}`")
    for recording in _recordings(text, original.parent):
        copy = Path(target).parent / recording.name
        if not copy.exists():
            write_atomically(copy, recording.read_bytes())
            print(f"wrote {copy}, which it replays")
    print("for completion in an editor: `msgsim schema --write msgsim.schema.json`")


def _recordings(text: str, folder: Path) -> list[Path]:
    """Return the files beside a scenario that it names."""
    names = re.findall(r"[\w.-]+\.(?:csv|jsonl|ndjson|json)\b", text)
    return [folder / name for name in dict.fromkeys(names) if (folder / name).is_file()]
