"""Memory follows what is stored, not what has passed through."""

from __future__ import annotations

import tracemalloc

import pytest

import msgsim
from msgsim.experiment.run import drive, prepare
from msgsim.kernel import substreams
from msgsim.observe import completions, histogram, queue_watch, sampling, servers, visits
from tests.perf import real

pytestmark = pytest.mark.unchecked  # what is measured are the default observers

INTEGER_BYTES = 28  # the least that anything kept for each message would take
MESSAGES = 3_000
ROW_BYTES = 72  # of the journal

BACKLOG = """
msgsim: 1
question: How large is a backlog?
seed: 1
duration: 10s
resources:
  Orders: {{type: sqs.queue}}
workload:
  - {{to: Orders, arrivals: {{burst: {messages}}}}}
"""


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

    A process of 71 MB at 20,000 messages has 78 MB at 200,000: the bar is a tenth more.
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
def test_a_million_waiting_messages_take_less_than_500_mb():
    """Bytes for each waiting message, measured on fewer of them."""
    peak_of(BACKLOG.format(messages=100))
    few, _ = peak_of(BACKLOG.format(messages=10_000))
    many, _ = peak_of(BACKLOG.format(messages=50_000))
    assert (many - few) / 40_000 * 1_000_000 < 450_000_000
