"""The command line: the verbs of `commands/` under one roof, and what becomes of errors.

Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer

from msgsim.commands import register_all
from msgsim.commands._options import CANNOT, CRASH, GUARD, INTERRUPTED, OK
from msgsim.commands._signals import endings_are_said, exit_code
from msgsim.problems import ProblemError, render
from msgsim.version import __version__

HELP = """\b
Simulate AWS messaging (SNS, SQS, Kinesis, Lambda) before you deploy it.
  msgsim run fanout
  msgsim compare standard_vs_fifo --replications 10
  msgsim sweep hello --set Workers.workers=2,3,4 --out sizes
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from msgsim.experiment.run import versions

        found = versions()
        print(" · ".join(f"{name} {version}" for name, version in found.items()))
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Versions.")
    ] = False,
) -> None:
    """Carry the options of `msgsim` itself."""


register_all(app)


@contextmanager
def _guarded() -> Iterator[None]:
    """Turn what can go wrong into the documented exit codes, never a traceback."""
    try:
        yield
    except ProblemError as error:
        color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
        print(render(error.problems, error.sources, color=color), file=sys.stderr)
        _leave(CANNOT)
    except KeyboardInterrupt:
        print("msgsim: interrupted", file=sys.stderr)
        _leave(INTERRUPTED)
    except MemoryError:
        print("msgsim: out of memory; fewer resources need less", file=sys.stderr)
        _leave(GUARD)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until exit
        _leave(OK)
    except Exception as error:
        if type(error).__name__ == "BudgetExceeded":
            print(f"msgsim: {error}: the model feeds itself", file=sys.stderr)
            _leave(GUARD)
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # a usage error of Typer
            error.show()
            _leave(CANNOT)
        _crash(error)


def _crash(error: Exception) -> NoReturn:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="msgsim-crash-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"msgsim {__version__}\n{' '.join(sys.argv)}\n\n{traceback.format_exc()}")
    print(f"msgsim: internal error, a bug of ours: {type(error).__name__}", file=sys.stderr)
    print(f"        please report it with {file.name}", file=sys.stderr)
    _leave(CRASH)


def _leave(code: int) -> NoReturn:
    raise SystemExit(exit_code(code))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with the documented code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without UTF-8 shows ? and goes on
            stream.reconfigure(errors="replace")
    run_app: Callable[..., Any] = app
    with _guarded(), endings_are_said():
        code = run_app(args=arguments, prog_name="msgsim", standalone_mode=False)
        sys.stdout.flush()
        _leave(int(code or OK))
