"""`msgsim fuzz`: random scenarios, run with every invariant on; failures become small files."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from msgsim.commands._options import GUARD
from msgsim.commands._options import count as count_of

PLACE = 90


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(fuzz)


def fuzz(
    seconds: Annotated[float, typer.Option(metavar="S", min=0, help="How long.")] = 60.0,
    seed: Annotated[int, typer.Option(metavar="N", parser=count_of, help="Seed of the first.")] = 0,
    count: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Stop after so many, however long.")
    ] = None,
    failures: Annotated[int, typer.Option(metavar="N", min=1, help="Stop after so many.")] = 1,
    shrink: Annotated[
        float, typer.Option(metavar="S", min=0, help="Longest time to make one smaller.")
    ] = 60.0,
    keep: Annotated[
        str, typer.Option(metavar="DIR", help="Where scenarios that fail are kept.")
    ] = "fuzz-failures",
) -> None:
    """Run random systems; shrink what breaks an invariant.

    \b
      msgsim fuzz --seconds 60
      msgsim fuzz --seed 1000 --count 500 --keep failures
    """
    from msgsim.experiment.fuzz import run_campaign

    campaign = run_campaign(
        first_seed=seed,
        seconds=None if count is not None else seconds,
        count=count,
        keep=keep,
        most_failures=failures,
        shrink_s=shrink,
        tell=_progress if sys.stderr.isatty() else None,
    )
    for found in campaign.found:
        print(f"seed {found.seed}: {found.failure.detail}", file=sys.stderr)
        print(f"  as small as it gets: {found.file}", file=sys.stderr)
        print(f"  again: msgsim run {found.file} --check --repeat-check", file=sys.stderr)
    last = campaign.next_seed - 1
    plural = "scenario" if campaign.runs == 1 else "scenarios"
    print(f"{campaign.runs} {plural} (seeds {seed} to {last}), {len(campaign.found)} failed")
    raise typer.Exit(GUARD if campaign.found else 0)


def _progress(campaign: Any) -> None:
    sys.stderr.write(f"\r{campaign.runs} scenarios, {len(campaign.found)} failed")
    sys.stderr.flush()
