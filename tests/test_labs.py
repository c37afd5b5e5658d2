"""Labs: unsolved as shipped, solvable through their knobs and through nothing else."""

from __future__ import annotations

import pytest

import msgsim
from msgsim.bundled import is_lab, lab_name, lab_number, scenario_names, scenario_path, short_name
from msgsim.experiment.lab import attempt, solving
from msgsim.experiment.result import to_plain
from msgsim.problems import ProblemError
from msgsim.scenario.lesson import LEVELS, TOPICS, knobs_of
from tests.test_cli import call

LABS = [name for name in scenario_names() if is_lab(name)]


def solved(name: str, assignments: list[str]) -> bool:
    results = attempt(scenario_path(name), assignments)
    for run in to_plain(results)["runs"]:
        assert run["invariants"]["violated"] == []
    return not results.failed


def test_there_are_labs_of_every_level_in_their_order() -> None:
    levels = [msgsim.load(scenario_path(name)).header.lesson.level for name in LABS]
    assert len(LABS) >= 8
    assert set(levels) == set(LEVELS)
    assert levels == sorted(levels, key=LEVELS.index)
    assert [lab_number(name) for name in LABS] == [f"{n:02}" for n in range(1, len(LABS) + 1)]


@pytest.mark.parametrize("name", LABS)
def test_a_lab_is_not_solved_as_shipped(name: str) -> None:
    assert not solved(name, [])


@pytest.mark.parametrize("name", LABS)
def test_a_lab_is_solved_by_its_reference_solution(name: str) -> None:
    assert solved(name, solving(scenario_path(name)))


@pytest.mark.slow
@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize("seed", [21, 22])
def test_neither_the_fault_nor_the_repair_is_luck(name: str, seed: int) -> None:
    path = scenario_path(name)
    assert attempt(path, seed=seed).failed
    assert not attempt(path, solving(path), seed=seed).failed


@pytest.mark.parametrize("name", LABS)
def test_each_knob_of_the_solution_is_needed(name: str) -> None:
    """Left as shipped, any one of them fails the lab: no half of the answer is the answer."""
    solution = solving(scenario_path(name))
    for left_alone in solution:
        assert not solved(name, [each for each in solution if each != left_alone]), left_alone


@pytest.mark.parametrize("name", LABS)
def test_a_lab_gives_a_learner_what_is_needed(name: str) -> None:
    lab = msgsim.load(scenario_path(name))
    lesson = lab.header.lesson
    assert 2 <= len(knobs_of(lab.tree)) <= 3
    assert len(lesson.hints) >= 2
    assert all(text.rstrip()[-1] in ".?" for text in (lesson.symptom, lesson.reveal, *lesson.hints))
    assert lesson.link.startswith("https://docs.aws.amazon.com/")
    assert all(rule.because for rule in lab.rules[:2])


