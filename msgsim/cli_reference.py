"""The reference of the command line, made from what Typer knows about it.

`python -m msgsim.cli_reference` prints `msgsim/guide/commands.md`; a test keeps that current.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from msgsim.cli import app

HEAD = """# commands

Every verb with its arguments and options, as `msgsim VERB --help` shows them. Results go to
standard output, everything else to standard error.

| exit code | meaning |
|---|---|
| 0 | done; every expectation is met, a lab is solved |
| 1 | an expectation is not met, a lab is not solved yet |
| 2 | the file, an option or a name cannot be used |
| 3 | the model is suspect, or the memory is used up |
| 4 | `validate --strict` found advice |
| 70 | a bug of msgsim |
| 130 | interrupted (Ctrl-C); results are partial |
| 143 | terminated (SIGTERM); results are partial |
"""


def page() -> str:
    """Return the page in Markdown."""
    commands: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    blocks = [HEAD]
    for name, command in commands.items():
        blocks.append("\n".join(_command(name, command)))
    return "\n".join(blocks)


def _command(name: str, command: Any) -> Iterator[str]:
    text, _, examples = inspect.cleandoc(command.help or "").partition("\b")
    yield f"## msgsim {name}\n"
    yield " ".join(text.split()) + "\n"
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    if lines:
        yield "\n".join(["```text", *lines, "```"]) + "\n"
    rows = [_row(each) for each in command.params if each.name != "help"]
    if rows:
        yield "| argument or option | meaning |\n|---|---|"
        yield "\n".join(rows)
    yield ""


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        shown = parameter.metavar or parameter.name
    else:
        shown = ", ".join([*parameter.opts, *parameter.secondary_opts])
        if parameter.metavar:
            shown += f" {parameter.metavar}"
    meaning = (parameter.help or "").replace("|", "\\|")
    return f"| `{shown.replace('|', chr(92) + '|')}` | {meaning} |"


if __name__ == "__main__":
    print(page(), end="")
