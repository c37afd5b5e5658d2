"""What a run writes besides its summary: checked before it begins, written when it has ended."""

from __future__ import annotations

import json as json_
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgsim.commands._telling import (
    check_format,
    check_sample,
    choice_of,
    file_of,
    told_of,
)
from msgsim.files import check_writable, is_special, make_folder, write_atomically
from msgsim.problems import Problem, ProblemError, quote

if TYPE_CHECKING:
    from msgsim.commands.run import RunOptions

NS_PER_S = 1_000_000_000


def check_outputs(options: RunOptions, scenario: str) -> None:
    """Find out before the run whether everything can be written that is asked for."""
    json_file = options.json if options.json != "-" else None
    files = {
        "--json": json_file,
        "--report": options.report,
        "--save": options.save,
        "--junit": options.junit,
        "--markdown": options.markdown,
        "--trace": options.trace,
        "--metrics": options.metrics,
    }
    _check_apart(files)
    for option, target in files.items():
        if target is not None and option not in ("--trace", "--metrics"):
            _check_target(target, scenario, option)
    if options.plots is not None:
        make_folder(options.plots)
    _check_telling(options, scenario)


def _check_apart(files: Mapping[str, str | None]) -> None:
    """Refuse to write two things into one file, where the later would replace the earlier."""
    seen: dict[str, str] = {}
    for option, target in files.items():
        if target is None or target == "-" or is_special(Path(target)):
            continue
        place = os.path.realpath(target)
        if place in seen:
            message = f"{seen[place]} and {option} write to the same file, {quote(target)}"
            raise ProblemError([Problem("E172", message, None, "name two files")])
        seen[place] = option


def _check_target(target: str, scenario: str, option: str) -> None:
    if target == "-":
        message = f"{option} writes a file; only --json can go to standard output"
        raise ProblemError([Problem("E172", message, None, f"such as {option} out")])
    if scenario != "-" and os.path.exists(target) and Path(target).samefile(scenario):
        message = f"{quote(target)} is the scenario itself, and would be overwritten"
        raise ProblemError([Problem("E172", message, None, "name another file")])
    check_writable(target)


def write_outputs(results: Any, plain: dict[str, Any], options: RunOptions, again: str) -> None:
    """Write what was asked for, and say on standard error what was written."""
    if options.save is not None:
        results.save(options.save)
        print(f"wrote {options.save}", file=sys.stderr)
    if options.junit is not None:
        from msgsim.experiment.junit import add_suite

        add_suite(options.junit, plain, again, anew=options.first)
        print(f"wrote {options.junit}", file=sys.stderr)
    if options.markdown is not None:
        from msgsim.report.markdown import append_summary

        append_summary(options.markdown, plain, again)
        print(f"appended to {options.markdown}", file=sys.stderr)
    if options.json is not None:
        text = json_.dumps(plain, indent=2, allow_nan=False) + "\n"
        if options.json == "-":
            sys.stdout.write(text)
        else:
            write_atomically(options.json, text)
            print(f"wrote {options.json}", file=sys.stderr)
    if options.plots is not None:
        from msgsim.report.draw import draw_all

        written = draw_all(results, plain, options.plots)
        print(f"wrote {len(written)} files to {options.plots}", file=sys.stderr)
    _tell(results, options)
    if options.report is not None:
        from msgsim.report.page import page

        write_atomically(options.report, page(results, plain, again))
        print(f"wrote {options.report}", file=sys.stderr)


def _check_telling(options: RunOptions, scenario: str) -> None:
    """Find out before the run whether traces and metrics can be written as asked."""
    check_format(options.trace_format)
    check_sample(options.trace_sample)
    if options.trace is not None:
        _check_target(options.trace, scenario, "--trace")
    elif options.trace_sample is not None or options.trace_format != "events":
        message = "--trace-format and --trace-sample say how to write a trace"
        raise ProblemError([Problem("E172", message, None, "add --trace FILE")])
    if options.metrics is not None:
        from msgsim.report.metric_data import ending_of

        ending_of(options.metrics)
        _check_target(options.metrics, scenario, "--metrics")


def _tell(results: Any, options: RunOptions) -> None:
    """Run the first replication of each variant again, for its trace and its metrics."""
    if options.trace is None and options.metrics is None:
        return
    if results.partial:
        print("msgsim: interrupted; no trace and no metrics are written", file=sys.stderr)
        return
    runs = told_of(results)
    for variant, told in runs.items():
        if options.trace is not None:
            from msgsim.report.traces import write_trace

            target = file_of(options.trace, variant, len(runs) > 1)
            choice = choice_of(options.trace_sample, told)
            write_trace(target, told, options.trace_format, choice)
            print(f"wrote {target}", file=sys.stderr)
        if options.metrics is not None:
            from msgsim.report.metric_data import write_metrics

            target = file_of(options.metrics, variant, len(runs) > 1)
            write_metrics(target, told, options.metrics_period_s * NS_PER_S)
            print(f"wrote {target}", file=sys.stderr)
