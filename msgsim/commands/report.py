"""`msgsim report`: the HTML page of results that were saved, without running anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from msgsim.files import check_writable, make_folder, write_atomically

PLACE = 45


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(report)


def report(
    saved: Annotated[
        list[str], typer.Argument(metavar="RESULT…", help="Files that `--save` wrote.")
    ],
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE", help="The page (RESULT.html).")
    ] = None,
    plots: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write the figures as PNG and SVG, too.")
    ] = None,
) -> None:
    """Write the page of saved results; several are shown side by side.

    \b
      msgsim run hello --save hello.msgsim -q
      msgsim report hello.msgsim --out hello.html
      msgsim report hello.msgsim hello.msgsim -o both.html --plots pictures
    """
    from msgsim.experiment.compare import together
    from msgsim.experiment.result import to_plain
    from msgsim.experiment.saved import read
    from msgsim.report.draw import draw_all
    from msgsim.report.page import page

    target = out if out is not None else str(Path(saved[0]).with_suffix(".html"))
    check_writable(target)
    if plots is not None:
        make_folder(plots)
    found = [(Path(path).stem, read(path)) for path in saved]
    results = found[0][1] if len(found) == 1 else together(found)
    plain = to_plain(results)
    write_atomically(target, page(results, plain, f"msgsim report {' '.join(saved)}"))
    print(f"wrote {target}", file=sys.stderr)
    if plots is not None:
        written = draw_all(results, plain, plots)
        print(f"wrote {len(written)} files to {plots}", file=sys.stderr)
