"""Little's law holds with a warm-up, which is left out of what is reported but not of the law."""

from __future__ import annotations

import pytest

import msgsim
from msgsim.experiment.run import drive, prepare

TEXT = """
duration: 20s
%s
resources:
  Q: {type: sqs.queue}
  W: {type: worker.fleet, queue: Q, workers: 2, handler: {time: 300ms}}
workload: [{name: P, to: Q, rate: 5/s}]
"""


@pytest.mark.parametrize("warm_up", ["", "warm_up: 7s"])
def test_the_identity_covers_the_warm_up(warm_up: str) -> None:
    run = prepare(msgsim.load_text(TEXT % warm_up))
    drive(run)

    assert run.observers.littles_law.checked == 1
    assert run.observers.violations == []


def test_residences_are_those_after_the_warm_up() -> None:
    """100 messages in 20 s, 35 of them in the first 7 s."""
    run = prepare(msgsim.load_text(TEXT % "warm_up: 7s"))
    drive(run)
    watch = run.observers.queues.watches["Q"]

    assert 60 <= watch.residences.count <= 66
    assert watch.forgotten_ns > 0
