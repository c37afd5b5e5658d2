"""Memory follows what is stored, not what has passed through."""

from __future__ import annotations

import gc
import sys
import tracemalloc

import pytest

import msgsim
from msgsim.experiment.memory import EarlierRuns
from msgsim.experiment.run import drive, prepare
from msgsim.kernel import substreams
from msgsim.observe import completions, histogram, queue_watch, sampling, servers, visits
from tests.perf import curves, real

pytestmark = pytest.mark.unchecked  # what is measured are the default observers

INTEGER_BYTES = 28  # the least that anything kept for each message would take
MESSAGES = 3_000
ROW_BYTES = 72  # of the journal
PROCESS_BYTES = 70_000_000  # interpreter, libraries and msgsim itself, before any message
BAR_BYTES = 500_000_000


def peak_of(text: str) -> tuple[int, int]:
    """Return the most bytes that a run allocated at a time, and how many events it had."""
    run = prepare(msgsim.load_text(text))
    tracemalloc.start()
    try:
        drive(run)
        return tracemalloc.get_traced_memory()[1], run.events
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_ten_times_the_messages_leave_nothing_behind(monkeypatch):
    """What observers keep up to a fixed number of is kept small, so that both runs reach it.

    Whole processes: `python -m tests.perf.memory few-f many-f`; the bar is a tenth more.
    """
    monkeypatch.setattr(substreams, "CACHED_BLOCKS", 2)
    monkeypatch.setattr(histogram, "EXACT_LIMIT", 500)
    for module in (completions, visits):
        monkeypatch.setattr(module, "FULL", 500 * ROW_BYTES)
    for module, name in ((queue_watch, "LONG"), (servers, "LONG"), (queue_watch, "RECEIVES")):
        monkeypatch.setattr(module, name, 500)
    monkeypatch.setattr(sampling.OrderSample.__init__, "__defaults__", (500,))
    peak_of(real.scenario_text(200, 1))  # imports and caches are not what is measured
    few, events = peak_of(real.scenario_text(MESSAGES, 1))
    many, more_events = peak_of(real.scenario_text(10 * MESSAGES, 1))
    assert more_events > 9 * events
    assert many - few < 9 * MESSAGES * INTEGER_BYTES


@pytest.mark.slow
@pytest.mark.parametrize("text", [curves.burst, curves.through_topic])
def test_a_million_waiting_messages_take_less_than_500_mb(text):
    """Bytes for each waiting message, measured on fewer of them; an allocator adds a few percent.

    `python -m tests.perf.memory waiting-queue waiting-topic` measures whole processes.
    """
    peak_of(text(100))
    few, _ = peak_of(text(10_000))
    many, _ = peak_of(text(50_000))
    each = (many - few) / 40_000
    assert 1.05 * each * 1_000_000 + PROCESS_BYTES < BAR_BYTES


def test_runs_that_are_over_leave_nothing_behind(monkeypatch):
    """Many runs in one process, as replications and notebooks have them, take what few take."""
    scenario = msgsim.load_text(curves.burst(20_000))
    monkeypatch.setattr("msgsim.experiment.run.EARLIER_RUNS", EarlierRuns())
    gc.collect()
    before = sys.getallocatedblocks()
    most = 0
    for seed in range(30):
        drive(prepare(scenario, seed=seed))
        most = max(most, sys.getallocatedblocks())
    one_run = 5 * 20_000
    assert most < 1.5 * before + 2 * one_run
