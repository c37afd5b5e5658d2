"""Random scenarios: valid, the same every time, and a planted bug is found and made small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import msgsim
from msgsim.experiment.fuzz import attempt, draw_scenario, run_campaign, text_of
from msgsim.experiment.fuzz.dice import Dice
from msgsim.experiment.fuzz.shrink import shrink
from msgsim.services.sqs_queue.base import Queue
from msgsim.services.sqs_queue.fifo import FifoState
from msgsim.services.sqs_queue.standard import StandardState
from msgsim.services.sqs_queue.stored import VISIBLE

SLICE = 60
"""Scenarios that every test run looks at; `msgsim fuzz` looks at as many as there is time for."""


def test_every_scenario_is_valid() -> None:
    """What does not validate is a bug of the generator, and would be tested by nobody."""
    for seed in range(200):
        msgsim.load_text(text_of(draw_scenario(seed)))


def test_scenarios_reach_every_kind_of_component() -> None:
    """The generator draws from everything there is."""
    from msgsim.services import discover

    trees = [draw_scenario(seed) for seed in range(300)]
    drawn = {part["type"] for tree in trees for part in tree["resources"].values()}
    sections = {section for tree in trees for section in tree}
    listed = {"workload", "fault", "action"}
    known = {kind for kind in discover() if kind not in listed and "action." not in kind}
    made_by_others = {kind for kind in known if kind.endswith(".destination")}

    not_drawn = {"kinesis.stream_consumer"}  # its own tests read it by a mapping, under faults

    assert drawn == known - made_by_others - not_drawn
    assert {"workload", "faults", "actions", "account", "warm_up"} <= sections


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SLICE, 15))
def test_a_slice_of_scenarios_breaks_nothing(first: int) -> None:
    """Every invariant holds, nothing crashes, nothing runs away, and runs repeat."""
    campaign = run_campaign(first_seed=first, count=15)

    assert [(each.seed, each.failure) for each in campaign.found] == []
    assert campaign.runs == 15


def test_the_same_seed_draws_the_same_scenario_elsewhere() -> None:
    """In another process, under another PYTHONHASHSEED."""
    code = "from msgsim.experiment.fuzz import *; print(text_of(draw_scenario(7)), end='')"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
        env={"PYTHONHASHSEED": "99", "PYTHONPATH": str(Path(msgsim.__file__).parents[1])},
    )  # fmt: skip

    assert found.stdout == text_of(draw_scenario(7))
    assert text_of(draw_scenario(7)) != text_of(draw_scenario(8))


def test_dice_stay_in_range() -> None:
    dice = Dice(1)
    thrown = [dice.between(2, 4) for _ in range(200)]
    some = [dice.some("abcde", 3) for _ in range(50)]

    assert set(thrown) == {2, 3, 4}
    assert all(len(each) <= 3 and each == sorted(set(each)) for each in some)


@pytest.mark.unchecked
def test_a_planted_bug_is_found_and_made_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plant: a FIFO queue hands a group's copies out from the back.

    What is left has one FIFO queue, one consumer and one workload, and still fails.
    """

    def from_the_back(self, now, group, room, visibility_ns, deliveries, dead):
        for copy in reversed(group.line):
            if copy.state == VISIBLE and len(deliveries) < room:
                group.in_flight += 1
                deliveries.append(self._hand_out(now, copy, visibility_ns))

    monkeypatch.setattr(FifoState, "_serve", from_the_back)
    campaign = run_campaign(count=50, keep=str(tmp_path / "kept"), shrink_s=8)
    (found,) = campaign.found

    assert found.failure.kind == "FIFO order per group"
    assert "message" in found.failure.detail
    kinds = sorted(part["type"] for part in found.tree["resources"].values())
    assert len(kinds) <= 3 and "sqs.queue" in kinds
    assert len(found.tree["workload"]) == 1
    assert not {"faults", "actions"} & set(found.tree)
    text = Path(found.file).read_text(encoding="utf-8")
    assert text.startswith("# FIFO order per group at Q")
    assert len(text.splitlines()) < len(text_of(draw_scenario(found.seed)).splitlines())
    monkeypatch.undo()
    assert attempt(found.tree) is None  # the queue as it is has no such trouble


@pytest.mark.unchecked
def test_a_crash_is_a_failure_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self, *args, **kwargs):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Queue, "_delete", broken)
    found = run_campaign(count=40, shrink_s=1).found[0]

    assert found.failure.kind == "crash: ZeroDivisionError in broken"
    assert "planted" in found.failure.detail


@pytest.mark.unchecked
def test_the_verb_prints_how_to_repeat_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3, the scenario as a file, and the command that runs it again."""
    from msgsim.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(StandardState, "delete", lambda self, now, delivery: None)
    with pytest.raises(SystemExit) as left:
        main(["fuzz", "--count", "30", "--keep", "kept", "--shrink", "3"])
    said = capsys.readouterr().err
    (file,) = (tmp_path / "kept").iterdir()

    assert left.value.code == 3
    assert f"again: msgsim run kept/{file.name} --check" in said
    with pytest.raises(SystemExit) as again:
        main(["run", f"kept/{file.name}", "--check", "-q"])
    assert again.value.code == 3
    assert "broke an invariant" in capsys.readouterr().err


def test_the_verb_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    from msgsim.cli import main

    with pytest.raises(SystemExit) as left:
        main(["fuzz", "--count", "2", "--seed", "3"])

    assert left.value.code == 0
    assert capsys.readouterr().out == "2 scenarios (seeds 3 to 4), 0 failed\n"


def test_shrinking_keeps_what_matters_and_drops_the_rest() -> None:
    """A stand-in failure: whatever sends to Q0 and has more than two workers on it."""
    tree = {
        "duration": "90s",
        "resources": {
            "Q0": {"type": "sqs.queue", "DelaySeconds": 3},
            "Q1": {"type": "sqs.queue"},
            "W": {"type": "worker.fleet", "queue": "Q0", "workers": 4, "handler": {"time": "1s"}},
            "V": {"type": "worker.fleet", "queue": "Q1", "workers": 4, "handler": {"time": "1s"}},
        },
        "workload": [{"to": "Q1", "rate": "1/s"}, {"to": "Q0", "rate": "1/s"}],
        "faults": [{"at": "1s", "down": "Q1"}],
    }

    def fails(candidate):
        workers = candidate["resources"].get("W", {}).get("workers", 0)
        sent = any(each.get("to") == "Q0" for each in candidate["workload"])
        return "Q0" in candidate["resources"] and sent and workers > 2

    small = shrink(tree, fails)

    assert set(small["resources"]) == {"Q0", "W"}
    assert small["resources"]["Q0"] == {"type": "sqs.queue"}
    assert small["resources"]["W"]["workers"] == 4
    assert small["workload"] == [{"to": "Q0"}]
    assert "faults" not in small
