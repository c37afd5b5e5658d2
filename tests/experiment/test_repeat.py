"""Determinism: the same facts whatever the process, the hash seed, the jobs and the observers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import msgsim
from msgsim.bundled import scenario_path
from msgsim.experiment import repeat
from msgsim.experiment.fuzz import draw_scenario, text_of
from msgsim.experiment.repeat import difference, first_difference, followed, parting
from msgsim.experiment.run import drive, prepare
from msgsim.observe.chain import Chain
from msgsim.observe.trace import Interest, Tracer
from msgsim.observe.trace.spans import SpanBuilder
from msgsim.scenario.load import variants_of
from tests.services.by_hand import Recorder

SMALL = """
duration: 60s
resources:
  Q: {type: sqs.queue, VisibilityTimeout: 5}
  W: {type: worker.fleet, queue: Q, workers: 3,
      handler: {time: {dist: exponential, mean: 300ms}, fails: 10%}}
workload: [{name: P, to: Q, arrivals: {poisson: 5/s}}]
"""


def digest(text: str, *others: object, only: set[str] | None = None) -> str:
    chain = Chain(only)
    drive(prepare(msgsim.load_text(text), observers=[*others, chain]))
    return chain.digest


def test_two_runs_are_the_same_fact_by_fact() -> None:
    """Here, and in another process under another PYTHONHASHSEED."""
    assert difference(msgsim.load(scenario_path("poison_message"))) is None


@pytest.mark.parametrize("seed", range(3))
def test_observers_change_nothing(seed: int) -> None:
    """A recorder of every fact, a tracer and the invariants, attached to random systems."""
    text = text_of(draw_scenario(seed))
    watched = prepare(
        msgsim.load_text(text), check=True, observers=[Recorder(), Tracer(SpanBuilder(print_none))]
    )
    alone = prepare(msgsim.load_text(text))
    drive(watched)
    drive(alone)
    chains = [digest(text), digest(text, Recorder()), digest(text, Tracer(SpanBuilder(print_none)))]

    assert watched.events == alone.events
    assert len(set(chains)) == 1


def print_none(span: object) -> None:
    """Take a span and drop it."""


def test_an_unrelated_component_changes_no_fact_of_the_others() -> None:
    more = SMALL.replace(
        "workload: [", "  Other: {type: sqs.queue}\nworkload: [{name: More, to: Other, rate: 3/s}, "
    )

    assert digest(SMALL, only={"Q", "W", "P"}) == digest(more, only={"Q", "W", "P"})
    assert digest(SMALL) != digest(more)


def test_a_chain_tells_runs_apart() -> None:
    """Another seed, another chain: otherwise equal chains would prove nothing."""
    scenario = msgsim.load_text(SMALL)

    assert followed(scenario, 1, 0)[0] != followed(scenario, 2, 0)[0]
    assert followed(scenario, 1, 0)[0] == followed(scenario, 1, 0)[0]


def test_the_first_moment_at_which_runs_differ_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant: from 20 s on, the run elsewhere has its own way; the first fact of it is shown."""
    scenario = msgsim.load_text(SMALL)

    def elsewhere(scenario, seed, replication, span):
        chain = Chain(span=span)
        run = prepare(scenario, seed=seed, replication=replication, observers=[chain])
        queue = run.system.components["Q"]
        run.system.sim.at(20_250_000_000, lambda: queue.on_empty(run.system.sim.now, None))
        drive(run, look=chain.look)
        return chain.links, chain.facts

    monkeypatch.setattr(repeat, "_elsewhere", elsewhere)
    found = difference(scenario)

    assert found is not None
    assert (found.at_ns, found.second) == (20_250_000_000, "Q empty None")
    assert "two runs differ from 20.250000000 s on" in str(found)


def test_where_chains_part() -> None:
    same = [(10, "a"), (20, "b")]

    assert parting(same, list(same)) is None
    assert parting(same, [(10, "a"), (20, "c")]) == (10, 20)
    assert parting(same, [(10, "a")]) == (10, 20)
    assert first_difference([(11, "x")], [(11, "x"), (12, "y")], (10, 20)).second == "y"
    assert first_difference([], [], (10, 20)).at_ns == 20


def test_the_command_line_compares_two_runs(capsys: pytest.CaptureFixture[str]) -> None:
    from msgsim.cli import main

    with pytest.raises(SystemExit) as left:
        main(["run", str(scenario_path("poison_message")), "-q", "--repeat-check", "--check"])

    assert left.value.code == 0
    assert "two runs are the same, fact by fact" in capsys.readouterr().err


ALL_OBSERVERS = (
    ("nobody", lambda: ()),
    ("interest", lambda: (Interest(),)),
    ("a chain", lambda: (Chain(),)),
    ("a recorder, a tracer and interest",
     lambda: (Recorder(), Tracer(SpanBuilder(print_none)), Interest())),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hello", "standard_vs_fifo", "resharding", "labs/02_dead_letters",
                                  "questions/q04", "questions/q16", "fanout"])  # fmt: skip
def test_results_are_the_same_whoever_listens(name: str) -> None:
    """Everything the default observers know, with and without others: a component that nobody
    else listens to may count its facts instead of announcing them, and results show no trace of it.
    """
    for variant, scenario in variants_of(msgsim.load(scenario_path(name))).items():
        found = {}
        for who, others in ALL_OBSERVERS:
            run = prepare(scenario, variant=variant, observers=others())
            drive(run, stop=lambda sim=run.system.sim: sim.now >= 20_000_000_000)
            found[who] = (run.events, json.dumps(run.observers.to_json(), sort_keys=True))

        assert found["nobody"][0] > 20, "nothing happened"
        for who, each in found.items():
            assert each == found["nobody"], f"{name} {variant} differs with {who}"


@pytest.mark.slow
def test_replications_are_bit_identical_for_any_number_of_jobs(tmp_path: Path) -> None:
    """Saved byte for byte, but for the wall time: by 1, 2 and 3 processes, with tables."""
    scenario = msgsim.load_text(SMALL + "expect: [Q.latency.p99 < 2s]\nvariants: {a: {}, b: "
                                "{W.workers: 2}}\n")  # fmt: skip
    contents = []
    for jobs in (1, 2, 3):
        results = msgsim.run(scenario, replications=5, jobs=jobs, record=["deliveries"])
        for summary in results.summaries:
            summary.wall_s = 0.0
        target = tmp_path / f"{jobs}.msgsim"
        results.save(str(target))
        contents.append(target.read_bytes())

    assert contents[0] == contents[1] == contents[2]
    assert len({summary.events for summary in results.summaries}) > 5, "replications do differ"
