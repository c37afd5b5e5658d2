"""A formula is offered exactly where its assumptions hold, and the one that fails is named."""

from __future__ import annotations

import pytest
from scipy import stats

import msgsim
from msgsim.experiment.result import to_plain
from msgsim.experiment.run import drive, prepare
from msgsim.experiment.theory.applies import Model
from msgsim.experiment.theory.beside import beside, predict

MARKOV = """
duration: 30s
seed: 3
workload:
  - {to: Orders, arrivals: {poisson: 50/s}}
resources:
  Orders: {type: sqs.queue, VisibilityTimeout: 600}
  Workers:
    type: worker.fleet
    queue: Orders
    workers: 8
    WaitTimeSeconds: 20
    receive_time: 0s
    delete_time: 0s
    handler: {time: {dist: exponential, mean: 100ms}}
assumptions:
  sqs.queue: {hosts: 1, missed_delete_share: 0}
"""


def about(text: str, replication: int = 0, **changes: str) -> dict:
    scenario = msgsim.load_text(text)
    for path, value in changes.items():
        scenario = scenario.replace(path.replace("__", "."), value)
    run = prepare(scenario, replication=replication)
    drive(run)
    return beside(scenario, run.observers.to_json(), run.system.assumptions)


def interval(values: list[float]) -> tuple[float, float]:
    """Return the mean and half the width of its 99.9 % interval."""
    half = stats.t.ppf(0.9995, len(values) - 1) * stats.sem(values)
    return sum(values) / len(values), half


def said(text: str, **changes: str) -> tuple[str | None, str | None]:
    (entry,) = about(text, **changes).values()
    return entry["formula"], entry["fails"]


def test_mmc_agrees_with_the_simulation():
    """20 replications of 3 minutes: theory lies in the 99.9 % interval of each mean.

    Runs begin empty, which is over after the warm-up.
    """
    text = MARKOV.replace("30s", "3m").replace("seed", "warm_up: 10s\nseed")
    entries = [about(text, replication)["Orders"] for replication in range(20)]
    assert {entry["formula"] for entry in entries} == {"M/M/8"}
    for what in ("waiting_mean_s", "utilisation", "waiting_p99_s"):
        mean, half = interval([entry["simulated"][what] for entry in entries])
        assert entries[0]["predicted"][what] == pytest.approx(mean, abs=half), what


@pytest.mark.parametrize(
    ("time", "workers", "rate", "formula"),
    [
        ("100ms", 1, "7/s", "M/D/1"),
        ("{dist: gamma, mean: 100ms, cv: 0.5}", 1, "7/s", "M/G/1"),
        ("{dist: gamma, mean: 100ms, cv: 0.5}", 3, "21/s", "M/G/3 (Allen-Cunneen, approximate)"),
        ("{dist: exponential, mean: 100ms}", 1, "7/s", "M/M/1"),
    ],
)
def test_other_services_have_other_formulas_and_agree(time, workers, rate, formula):
    """10 replications of 10 minutes; an approximation may be off by another 5 %."""
    text = MARKOV.replace("30s", "10m").replace("seed", "warm_up: 20s\nseed")
    text = text.replace("{dist: exponential, mean: 100ms}", time).replace("50/s", rate)
    text = text.replace("workers: 8", f"workers: {workers}")
    entries = [about(text, replication)["Orders"] for replication in range(10)]
    assert {entry["formula"] for entry in entries} == {formula}
    expected = entries[0]["predicted"]
    slack = 0.05 * expected["waiting_mean_s"] if "approximate" in formula else 0.0
    for what, more in (("waiting_mean_s", slack), ("utilisation", 0.0)):
        mean, half = interval([entry["simulated"][what] for entry in entries])
        assert expected[what] == pytest.approx(mean, abs=half + more), what


def test_calls_of_a_worker_are_part_of_its_service_time():
    """20 ms to receive and 10 ms to delete, both constant, beside 100 ms of work."""
    entry = about(MARKOV, Workers__receive_time="20ms", Workers__delete_time="10ms")["Orders"]
    assert entry["predicted"]["utilisation"] == pytest.approx(50 * 0.13 / 8)
    assert entry["formula"] == "M/G/8 (Allen-Cunneen, approximate)"


def test_even_arrivals_at_one_worker_get_an_approximation():
    text = MARKOV.replace("arrivals: {poisson: 50/s}", "rate: 7/s")
    assert said(text, Workers__workers="1")[0] == "G/G/1 (Marchal, approximate)"


def test_a_topic_with_random_hops_leaves_a_poisson_process_a_poisson_process():
    """Displacement theorem (Kingman, "Poisson Processes", section 5.1)."""
    topic = "  T: {type: sns.topic, Subscription: [{Protocol: sqs, Endpoint: Orders}]}\n"
    text = MARKOV.replace("to: Orders", "to: T").replace("resources:\n", f"resources:\n{topic}")
    assert said(text) == ("M/M/8", None)
    even = text.replace("arrivals: {poisson: 50/s}", "rate: 50/s")
    assert "disturbed on the way" in str(said(even)[1])


