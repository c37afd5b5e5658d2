"""Bad input: what is wrong, where, why, and the likely fix; no traceback, no Python words.

`bad/NAME.yaml` is the input, `bad/NAME.txt` the whole text a user sees. A line of it that ends with
`…` gives only the beginning: what follows grows with msgsim (such as the list of types).
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from msgsim.problems import ProblemError, render
from msgsim.scenario.build import build
from msgsim.scenario.load import load, load_text, variants_of
from msgsim.scenario.reader import MAX_TEXT

BAD = Path(__file__).parent / "bad"
FILES = sorted(path.stem for path in BAD.glob("*.yaml"))
FOREIGN_WORDS = re.compile(
    r"Traceback|pydantic|NoneType|validation error|[Ii]nput should|<class|object at 0x|"
    r"\b(KeyError|ValueError|TypeError|AttributeError|dict|str|int|float|tuple|None|True|False)\b"
)
LONGEST_S = 5.0


def refusal(name: str, monkeypatch: pytest.MonkeyPatch) -> ProblemError:
    """What reading the scenario, its variants and the files it names says."""
    monkeypatch.chdir(BAD)
    with pytest.raises(ProblemError) as caught:
        prepare(f"{name}.yaml")
    return caught.value


def prepare(file: str) -> None:
    """Do all that comes before a run."""
    for variant in variants_of(load(file)).values():
        build(variant)


@pytest.mark.parametrize("name", FILES)
def test_the_text_is_the_one_reviewed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refusal(name, monkeypatch)
    shown = render(error.problems, error.sources).splitlines()
    wanted = (BAD / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    for line in range(min(len(shown), len(wanted))):
        if wanted[line].endswith("…"):
            assert shown[line].startswith(wanted[line].removesuffix("…"))
        else:
            assert shown[line] == wanted[line]
    assert len(shown) == len(wanted)


@pytest.mark.parametrize("name", FILES)
def test_it_says_where_in_plain_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refusal(name, monkeypatch)
    text = render(error.problems, error.sources)
    user_wrote = (BAD / f"{name}.yaml").read_text(encoding="utf-8")
    for word in FOREIGN_WORDS.findall(text.replace(user_wrote, "")):
        assert word in user_wrote
    assert any(problem.severity == "error" for problem in error.problems)
    lines = user_wrote.split("\n")
    for problem in error.problems:
        if problem.place is None:
            assert problem.code == "E143"  # what is not there stands nowhere
            continue
        assert problem.place.file == f"{name}.yaml"
        line = lines[problem.place.line - 1]
        assert 1 <= problem.place.column <= len(line) + 1
    assert len({str(problem) for problem in error.problems}) == len(error.problems), "said twice"


def test_every_file_has_its_text() -> None:
    assert sorted(path.stem for path in BAD.glob("*.txt")) == FILES
    assert len(FILES) >= 30


def test_files_that_cannot_be_made_here(tmp_path: Path) -> None:
    """Missing, a folder, binary, too large: one sentence each, without a place in the text."""
    (tmp_path / "binary.yaml").write_bytes(b"msgsim: \xff\xfe1\n")
    (tmp_path / "large.yaml").write_bytes(b"#" * (MAX_TEXT + 1))
    cases = {
        "missing.yaml": "E110",
        ".": "E111",
        "binary.yaml": "E111",
        "large.yaml": "E112",
    }
    for name, code in cases.items():
        with pytest.raises(ProblemError) as caught:
            load(tmp_path / name)
        assert [problem.code for problem in caught.value.problems] == [code]


# Whatever the text, only a ProblemError ------------------------------------------------------

VALID = """\
msgsim: 1
question: Does one slow subscriber delay the others?
seed: 42
duration: 10m
warm_up: 1m
account: {Region: us-east-1, ConcurrentExecutions: 500}
resources:
  Orders:
    type: sns.topic
    Subscription:
      - {Protocol: sqs, Endpoint: Billing, FilterPolicy: {kind: [{prefix: or}, pay]}}
      - {Protocol: sqs, Endpoint: Audit}
  Billing:
    type: sqs.queue
    VisibilityTimeout: 60
    RedrivePolicy: {deadLetterTargetArn: BillingDlq, maxReceiveCount: 5}
  BillingDlq: {type: sqs.queue}
  Audit: {type: sqs.queue, FifoQueue: false, DelaySeconds: 5s}
  BillingFn:
    type: lambda.function
    Timeout: 5
    handler: {time: {dist: lognormal, mean: 200ms, p99: 1s}, fails: 1%}
  BillingMap:
    type: lambda.event_source_mapping
    EventSourceArn: Billing
    FunctionName: BillingFn
    BatchSize: 10
    FunctionResponseTypes: [ReportBatchItemFailures]
  Workers:
    type: worker.fleet
    queue: Audit
    workers: 2
    handler: {time: {dist: exponential, mean: 200ms}, fails_if: {poison: true}}
    crash: [{at: 3m, worker: 1, restart_after: 30s}]
workload:
  - {name: Shop, to: Orders, arrivals: {poisson: 50/s}, keys: {zipf: 120, exponent: 1.1}, until: 8m}
  - {to: Audit, rate: 5/s, size: {dist: uniform, low: 1KiB, high: 2KiB}, from: 10s}
