"""What a scenario teaches: the `lesson:` block, and the labs that are made of it.

A lesson asks for a prediction before a run and explains afterwards. A *lab* is a lesson whose
scenario does not meet its expectations: only its knobs may be turned until it does.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgsim.model.spec import (
    FieldError,
    Parsed,
    Plain,
    Spec,
    String,
    one_of,
    plain,
)
from msgsim.problems import ProblemError, Problems, did_you_mean, quote, register
from msgsim.scenario.knobs import Knob, read_knob
from msgsim.scenario.overrides import apply_override_node, plain_path, value_of
from msgsim.scenario.plain import to_plain
from msgsim.scenario.tree import Mapping, Node, Scalar

TOPICS = (
    "basics",
    "standard",
    "fifo",
    "visibility",
    "failures",
    "lambda",
    "workers",
    "fan-out",
    "streams",
    "cost",
)
LEVELS = ("easy", "medium", "hard", "expert")
LAB_PARTS = ("level", "symptom", "knobs", "hints", "reveal", "solution")
"""What makes a lesson a lab; `reveal` alone does not."""

register("E190", "a lesson that lacks a part")
register("E191", "a knob of a lab that cannot be turned")
register("E192", "a lab changed by anything else than its knobs")


def _link(value: Any) -> str:
    text = str(value)
    if not text.startswith("https://") or len(text.split()) != 1:
        hint = "such as https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"
        raise FieldError("E130", f"expected the address of a page, but found {quote(text)}", hint)
    return text


def _texts(value: Any) -> tuple[str, ...]:
    given = value if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(item, str) for item in given):
        raise FieldError("E130", "expected texts, each on a line that begins with `- `")
    return tuple(str(item) for item in given)


Texts = Annotated[tuple[str, ...], Parsed(_texts, {"type": "array", "items": {"type": "string"}})]
Link = Annotated[str, Parsed(_link, {"type": "string", "format": "uri"})]


class Lesson(Spec):
    """The section `lesson`.

    Attributes:
        topic: under which `msgsim list` shows the scenario.
        change: what to change.
        predict: what to predict before the run.
        reveal: the explanation.
        link: AWS's own page about it.
        level: how hard a lab is.
        symptom: what the learner of a lab is told.
        knobs: path → the values it may take: a list, or `LOW..HIGH`.
        hints: one for each time the learner asks.
        solution: path → value, one way to meet the expectations.
    """

    topic: Annotated[str, one_of(*TOPICS)]
    change: String = ""
    predict: String = ""
    reveal: String = ""
    link: Link = ""
    level: Annotated[str | None, one_of(*LEVELS)] = None
    symptom: String = ""
    knobs: Plain = None
    hints: Texts = ()
    solution: Plain = None

    @property
    def is_lab(self) -> bool:
        """Whether it is a lab: it names knobs."""
        return bool(self.knobs)


def knobs_of(tree: Mapping) -> dict[str, Knob]:
    """Return the knobs of a valid scenario's lab, in the order written."""
    found = {}
    for key, node in _entries(tree, "knobs"):
        found[key.text] = read_knob(key.text, node)
    return found


def solution_of(tree: Mapping) -> dict[str, Any]:
    """Return a valid lab's reference solution: path → value."""
    return {key.text: plain(to_plain(node)) for key, node in _entries(tree, "solution")}


def check_lesson(lesson: Lesson, tree: Mapping, problems: Problems) -> None:
    """Report parts that are missing, and knobs that do not fit the scenario."""
    block = tree["lesson"]
    assert isinstance(block, Mapping)
    place = tree.key("lesson").place
    if lesson.predict and not lesson.reveal:
        message = "the lesson asks for a prediction and explains nothing afterwards"
        problems.add("E190", message, block.key("predict").place, "add `reveal:`")
    if not any(part in block for part in LAB_PARTS if part != "reveal"):
        return
    missing = [part for part in LAB_PARTS if part not in block]
    if missing:
        message = f"a lab needs {', '.join(f'`{part}`' for part in LAB_PARTS)}"
        problems.add("E190", message, place, f"missing: {', '.join(missing)}")
        return
    _check_knobs(tree, problems)


def _check_knobs(tree: Mapping, problems: Problems) -> None:
    block = tree["lesson"]
    assert isinstance(block, Mapping)
    for part in ("knobs", "solution"):
        node = block[part]
        if not isinstance(node, Mapping) or not len(node.entries):
            message = f"{part} is a mapping of paths"
            hint = "such as {Orders.VisibilityTimeout: 10..900}" if part == "knobs" else None
            problems.add("E191", message, block.key(part).place, hint)
            return
    knobs = {}
    for key, node in _entries(tree, "knobs"):
        try:
            knobs[key.text] = knob = read_knob(key.text, node)
            apply_override_node(tree, key.text, knob.example, key.place)
        except FieldError as error:
            problems.add(error.code, error.message, node.place, error.hint)
        except ProblemError as error:
            problems.extend(error.problems)
    for key, node in _entries(tree, "solution"):
        if key.text not in knobs:
            guess = did_you_mean(key.text, knobs)
            message = f"the solution turns {quote(key.text)}, which is no knob"
            hint = f"did you mean {guess}?" if guess else f"knobs: {', '.join(knobs)}"
            problems.add("E191", message, key.place, hint)
        elif not knobs[key.text].allows(plain(to_plain(node))):
            message = f"the solution's {key.text} is not among the values allowed"
            problems.add("E191", message, node.place, f"allowed: {knobs[key.text].shown}")


def turned(tree: Mapping, assignment: str) -> str:
    """Return `PATH=VALUE` with the knob's full path, if it turns a knob to a value it may take.

    A knob may be named by its last part alone where that is clear: `VisibilityTimeout=60`.

    Raises:
        ProblemError: E192, for anything else.
    """
    knobs = knobs_of(tree)
    path, equals, text = assignment.partition("=")
    name = _named(path.strip(), knobs)
    if not equals:
        raise _refusal(f"{quote(assignment)} is not KNOB=VALUE", _example(knobs))
    if name is None:
        guess = did_you_mean(path, knobs)
        hint = f"did you mean {guess}? " if guess else ""
        message = f"{quote(path)} is no knob of this lab: everything else stays as it is"
        raise _refusal(message, f"{hint}knobs: {', '.join(knobs)}")
    if not knobs[name].allows(plain(to_plain(value_of(text)))):
        message = f"{name} cannot be set to {quote(text)} in this lab"
        raise _refusal(message, f"allowed: {knobs[name].shown}")
    return f"{name}={text}"


def _named(path: str, knobs: dict[str, Knob]) -> str | None:
    wanted = plain_path(path)
    exact = [name for name in knobs if plain_path(name) == wanted]
    last = [name for name in knobs if plain_path(name).endswith(f".{wanted}")]
    found = exact or last
    return found[0] if len(found) == 1 else None


def _example(knobs: dict[str, Knob]) -> str:
    name, knob = next(iter(knobs.items()))
    return f"such as --set {name}={knob.first}"


def _refusal(message: str, hint: str) -> ProblemError:
    problems = Problems()
    problems.add("E192", message, None, hint)
    return ProblemError(problems)


def _entries(tree: Mapping, part: str) -> tuple[tuple[Scalar, Node], ...]:
    block = tree.get("lesson")
    node = block.get(part) if isinstance(block, Mapping) else None
    return tuple(node) if isinstance(node, Mapping) else ()
