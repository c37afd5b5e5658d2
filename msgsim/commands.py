"""What the verbs do, apart from parsing their arguments."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgsim.bundled import scenario_names, scenario_path
from msgsim.files import check_writable, make_folder, write_atomically
from msgsim.problems import (
    CODES,
    Problem,
    ProblemError,
    did_you_mean,
    quote,
    register,
    render,
    to_json,
)

INTERRUPTED = 130
MOST_VIOLATIONS = 5

register("E170", "nothing of that name")
register("E171", "the file exists")
register("E172", "options that do not go together")


@dataclass(frozen=True)
class RunOptions:
    """The options of `msgsim run`."""

    overrides: list[str] = field(default_factory=list)
    seed: int | None = None
    replications: int | None = None
    json: str | None = None
    report: str | None = None
    plots: str | None = None
    only_expect: bool = False
    quiet: bool = False
    verbose: bool = False
    color: bool = False
    progress: bool = True
    check: bool = False
    repeat_check: bool = False


def run_files(files: Sequence[str], options: RunOptions) -> int:
    """Run each file; return the exit code of the worst."""
    if len(files) > 1 and (options.json or options.report or options.plots):
        message = "--json, --report and --plots take one scenario at a time"
        raise ProblemError([Problem("E172", message, None, "run them one by one")])
    worst = 0
    for file in files:
        worst = max(worst, _run_file(file, options))
        if worst == INTERRUPTED:
            break
    return worst


def _run_file(file: str, options: RunOptions) -> int:
    from msgsim.experiment.result import to_plain
    from msgsim.experiment.session import run_all
    from msgsim.report.terminal import summary
    from msgsim.scenario.load import load

    path = find_scenario(file)
    scenario = load(path, options.overrides)
    for target in (options.json if options.json != "-" else None, options.report):
        if target is not None:
            _check_target(target, path)
    if options.plots is not None:
        make_folder(options.plots)
    with _interruptible() as stop, _progress_bar(options.progress) as progress:
        results = run_all(
            scenario,
            seed=options.seed,
            replications=options.replications,
            progress=progress,
            stop=stop,
            check=options.check,
        )
    plain = to_plain(results)
    if options.json != "-":
        text = summary(plain, options, _again(file, options))
        if text:
            print(text)
    _write_outputs(results, plain, options, _again(file, options))
    if results.partial:
        print("msgsim: interrupted; the results are partial", file=sys.stderr)
        return INTERRUPTED
    if tell_violations(results.runs) or (options.repeat_check and tell_difference(results)):
        return 3
    return 1 if results.failed else 0


def tell_violations(runs: Sequence[Any]) -> bool:
    """Say which invariants were broken, when and by which message; return whether any was."""
    broken = [each for run in runs for each in run.violations]
    for violation in broken[:MOST_VIOLATIONS]:
        print(f"msgsim: the model broke an invariant: {violation}", file=sys.stderr)
    if len(broken) > MOST_VIOLATIONS:
        print(f"msgsim: and {len(broken) - MOST_VIOLATIONS} more", file=sys.stderr)
    return bool(broken)


def tell_difference(results: Any) -> bool:
    """Run each variant twice more, and say where the two differ; return whether they do."""
    from msgsim.experiment.repeat import difference

    for name, run in results.firsts().items():
        found = difference(run.scenario, run.seed)
        variant = f"{name}: " if name else ""
        if found is not None:
            print(f"msgsim: {variant}{found}", file=sys.stderr)
            return True
        print(f"{variant}two runs are the same, fact by fact", file=sys.stderr)
    return False


def _check_target(target: str, scenario: str) -> None:
    if target == "-":
        message = "--report writes a file; only --json can go to standard output"
        raise ProblemError([Problem("E172", message, None, "such as --report out.html")])
    if scenario != "-" and Path(target).exists() and Path(target).samefile(scenario):
        message = f"{quote(target)} is the scenario itself, and would be overwritten"
        raise ProblemError([Problem("E172", message, None, "name another file")])
    check_writable(target)


def _write_outputs(results: Any, plain: dict[str, Any], options: RunOptions, again: str) -> None:
    if options.json is not None:
        text = json.dumps(plain, indent=2, allow_nan=False) + "\n"
        if options.json == "-":
            sys.stdout.write(text)
        else:
            write_atomically(options.json, text)
            print(f"wrote {options.json}", file=sys.stderr)
    if options.plots is not None:
        from msgsim.report.draw import draw_all

        written = draw_all(results, plain, options.plots)
        print(f"wrote {len(written)} files to {options.plots}", file=sys.stderr)
    if options.report is not None:
        from msgsim.report.page import page

        write_atomically(options.report, page(results, plain, again))
        print(f"wrote {options.report}", file=sys.stderr)


def _again(file: str, options: RunOptions) -> str:
    import shlex

    words = ["msgsim", "run", file]
    for override in options.overrides:
        words += ["--set", override]
    if options.replications is not None:
        words += ["--replications", str(options.replications)]
    return shlex.join(words)


def find_scenario(file: str) -> str:
    """Return the path of a scenario: a file as it is, or a bundled one by its bare name."""
    if file == "-" or Path(file).is_file():
        return file
    try:
        return str(scenario_path(file))
    except KeyError:
        if file.endswith((".yaml", ".yml")) or Path(file).exists():
            return file  # reading it says what is wrong
    message = f"{quote(file)} is neither a file nor a bundled scenario"
    raise ProblemError([Problem("E110", message, None, _which(file))])


def _which(name: str) -> str:
    guess = did_you_mean(name, scenario_names())
    return f"did you mean {guess}?" if guess else f"bundled: {', '.join(scenario_names())}"


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C end the run between two steps; the second ends it at once."""
    hit: list[int] = []

    def note(number: int, frame: Any) -> None:
        if hit:
            raise KeyboardInterrupt
        hit.append(number)

    try:
        before = signal.signal(signal.SIGINT, note)
    except ValueError:  # not the main thread: leave signals alone
        yield lambda: False
        return
    try:
        yield lambda: bool(hit)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress_bar(wanted: bool) -> Iterator[Callable[[str, float, int], None] | None]:
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} % of simulated time · {task.fields[events]:,} events"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("simulating", total=1.0, events=0)

        def show(variant: str, share: float, events: int) -> None:
            bar.update(task, completed=share, events=events, description=variant or "simulating")

        yield show