faults:
  - {at: 3m, for: 30s, slow: BillingFn, by: 5x}
  - {at: 4m, for: 30s, down: Audit}
assumptions:
  sqs.queue: {hosts: 4, missed_delete_share: 0.001}
expect:
  - Billing.latency.p99 < 5s
  - {that: Audit.lost == 0, level: warn, because: it matters}
variants:
  plain:
  late: {Audit.DelaySeconds: 30, "workload[1].keys": 3}
sweep: {Billing.VisibilityTimeout: [30, 60]}
"""
WORDS = sorted(set(re.findall(r"[\w.%/]+", VALID)))
SWAPS = st.sampled_from(
    [
        ".nan", ".inf", "-1", "0", "1e999", "9" * 400, "1e-999", "0x10", "010", "1:30", "~", "null",
        "''", "[]", "{}", "[[[[]]]]", "[a, [b, {c: d}]]", "{a: {b: [1]}}", "yes", "true", "!!str x",
        "&a b", "*a", "<<", "'", '"', "- - -", "? x", "# x", "|", "%", "\x00", "\x07", "\u202e",
        "\ud800", "\x85", "😀" * 30, "a b", "a: b", "-5x", "1e400/s", "150%", "99999d", "-3m",
        "1e30", "=", "@", "`", "{{ x }}", "${X}", "!Ref Billing", "٣", "1_000", "0s", "1/0s", "١s",
    ]
)  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The valid text with a few lines deleted, doubled, moved or replaced, and words swapped."""
    lines = VALID.split("\n")
    for _ in range(draw(st.integers(1, 4))):
        row = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["swap", "swap", "word", "delete", "double", "move", "indent"]))
        if how == "delete" and len(lines) > 1:
            del lines[row]
        elif how == "double":
            lines.insert(row, lines[row])
        elif how == "move":
            lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(row))
        elif how == "indent":
            lines[row] = " " * draw(st.integers(0, 6)) + lines[row].lstrip()
        elif how in {"swap", "word"}:
            words = list(re.finditer(r"[\w.%/]+", lines[row]))
            if words:
                word = words[draw(st.integers(0, len(words) - 1))]
                new = draw(SWAPS if how == "swap" else st.sampled_from(WORDS))
                lines[row] = lines[row][: word.start()] + new + lines[row][word.end() :]
    return "\n".join(lines)


def read(text: str, overrides: tuple[str, ...] = ()) -> None:
    """Read a scenario with its variants; only a ProblemError that can be shown may escape."""
    begun = time.perf_counter()
    try:
        variants_of(load_text(text, overrides=overrides))
    except ProblemError as error:
        shown = render(error.problems, error.sources)
        assert shown
        assert not re.search(r"Traceback|pydantic|NoneType|Input should|object at 0x", shown)
    assert time.perf_counter() - begun < LONGEST_S


def test_the_valid_scenario_is_valid() -> None:
    assert set(variants_of(load_text(VALID))) == {"plain", "late"}


@given(text=mutations())
@settings(max_examples=200)
def test_mutated_scenarios(text: str) -> None:
    read(text)


PATHS = st.sampled_from(
    [
        "seed", "duration", "Billing.VisibilityTimeout", "workload[0].arrivals", "workload[9].rate",
        "resources.Billing", "Billing", "BillingFn.handler.time", "account", "expect", "expect[0]",
        "Orders.Subscription[1].Endpoint", "faults[0]", "variants.late", "assumptions.sqs.queue",
        'assumptions."sqs.queue".hosts', "x", "", "..", "Workers.crash[0].worker", "Audit.type",
        "sweep", "Billing.RedrivePolicy", "resources", "workload", "msgsim", "workload[0].keys",
    ]
)  # fmt: skip


@given(sets=st.lists(st.tuples(PATHS, st.sampled_from(["=", "=", "=", ""]), SWAPS), max_size=3))
@settings(max_examples=150)
def test_mutated_overrides(sets: list[tuple[str, str, str]]) -> None:
    read(VALID, tuple("".join(parts) for parts in sets))


@given(text=st.text(max_size=200))
@settings(max_examples=100)
def test_any_text(text: str) -> None:
    read(text)


def test_faults_of_every_pass_are_reported_together() -> None:
    """A bad seed, a misspelt property, a dangling name and what AWS refuses: all in one go."""
    text = """
msgsim: 1
seed: -1
duration: 1m
resources:
  A: {type: sqs.queue, VisibiltyTimeout: 3}
  B: {type: sqs.queue, RedrivePolicy: {deadLetterTargetArn: Nowhere, maxReceiveCount: 3}}
  Fn: {type: lambda.function, Timeout: 60, handler: {time: 1s}}
  C: {type: sqs.queue, VisibilityTimeout: 30}
  Map: {type: lambda.event_source_mapping, EventSourceArn: C, FunctionName: Fn}
workload:
  - {to: B, rate: 1/s}
"""
    with pytest.raises(ProblemError) as refused:
        load_text(text)
    codes = [problem.code for problem in refused.value.problems]
    assert sorted(code for code in codes if code[0] == "E") == ["E103", "E109", "E140", "E210"]
