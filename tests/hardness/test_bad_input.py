"""A fixed slice of spoilt inputs: refused with a code or taken, quickly, and never a traceback.

`python -m tests.hardness.bulk` looks at as many as there is time for.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

import msgsim
from msgsim.problems import ProblemError
from tests.hardness import bulk, mutants, questions, results

SLICE = 400
KNOWN = {"refused", "valid", "run", "stopped", "overridden", "replayed", "read", "swept",
         "large sweep", "re-enacted", "resumed", "exit 0", "exit 1", "exit 2"}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SLICE, 100))
def test_spoilt_inputs_are_taken_or_refused(first: int, tmp_path: Path) -> None:
    ended = {bulk.attempt(number, tmp_path) for number in range(first, first + 100)}

    assert {"refused"} < ended <= KNOWN


def test_a_mutant_follows_from_its_number() -> None:
    assert mutants.mutant(7) == mutants.mutant(7) != mutants.mutant(8)
    assert mutants.override(7) == mutants.override(7)


def test_bulk_reports_an_escape(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """What is no problem with a code is an escape, and its number is printed."""
    monkeypatch.setattr(bulk, "load_text", lambda *args, **more: 1 / 0)
    monkeypatch.setattr("sys.argv", ["bulk", "--from", "3", "--count", "5"])

    assert bulk.main() == 1
    assert "input 3 escaped" in capsys.readouterr().err


def test_a_question_follows_from_its_number() -> None:
    for question in (questions.sweep_block, questions.sweep_sets):
        assert question(7) == question(7) != question(8)
    assert questions.comparison(7, "x") == questions.comparison(7, "x")


def test_a_crash_of_the_command_line_is_an_escape(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 70 says that the bug is ours: it is documented, and still no answer to bad input."""
    monkeypatch.setattr("msgsim.cli._crash", lambda error: sys.exit(70))
    monkeypatch.setattr("msgsim.experiment.saved.is_saved", lambda path: 1 / 0)
    with pytest.raises(AssertionError, match="ended with 70"):
        results.called(["compare", "a", "b"])


@pytest.mark.parametrize("verb", ["run", "validate", "compare", "replay", "sweep", "report",
                                  "explain", "lab"])  # fmt: skip
@pytest.mark.parametrize("name", ["x" * 5_000, "x" * 300 + "/" * 3_000, "a\0b", "\u2028", "/"])
def test_names_that_no_file_can_have(verb: str, name: str, tmp_path: Path, monkeypatch) -> None:
    """Found in bulk: a name longer than the file system allows is a problem, not a crash."""
    monkeypatch.chdir(tmp_path)

    assert results.called([verb, *((name, name) if verb == "compare" else (name,))]) == "exit 2"


def test_a_mapping_that_reads_a_fleet_is_refused() -> None:
    """Found in bulk: advice about idempotency keys multiplied a visibility timeout of nothing."""
    with pytest.raises(ProblemError, match=r"E141 M\.EventSourceArn"):
        msgsim.load_text("""
duration: 10s
resources:
  Q: {type: sqs.queue}
  W: {type: worker.fleet, queue: Q, workers: 1, handler: {time: 1s}}
  F: {type: lambda.function, Timeout: 5, handler: {time: 1s, idempotency: {ttl: 1h}}}
  M: {type: lambda.event_source_mapping, EventSourceArn: W, FunctionName: F}
workload: [{to: Q, rate: 1/s}]
""")


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [1,1]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nd: &d [*c,*c,*c]\ne: [*d,*d,*d]\n" * 9,
        "a: &a [*a]\n",
        "deep: " + "[" * 100_000 + "]" * 100_000,
        "deep: " + "{a: " * 20_000 + "1" + "}" * 20_000,
        "duration: " + "9" * 1_000_000 + "s",
        "duration: .nan\nresources: {Q: {type: sqs.queue}}\n",
        "duration: 1e400s\n",
        "\x00",
        "a: \x1b[31m",
        "resources:\n" + "".join(f"  Q{n}: {{type: sqs.queue}}\n" for n in range(1_000_000)),
        "workload: [" + "{to: Q}, " * 30_000 + "]",
        "resources: {../../etc/passwd: {type: sqs.queue}}",
        "resources: {<script>alert(1)</script>: {type: sqs.queue}}",
    ],
    ids=lambda text: repr(text[:20]),
)  # fmt: skip
def test_monsters_are_refused_in_bounded_time(text: str) -> None:
    """Nested aliases, depth, huge numbers, NaN, control characters, 10^6 resources, odd names."""
    begun = time.perf_counter()
    with pytest.raises(ProblemError) as refused:
        msgsim.load_text(text)

    assert refused.value.problems[0].code.startswith("E")
    assert time.perf_counter() - begun < 30


def test_dead_letters_may_go_round_in_a_circle() -> None:
    """Two queues that are each other's dead-letter queue: valid, and the run ends."""
    text = """
duration: 60s
resources:
  A: {type: sqs.queue, VisibilityTimeout: 1,
      RedrivePolicy: {deadLetterTargetArn: B, maxReceiveCount: 1}}
  B: {type: sqs.queue, VisibilityTimeout: 1,
      RedrivePolicy: {deadLetterTargetArn: A, maxReceiveCount: 1}}
  V: {type: worker.fleet, queue: A, workers: 1, handler: {time: 1s, fails: 100%}}
  W: {type: worker.fleet, queue: B, workers: 1, handler: {time: 1s, fails: 100%}}
workload: [{to: A, rate: 1/s}]
"""
    assert msgsim.run(msgsim.load_text(text)).verdicts == []


def test_odd_names_do_no_harm_in_a_report(tmp_path: Path) -> None:
    """Text that a user writes reaches the page as text, never as HTML."""
    from msgsim.cli import main

    file = tmp_path / "odd.yaml"
    file.write_text(
        "duration: 5s\nquestion: <script>alert(1)</script>?\n"
        "resources: {Q: {type: sqs.queue}}\n"
        "workload: [{name: S, to: Q, rate: 5/s, keys: {'<img src=x onerror=alert(2)>': 100%}}]\n"
        "expect: [{that: Q.lost == 0, because: '<b>bold</b>'}]\n"
    )
    with pytest.raises(SystemExit):
        main(["run", str(file), "-q", "--report", str(tmp_path / "r.html")])
    page = (tmp_path / "r.html").read_text()
    assert "alert(1)" in page and "<script>alert(1)" not in page
    assert "<img src=x" not in page and "<b>bold" not in page


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("D: {type: dynamodb.stream, partitions: 10000000}", "10,000,000 partitions"),
        ("S: {type: kinesis.stream}\n  C: {type: kinesis.consumer, StreamARN: S, workers: 9999999, "
         "handler: {time: 1s}}", "9,999,999 workers"),
    ],
)  # fmt: skip
def test_numbers_that_would_fill_the_memory_are_refused(resource: str, words: str) -> None:
    """Found by the guided run: each of them was made before anything could be measured."""
    with pytest.raises(ProblemError, match=words) as refused:
        msgsim.load_text(
            f"duration: 5s\nresources:\n  {resource}\n  Q: {{type: sqs.queue}}\n"
            "workload: [{to: Q, rate: 1/s}]\n"
        )

    assert refused.value.problems[0].code == "E109"