def validate_files(
    files: Sequence[str],
    overrides: Sequence[str],
    form: str,
    *,
    strict: bool = False,
    resolved: bool = False,
    color: bool = False,
) -> int:
    """Check files and print what was found; return the exit code."""
    if form not in {"text", "json"}:
        message = f"--format is text or json, not {quote(form)}"
        raise ProblemError([Problem("E172", message)])
    worst = 0
    found: list[dict[str, Any]] = []
    for file in files:
        worst = max(worst, _validate(file, overrides, form, strict, resolved, color, found))
    if form == "json":
        print(json.dumps(found, indent=2))
    return worst


def _validate(
    file: str,
    overrides: Sequence[str],
    form: str,
    strict: bool,
    resolved: bool,
    color: bool,
    found: list[dict[str, Any]],
) -> int:
    from msgsim.experiment.session import check_rules
    from msgsim.scenario.load import load
    from msgsim.scenario.resolved import resolved_text

    try:
        scenario = load(find_scenario(file), overrides)
        check_rules(scenario)
    except ProblemError as error:
        found.extend(to_json(error.problems))
        if form == "text":
            print(render(error.problems, error.sources, color=color), file=sys.stderr)
        return 2
    warnings = list(scenario.warnings)
    found.extend(to_json(warnings))
    if form == "text":
        if warnings:
            print(render(warnings, dict(scenario.sources), color=color), file=sys.stderr)
        if resolved:
            print(resolved_text(scenario))
        else:
            pieces = "1 piece" if len(warnings) == 1 else f"{len(warnings)} pieces"
            advice = f", {pieces} of advice" if warnings else ""
            print(f"{file}: valid{advice}")
    return 4 if strict and warnings else 0


def list_scenarios() -> None:
    """Print the bundled scenarios with their questions, those in folders after the others."""
    from msgsim.scenario.load import load

    names = scenario_names()
    width = max((len(name) for name in names), default=0)
    group = ""
    for name in names:
        folder = name.rpartition("/")[0]
        if folder != group:
            group = folder
            print(f"\n{folder}:")
        print(f"{name:<{width}}  {load(scenario_path(name)).question}")


def new_scenario(target: str, source: str, force: bool) -> None:
    """Copy a bundled scenario to `target`."""
    try:
        original = scenario_path(source)
    except KeyError:
        message = f"no bundled scenario is called {quote(source)}"
        raise ProblemError([Problem("E170", message, None, _which(source))]) from None
    if Path(target).exists() and not force:
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


def explain_subject(what: str | None) -> None:
    """Print the page of a kind of component, a topic or a problem code; without one, the list."""
    import msgsim.experiment.judge
    import msgsim.scenario.load  # noqa: F401 - both register the codes of the floors above
    from msgsim.report.codes import code_text
    from msgsim.report.pages import page_text, topics
    from msgsim.services import discover

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


def _subjects() -> list[str]:
    """Return what `explain` knows, a line for each sort."""
    from msgsim.report.pages import topics
    from msgsim.services import discover

    return [
        f"components: {', '.join(discover())}",
        f"topics: {', '.join(topics())}",
        "codes: such as E201 or W211 (topic `scenario` lists them)",
    ]


def print_schema(target: str | None) -> None:
    """Print the JSON Schema, or write it to `target`."""
    from msgsim.scenario.json_schema import json_schema

    text = json.dumps(json_schema(), indent=2) + "\n"
    if target is None:
        sys.stdout.write(text)
    else:
        write_atomically(target, text)
        print(f"wrote {target}", file=sys.stderr)
