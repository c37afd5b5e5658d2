"""`msgsim report`: the HTML page of results that were saved, without running anything."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from msgsim.files import check_writable, make_folder, write_atomically

PLACE = 45


THEMES = ("auto", "light", "dark", "projector")
Theme = Annotated[
    str, typer.Option(metavar="NAME", help="light, dark or projector; auto is the reader's.")
]


def known_theme(theme: str) -> str:
    """Return a theme that exists; the rest is a usage error."""
    if theme not in THEMES:
        raise typer.BadParameter(f"--theme is {', '.join(THEMES)}, not {theme!r}")
    return theme


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
    theme: Theme = "auto",
    sections: Annotated[
        str | None, typer.Option(metavar="A,B,…", help="Only these blocks, such as map,twins.")
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
      msgsim report hello.msgsim --theme projector --sections expect,map,order
    """
    from msgsim.experiment.compare import together
    from msgsim.experiment.result import to_plain
    from msgsim.experiment.saved import fitting, read
    from msgsim.report.draw import draw_all
    from msgsim.report.page import page, read_sections

    wanted = read_sections(sections or "")
    theme = known_theme(theme)
    found = [(Path(path).stem, read(path)) for path in saved]
    target = out if out is not None else str(Path(saved[0]).with_suffix(".html"))
    check_writable(target)
    if plots is not None:
        make_folder(plots)
    with fitting(saved):
        results = found[0][1] if len(found) == 1 else together(found)
        plain = to_plain(results)
        again = f"msgsim report {' '.join(saved)}"
        write_atomically(target, page(results, plain, again, theme=theme, sections=wanted))
        print(f"wrote {target}", file=sys.stderr)
        if plots is not None:
            written = draw_all(results, plain, plots)
            print(f"wrote {len(written)} files to {plots}", file=sys.stderr)