def test_several_poisson_workloads_are_one():
    more = "  - {to: Orders, arrivals: {poisson: 10/s}}\nresources"
    assert about(MARKOV.replace("resources", more))["Orders"]["predicted"][
        "utilisation"
    ] == pytest.approx(0.75)


def test_a_workload_that_ends_before_the_run_is_judged_by_the_time_in_which_it_sends():
    text = MARKOV.replace("30s", "10m").replace("50/s}", "50/s}, from: 1m, until: 5m")
    entry = about(text)["Orders"]
    assert entry["predicted"]["utilisation"] == pytest.approx(0.625)
    assert entry["simulated"]["utilisation"] == pytest.approx(0.625, rel=0.05)


def test_percentiles_are_left_out_where_hosts_disorder_the_line():
    """The mean wait does not depend on the order of service; its percentiles do."""
    entry = about(MARKOV.replace("hosts: 1, ", ""))["Orders"]
    assert entry["formula"] == "M/M/8"
    assert entry["predicted"]["waiting_p99_s"] is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("arrivals: {poisson: 50/s}", "arrivals: {burst: 50, every: 1s}", "arrival rate"),
        ("arrivals: {poisson: 50/s}", "arrivals: {daily: {low: 10/s, high: 50/s}}", "arrival rate"),
        ("poisson: 50/s}", "poisson: 50/s}, count: 900", "ends after 900 messages"),
        ("poisson: 50/s}", "poisson: 50/s}, from: 2s, until: 20s", None),
        ("resources:", "  - {to: Orders, arrivals: {poisson: 5/s}, until: 9s}\nresources:",
         "different times"),
        ("poisson: 50/s}", "poisson: 50/s}, batch: 10", "batches of up to 10"),
        ("poisson: 50/s}", "poisson: 50/s}, resend: 5%", "twice"),
        ("mean: 100ms}", "mean: 100ms}, fails: 1%", "attempts fail"),
        ("mean: 100ms", "mean: 170ms", "cannot keep up"),
        ("workers: 8", "workers: 8\n    MaxNumberOfMessages: 10", "up to 10 messages at once"),
        ("WaitTimeSeconds: 20", "WaitTimeSeconds: 0", "pause between polls"),
        ("workers: 8", "workers: 8\n    crash_rate: 60/h", "all the time"),
        ("Timeout: 600", "Timeout: 0", "visibility timeouts were reached"),
        ("Timeout: 600", "Timeout: 600, DelaySeconds: 5", "delayed by 5 s"),
        ("50/s}}", "50/s}, keys: 9}", None),
        ("assumptions", "faults:\n  - {at: 5s, for: 5s, slow: Workers, by: 2x}\nassumptions",
         "a fault"),
        ("resources:", "  - {to: Orders, rate: 5/s}\nresources:", "several workloads mix"),
        ("resources:", "resources:\n  More: {type: worker.fleet, queue: Orders, workers: 1, "
         "handler: {time: 1s}}", "serve it together"),
    ],
)  # fmt: skip
def test_the_assumption_that_fails_is_named(old, new, words):
    assert MARKOV.count(old) == 1
    formula, fails = said(MARKOV.replace(old, new))
    if words is None:
        assert (formula, fails) == ("M/M/8", None)
    else:
        assert formula is None
        assert words in str(fails)


def test_a_fifo_queue_and_a_mapping_have_no_formula():
    fifo = MARKOV.replace("50/s}}", "50/s}, keys: 9}").replace(
        "sqs.queue, V", "sqs.queue, FifoQueue: true, V"
    )
    assert "FIFO" in str(said(fifo)[1])
    mapping = """
duration: 30s
workload: [{to: Orders, arrivals: {poisson: 5/s}}]
resources:
  Orders: {type: sqs.queue}
  Fn: {type: lambda.function, handler: {time: 100ms}}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Orders, FunctionName: Fn}
"""
    assert "number of servers is not fixed" in str(said(mapping)[1])


def test_a_formula_needs_nothing_but_the_model():
    model = Model("W", 8.0, 1.0, 0.1, 1.0, True, 1, True)
    formula, predicted = predict(model)
    assert formula == "M/M/1"
    assert predicted["waiting_mean_s"] == pytest.approx(0.4)
    assert predicted["waiting_p99_s"] == pytest.approx(2.191, abs=0.001)  # ln(0.8 / 0.01) / 2


def test_a_fleet_that_begins_with_nobody_has_no_formula_and_still_a_utilisation() -> None:
    """`workers` may be left out where scaling says how many there are."""
    text = """
msgsim: 1
duration: 5m
resources:
  Q: {type: sqs.queue}
  W: {type: worker.fleet, queue: Q, preset: eks-keda, scaling: {max: 10}, handler: {time: 100ms}}
workload:
  - {to: Q, rate: 10/s}
"""
    found = to_plain(msgsim.run(msgsim.load_text(text)))["runs"][0]["theory"]["Q"]
    assert found["formula"] is None
    assert "W scales" in found["fails"]
    assert 0 < found["simulated"]["utilisation"] < 1
