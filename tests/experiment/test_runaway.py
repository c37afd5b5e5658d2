"""A simulation that runs away is stopped, with exit 3 and the names of those that feed the loop."""

from __future__ import annotations

from pathlib import Path

import pytest

import msgsim
from msgsim.experiment import memory
from msgsim.experiment import run as running
from msgsim.experiment.run import drive, prepare
from msgsim.kernel import simulation
from msgsim.kernel.simulation import BudgetExceeded, Simulation

SELF_FEEDING = """
duration: 10m
resources:
  Loop: {type: sqs.queue, VisibilityTimeout: 0}
  Fn: {type: lambda.function, Timeout: 1, handler: {time: 1ms}}
  Idle: {type: sqs.queue}
  Taker: {type: worker.fleet, queue: Loop, workers: 8, VisibilityTimeout: 0,
          handler: {time: 10us, fails: 100%}}
  Map: {type: lambda.event_source_mapping, EventSourceArn: Idle, FunctionName: Fn}
workload:
  - {name: Once, to: Loop, arrivals: {burst: 20}}
  - {name: Rare, to: Idle, rate: 1/m}
"""


def test_the_components_that_feed_a_loop_are_named() -> None:
    """Messages come back at once and fail at once: queue and fleet, not the idle function."""
    with pytest.raises(BudgetExceeded, match="the event budget is used up") as stopped:
        drive(prepare(msgsim.load_text(SELF_FEEDING)), max_events=50_000)
    shares = dict(stopped.value.feeding)

    assert set(shares) <= {"Loop", "Taker"}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert "Taker" in str(stopped.value)


def test_the_command_line_ends_with_3_and_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from msgsim.cli import main

    file = tmp_path / "loop.yaml"
    file.write_text(SELF_FEEDING)
    monkeypatch.setattr(running, "out_of_memory", lambda: "memory runs out: 9 of 9 GiB")
    with pytest.raises(SystemExit) as left:
        main(["run", str(file)])
    said = capsys.readouterr().err

    assert left.value.code == 3
    assert "memory runs out" in said and "Taker" in said
    assert "Traceback" not in said


def test_a_loop_without_delay_is_stopped_although_no_time_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call that schedules itself for the same instant, again and again."""
    monkeypatch.setattr(simulation, "STRETCH", 1_000)
    monkeypatch.setattr(simulation, "STANDSTILL", 5_000)
    sim = Simulation()

    class Retrying:
        name = "Client"

        def again(self) -> None:
            sim.after(0, self.again)

    sim.at(7, Retrying().again)
    with pytest.raises(BudgetExceeded, match="time stands still") as stopped:
        sim.run(1_000)

    assert stopped.value.now_ns == 7
    assert stopped.value.feeding == (("Client", 1.0),)


def test_a_timer_is_its_owners() -> None:
    sim = Simulation()

    class Ringing:
        name = "Bell"

        def __init__(self) -> None:
            self.timer = sim.timer(self.ring)
            self.timer.arm(1)

        def ring(self) -> None:
            self.timer.arm(sim.now + 1)

    Ringing()
    with pytest.raises(BudgetExceeded) as stopped:
        sim.run(1 << 40, max_events=100)

    assert stopped.value.feeding == (("Bell", 1.0),)


def test_many_events_at_one_instant_are_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A burst is work, not a loop: it ends."""
    monkeypatch.setattr(simulation, "STRETCH", 100)
    sim = Simulation()
    done: list[int] = []
    for number in range(2_000):
        sim.at(5, done.append, number)
    sim.run(10)

    assert len(done) == 2_000 and sim.now == 10


def test_memory_is_measured() -> None:
    """On Linux: some, and less than there is."""
    if not memory.STATM.exists():
        pytest.skip("no /proc here")

    assert 2**20 < memory.held_bytes() < memory.allowed_bytes()


def test_memory_that_nobody_tells_is_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "STATM", Path("/nowhere"))

    assert memory.held_bytes() == 0
    assert memory.out_of_memory() == ""


def test_too_much_memory_is_a_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "held_bytes", lambda: 9 * 2**30)
    monkeypatch.setattr(memory, "allowed_bytes", lambda: 10 * 2**30)

    assert memory.out_of_memory() == "memory runs out: 9.0 GiB of 10.0 GiB are used"