@pytest.mark.parametrize("name", LABS)
def test_the_screen_keeps_the_reveal_to_itself(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Symptom, knobs and failing rules are shown, in 80 columns; the explanation is not."""
    lesson = msgsim.load(scenario_path(name)).header.lesson
    assert call("lab", lab_number(name)) == 1
    shown = capsys.readouterr().out
    assert "NOT SOLVED YET" in shown and "✗" in shown
    assert all(path in shown for path in knobs_of(msgsim.load(scenario_path(name)).tree))
    assert lesson.symptom[:40] in shown
    assert lesson.reveal[:40] not in shown and lesson.hints[0][:40] not in shown
    assert max(len(line) for line in shown.splitlines()) <= 80

    assert call("lab", lab_number(name), "--hint") == 0
    shown = capsys.readouterr().out
    assert lesson.hints[0][:40] in shown and lesson.hints[1][:40] not in shown
    assert call("lab", short_name(name), "--reveal") == 0
    assert lesson.reveal[:40] in capsys.readouterr().out


def test_solving_a_lab_is_congratulated_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """Knobs may be named by their last part."""
    assert call("lab", "1", "--set", "VisibilityTimeout=2m") == 0
    shown = capsys.readouterr().out
    assert "SOLVED  Well done" in shown and "The queue hands a message out again" in shown


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("Orders.VisibilityTimeout=60", "no knob of this lab"),
        ("OrdersFn.handler.time_per_record=1ms", "no knob of this lab"),
        ("expect=[]", "no knob of this lab"),
        ("lesson.knobs={}", "no knob of this lab"),
        ("workload[0].keys=1000", "cannot be set to `1000`"),
        ("OrdersMap.ScalingConfig.MaximumConcurrency=1001", "cannot be set to `1001`"),
        ("OrdersMap.ScalingConfig={MaximumConcurrency: 20}", "no knob of this lab"),
        ("workload[0].keys", "is not KNOB=VALUE"),
        ("MaximumConcurrency={", "expected a value"),
    ],
)
def test_everything_else_is_refused(
    assignment: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("lab", "03", "--set", assignment) == 2
    refusal = capsys.readouterr().err
    assert message in refusal
    assert "Traceback" not in refusal


def test_labs_are_listed_and_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("lab") == 0
    shown = capsys.readouterr().out
    assert all(f"\n{lab_number(name)}  " in f"\n{shown}" for name in LABS)
    assert lab_name("3") == lab_name("03") == lab_name("slow_fifo") == "labs/03_slow_fifo"
    assert call("lab", "99") == 2
    assert call("lab", "fanout") == 2


def test_a_question_asks_before_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    lesson = msgsim.load(scenario_path("q07")).header.lesson
    assert call("lab", "q07") == 0
    shown = capsys.readouterr().out
    assert "PREDICT" in shown and "msgsim run q07" in shown
    assert lesson.reveal[:30] not in shown
    assert call("lab", "q07", "--reveal") == 0
    assert lesson.reveal[:30] in capsys.readouterr().out
    assert call("lab", "q07", "--set", "a=b") == 2


LAB = """
question: Is this a lab?
duration: 1m
resources: {Orders: {type: sqs.queue}}
workload: [{to: Orders, rate: 1/s}]
lesson:
"""
FULL = "topic: fifo, level: easy, symptom: s, hints: [h], reveal: r, "


@pytest.mark.parametrize(
    ("lesson", "code"),
    [
        ("{reveal: r}", "E104"),
        ("{topic: cheese}", "E130"),
        ("{topic: fifo, predict: p}", "E190"),
        ("{topic: fifo, level: easy}", "E190"),
        ("{topic: fifo, link: somewhere}", "E130"),
        ("{topic: fifo, colour: red}", "E103"),
        ("{" + FULL + "knobs: {Orders.DelaySeconds: 0..900}, solution: {Orders.Delay: 1}}", "E191"),
        ("{" + FULL + "knobs: {Orders.DelaySeconds: 0..900}, solution: {}}", "E191"),
        ("{" + FULL + "knobs: {Orders.DelaySeconds: x..y}, solution: {a: 1}}", "E191"),
        ("{" + FULL + "knobs: {Ordres.DelaySeconds: [1]}, solution: {a: 1}}", "E120"),
        (
            "{"
            + FULL
            + "knobs: {Orders.DelaySeconds: [0, 5]}, solution: {Orders.DelaySeconds: 7}}",
            "E191",
        ),
    ],
)
def test_a_lesson_that_cannot_be_used_is_refused_with_its_place(lesson: str, code: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        msgsim.load_text(f"{LAB}  {lesson}\n")
    assert code in [problem.code for problem in refusal.value.problems]
    assert all(problem.place is not None for problem in refusal.value.problems)


def test_a_knob_takes_a_time_as_seconds_or_with_its_unit() -> None:
    text = f"{LAB}  {{{FULL}knobs: {{Orders.DelaySeconds: 0..900}}, "
    scenario = msgsim.load_text(text + "solution: {Orders.DelaySeconds: 1m}}\n")
    (knob,) = knobs_of(scenario.tree).values()
    assert knob.allows(60) and knob.allows("15m") and not knob.allows("16m")
    assert not knob.allows("soon") and not knob.allows(None)


@pytest.mark.parametrize("name", [each for each in scenario_names() if "questions/" in each])
def test_every_question_has_a_lesson_to_predict_by(name: str) -> None:
    lesson = msgsim.load(scenario_path(name)).header.lesson
    assert lesson.topic in TOPICS
    assert lesson.change and lesson.predict.count("?") and len(lesson.reveal) > 100
    assert lesson.link.startswith("https://docs.aws.amazon.com/")
