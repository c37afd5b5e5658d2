"""The command line: parse, call, print. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer

from msgsim import cli_fuzz
from msgsim.problems import ProblemError, render
from msgsim.version import __version__

OK, FAILED, CANNOT, GUARD, STRICT, CRASH, INTERRUPTED = 0, 1, 2, 3, 4, 70, 130

MOST_DIGITS = 18

HELP = """Simulate AWS messaging (SNS, SQS, Kinesis, Lambda) before you deploy it.

\b
  msgsim run fanout
  msgsim run scenarios/standard_vs_fifo.yaml --plots pictures
  msgsim validate mine.yaml
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)

Files = Annotated[list[str], typer.Argument(metavar="FILE|-", help="Scenario files or names.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="PATH=VALUE", help="Override one value; repeatable."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only what failed.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="List assumptions and advice.")]
Color = Annotated[str, typer.Option(metavar="WHEN", help="auto, always or never.")]


def _count(text: str) -> int:
    """Read a whole number that is not negative."""
    if not str(text).isdecimal() or len(str(text)) > MOST_DIGITS:
        raise typer.BadParameter(f"{text!r} is not a whole number, such as 42")
    return int(text)


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


@app.command()
def run(
    files: Files,
    set_: Sets = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the random draws.", metavar="N", parser=_count)
    ] = None,
    duration: Annotated[str | None, typer.Option(help="How long to simulate, as 10m.")] = None,
    replications: Annotated[
        int | None, typer.Option(help="Repeat with new draws.", metavar="N", parser=_count)
    ] = None,
    json: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write everything as JSON.")
    ] = None,
    report: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write one self-contained HTML page.")
    ] = None,
    plots: Annotated[
        str | None, typer.Option(metavar="DIR", help="Write the figures as PNG and SVG.")
    ] = None,
    only_expect: Annotated[bool, typer.Option(help="Print the expectations alone.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Watch every invariant.")] = False,
    repeat_check: Annotated[
        bool, typer.Option("--repeat-check", help="Run twice and compare all facts.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    color: Color = "auto",
    progress: Annotated[bool, typer.Option(help="Show progress on a terminal.")] = True,
) -> None:
    """Simulate scenarios, print what happened and judge what was expected.

    \b
      msgsim run fanout
      msgsim run fanout --set Billing.VisibilityTimeout=60 --seed 7
      msgsim run mine.yaml --json result.json --plots pictures -q
      msgsim run - --json - -q < mine.yaml
    """
    from msgsim.commands import RunOptions, run_files

    options = RunOptions(
        overrides=_overrides(set_, duration),
        seed=seed,
        replications=replications,
        json=json,
        report=report,
        plots=plots,
        only_expect=only_expect,
        quiet=quiet,
        verbose=verbose,
        color=_use_color(color),
        progress=progress,
        check=check,
        repeat_check=repeat_check,
    )
    raise typer.Exit(run_files(files, options))


@app.command()
def validate(
    files: Files,
    set_: Sets = None,
    format_: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
    strict: Annotated[bool, typer.Option(help="Warnings fail too (exit 4).")] = False,
    resolved: Annotated[bool, typer.Option(help="Print it with every default filled in.")] = False,
    color: Color = "auto",
) -> None:
    """Check scenarios without running them: what AWS refuses, advises against, or makes no sense.

    \b
      msgsim validate scenarios/fanout.yaml
      msgsim validate mine.yaml --strict --format json
      msgsim validate mine.yaml --resolved
    """
    from msgsim.commands import validate_files

    code = validate_files(
        files, set_ or [], format_, strict=strict, resolved=resolved, color=_use_color(color)
    )
    raise typer.Exit(code)


@app.command("list")
def list_() -> None:
    """List the scenarios that come along, with the question each answers.

    \b
      msgsim list
    """
    from msgsim.commands import list_scenarios

    list_scenarios()


@app.command()
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
    from msgsim.commands import new_scenario

    new_scenario(name, from_, force)


@app.command()
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
    from msgsim.commands import explain_subject

    explain_subject(what)


@app.command()
def schema(
    write: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write it instead of printing it.")
    ] = None,
) -> None:
    """Print the JSON Schema of scenario files, for completion in editors.

    \b
      msgsim schema --write msgsim.schema.json
    """
    from msgsim.commands import print_schema

    print_schema(write)


def _overrides(set_: list[str] | None, duration: str | None) -> list[str]:
    given = list(set_ or [])
    return [*given, f"duration={duration}"] if duration is not None else given


def _use_color(when: str) -> bool:
    if when == "auto":
        return sys.stdout.isatty() and "NO_COLOR" not in os.environ
    if when not in {"always", "never"}:
        raise typer.BadParameter(f"--color is auto, always or never, not {when!r}")
    return when == "always"


cli_fuzz.register(app)


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
    raise SystemExit(code)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exits with the documented code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without UTF-8 shows ? and goes on
            stream.reconfigure(errors="replace")
    run_app: Callable[..., Any] = app
    with _guarded():
        code = run_app(args=arguments, prog_name="msgsim", standalone_mode=False)
        sys.stdout.flush()
        _leave(int(code or OK))
