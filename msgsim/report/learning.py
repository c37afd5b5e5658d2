"""What `msgsim list` and `msgsim lab` print: scenarios by topic, lessons and labs as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from msgsim.bundled import is_lab, lab_number, scenario_names, scenario_path, short_name
from msgsim.model.spec import plain
from msgsim.report.text import Paint
from msgsim.scenario.knobs import as_written
from msgsim.scenario.lesson import LEVELS, TOPICS, Lesson, knobs_of
from msgsim.scenario.load import load
from msgsim.scenario.overrides import value_at
from msgsim.scenario.plain import to_plain
from msgsim.scenario.schema import Scenario

WIDTH = 80


def list_text(topic: str | None = None) -> str:
    """Return the bundled scenarios under their topics, each with its question; labs apart.

    Args:
        topic: only this topic; one of `TOPICS`.
    """
    by_topic: dict[str, list[tuple[str, str]]] = {}
    labs = 0
    for name in scenario_names():
        if is_lab(name):
            labs += 1
            continue
        scenario = load(scenario_path(name))
        about = scenario.header.lesson.topic if scenario.header.lesson else "other"
        by_topic.setdefault(about, []).append((short_name(name), scenario.question))
    blocks = [
        "\n".join([f"{about}:", *_table(by_topic[about])])
        for about in (*TOPICS, "other")
        if about in by_topic and topic in (None, about)
    ]
    if topic is None:
        blocks.append(
            "msgsim run NAME simulates one; msgsim new mine.yaml --from NAME copies it.\n"
            "msgsim lab q07 asks you to predict first. "
            f"{labs} labs to repair: msgsim lab"
        )
    return "\n\n".join(blocks)


def labs_text() -> str:
    """Return the labs, easiest first, each with its question."""
    names = [name for name in scenario_names() if is_lab(name)]
    lines = []
    for level in LEVELS:
        for name in names:
            scenario = load(scenario_path(name))
            lesson = scenario.header.lesson
            if lesson is not None and lesson.level == level:
                head = f"{lab_number(name)}  {level:<6}  {lesson.topic:<10}  "
                lines += textwrap.wrap(
                    scenario.question, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)
                )
    lines += ["", "msgsim lab 01 shows what is wrong and which knobs you may turn."]
    return "\n".join(lines)


def _table(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max(16, *(len(name) for name, _ in rows))
    for name, question in rows:
        yield from textwrap.wrap(
            question,
            WIDTH,
            initial_indent=f"  {name:<{width}}  ",
            subsequent_indent=" " * (width + 4),
        )


def lab_text(name: str, scenario: Scenario, lesson: Lesson, paint: Paint) -> str:
    """Return what the learner of a lab is told: symptom and knobs."""
    lines = [
        paint.bold(f"LAB {lab_number(name)}") + f"  {lesson.level} · {lesson.topic}",
        "",
        *_paragraph(lesson.symptom),
        "",
        paint.bold("YOU MAY TURN"),
        *_knobs(scenario),
    ]
    return "\n".join(lines)


def _knobs(scenario: Scenario) -> Iterator[str]:
    knobs = knobs_of(scenario.tree)
    width = max(len(path) for path in knobs)
    for path, knob in knobs.items():
        node = value_at(scenario.tree, path)
        now = as_written(plain(to_plain(node))) if node is not None else "not set"
        allowed = f"now {now}; allowed {knob.shown}"
        if len(path) + len(allowed) + 4 <= WIDTH:
            yield f"  {path:<{width}}  {allowed}".rstrip()
        else:
            yield f"  {path}"
            yield from textwrap.wrap(
                allowed, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6
            )


def verdict_text(name: str, scenario: Scenario, solved: bool, paint: Paint) -> str:
    """Return what follows the expectations of a lab: why it works, or where to go on."""
    lesson = scenario.header.lesson
    assert lesson is not None
    number = lab_number(name)
    if solved:
        head = paint.good("SOLVED") + "  Well done. Why it works:"
        return "\n".join([head, "", *_paragraph(lesson.reveal), "", *_link(lesson)])
    knob = next(iter(knobs_of(scenario.tree)))
    return "\n".join(
        [
            paint.bad("NOT SOLVED YET"),
            f"  msgsim lab {number} --set {knob}=…",
            f"  msgsim lab {number} --hint       ({len(lesson.hints)} of them)",
            f"  msgsim lab {number} --reveal     what is wrong, and one solution",
            f"  msgsim run {short_name(name)}   everything else about the run",
        ]
    )


def hint_text(name: str, lesson: Lesson, wanted: int) -> str:
    """Return the hints up to the one wanted, counted from 1."""
    shown = lesson.hints[: max(1, wanted)]
    lines = []
    for index, hint in enumerate(shown, 1):
        lines += textwrap.wrap(
            hint, WIDTH, initial_indent=f"hint {index}: ", subsequent_indent=" " * 8
        )
    left = len(lesson.hints) - len(shown)
    if left:
        again = " ".join(["--hint"] * (len(shown) + 1))
        lines += ["", f"{left} more: msgsim lab {lab_number(name)} {again}"]
    return "\n".join(lines)


def reveal_text(name: str, lesson: Lesson, solution: dict[str, Any]) -> str:
    """Return the explanation of a lab or lesson, and a lab's reference solution."""
    lines = [*_paragraph(lesson.reveal), ""]
    if solution:
        sets = [
            f"--set {_quoted(f'{path}={as_written(value)}')}" for path, value in solution.items()
        ]
        lines += ["ONE SOLUTION", f"  msgsim lab {lab_number(name)} \\"]
        lines += [f"    {each} \\" for each in sets[:-1]] + [f"    {sets[-1]}", ""]
    return "\n".join([*lines, *_link(lesson)]).rstrip()


def lesson_text(name: str, scenario: Scenario, lesson: Lesson, paint: Paint) -> str:
    """Return what a question asks of its reader before the run."""
    short = short_name(name)
    lines = [paint.bold(line) for line in textwrap.wrap(f"{short}: {scenario.question}", WIDTH)]
    for title, text in (("PREDICT", lesson.predict), ("CHANGE", lesson.change)):
        if text:
            lines += ["", paint.bold(title), *_paragraph(text)]
    lines += ["", f"then: msgsim run {short}", f"and:  msgsim lab {short} --reveal"]
    return "\n".join(lines)


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )


def _link(lesson: Lesson) -> list[str]:
    return [f"AWS: {lesson.link}"] if lesson.link else []


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
