"""Problems as text and as JSON: the shape a user sees."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.problems import (
    CODES,
    PAGES,
    Place,
    Problem,
    ProblemError,
    Problems,
    did_you_mean,
    harmless,
    quote,
    register,
    render,
    to_json,
)

FANOUT = "msgsim: 1\n" * 8 + "  Billing: {type: sqs.queue, VisibiltyTimeout: 30}\n"
TYPO = Problem(
    "E103",
    "unknown property VisibiltyTimeout on sqs.queue",
    Place("scenarios/fanout.yaml", 9, 30, 16),
    "did you mean VisibilityTimeout?",
)


def test_a_problem_shows_place_text_caret_and_hint():
    assert render([TYPO], {"scenarios/fanout.yaml": FANOUT}) == (
        "scenarios/fanout.yaml:9:30  E103 unknown property VisibiltyTimeout on sqs.queue\n"
        "    9 |   Billing: {type: sqs.queue, VisibiltyTimeout: 30}\n"
        "      |                              ^^^^^^^^^^^^^^^^ did you mean VisibilityTimeout?"
    )


def test_a_long_hint_goes_on_a_line_of_its_own():
    hint = "raise VisibilityTimeout to at least 60 (AWS advises 360) or lower Timeout"
    shown = render([Problem("E210", "refused", Place("a", 1, 21, 1), hint)], {"a": "-" * 30})
    assert shown.splitlines()[-2:] == ["      | " + " " * 20 + "^", f"      {hint}"]


def test_without_a_source_the_hint_follows_the_message():
    assert render([Problem("E110", "there is no file `x`", None, "did you mean `y`?")]) == (
        "E110 there is no file `x`\n      did you mean `y`?"
    )


def test_problems_come_in_file_order_and_those_of_no_place_first():
    found = [
        Problem("E103", "third", Place("b.yaml", 9, 1)),
        Problem("W211", "second", Place("b.yaml", 2, 7)),
        Problem("E103", "first", Place("b.yaml", 2, 1)),
        Problem("E103", "last", Place("a.yaml", 1, 1)),
        Problem("E110", "no place"),
    ]
    assert [entry["message"] for entry in to_json(found)] == [
        "no place", "first", "second", "third", "last",
    ]  # fmt: skip


def test_at_most_twenty_are_shown_then_a_count_and_no_error_hides_behind_warnings():
    found = [Problem("W300", f"advice {n}", Place("f", n, 1)) for n in range(1, 31)]
    found.append(Problem("E103", "the reason", Place("f", 99, 1)))
    lines = render(found).splitlines()
    assert len(lines) == 21
    assert lines[-2] == "f:99:1  E103 the reason"
    assert lines[-1] == "… and 11 more: 0 errors, 11 warnings"


def test_carets_stay_under_wide_characters_and_in_long_lines():
    wide = render([Problem("E103", "m", Place("f", 1, 4, 1))], {"f": "漢字 x"}).splitlines()
    assert wide[1].index("x") == 11
    assert wide[2] == "      | " + " " * 5 + "^"
    line = "a" * 5_000 + "HERE" + "b" * 5_000
    long = render([Problem("E103", "m", Place("f", 1, 5_001, 4))], {"f": line}).splitlines()
    assert len(long[1]) < 120
    assert long[1].index("HERE") == long[2].index("^^^^")


def test_a_place_beyond_the_text_shows_no_line():
    for place in (Place("f", 7, 1), Place("g", 1, 1), Place("f", 0, 0)):
        assert render([Problem("E103", "m", place)], {"f": "a: 1"}).count("\n") == 0


def test_colour_only_when_asked():
    assert "\x1b" not in render([TYPO], {"scenarios/fanout.yaml": FANOUT})
    assert "\x1b[31m" in render([TYPO], {"scenarios/fanout.yaml": FANOUT}, color=True)


@given(st.text(), st.text(), st.text(), st.integers(0, 9), st.integers(0, 99), st.integers(0, 99))
def test_no_text_of_a_user_can_drive_the_terminal(message, hint, source, line, column, length):
    problem = Problem("E103", message, Place("f\x1b", line, column, length), hint)
    shown = render([problem], {"f\x1b": source})
    assert len(shown.split("\n")) <= 4
    assert all(c == "\n" or c.isprintable() or c not in "\x1b\r\x07\x00\u202e" for c in shown)
    assert len(harmless(source)) == len(source)
    shown.encode()


def test_user_text_is_quoted_and_cut():
    assert quote("a\x1b[31mb\n") == "`a␛[31mb␊`"
    assert quote("x" * 100) == "`" + "x" * 60 + "…`"


def test_json_has_the_same_fields():
    assert to_json([TYPO]) == [
        {
            "code": "E103",
            "severity": "error",
            "message": "unknown property VisibiltyTimeout on sqs.queue",
            "hint": "did you mean VisibilityTimeout?",
            "file": "scenarios/fanout.yaml",
            "line": 9,
            "column": 30,
            "length": 16,
        }
    ]


def test_warnings_alone_do_not_raise():
    problems = Problems()
    problems.add("W211", "advice")
    problems.raise_if_errors()
    problems.extend([TYPO])
    with pytest.raises(ProblemError) as raised:
        problems.raise_if_errors({"f": "text"})
    assert [p.code for p in raised.value.problems] == ["W211", "E103"]
    assert (len(problems.errors), len(problems.warnings)) == (1, 1)
    copied = pickle.loads(pickle.dumps(raised.value))
    assert (copied.problems, copied.sources) == (raised.value.problems, {"f": "text"})


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("visibility_timeout", "VisibilityTimeout"),
        ("visibilityTimeout", "VisibilityTimeout"),
        ("VISIBILITYTIMEOUT", "VisibilityTimeout"),
        ("VisibiltyTimeout", "VisibilityTimeout"),
        ("DelaySecond", "DelaySeconds"),
        ("zebra", None),
        ("", None),
        ("x" * 10_000, None),
    ],
)
def test_did_you_mean(word, meant):
    assert did_you_mean(word, ["VisibilityTimeout", "DelaySeconds", "Policy"]) == meant


def test_another_spelling_wins_over_a_resemblance():
    assert did_you_mean("batch_size", ["BatchSizes", "BatchSize"]) == "BatchSize"


def test_every_code_has_a_title_and_a_page():
    assert CODES.keys() == PAGES.keys()
    assert all("\n" not in title and title for title in CODES.values())
    assert CODES["E115"] == "a key is given twice"


def test_a_code_means_one_thing():
    register("E115", "a key is given twice", "another page")
    assert PAGES["E115"] != "another page"
    with pytest.raises(ValueError, match="already means"):
        register("E115", "something else", "")
    with pytest.raises(ValueError, match="three digits"):
        register("X1", "malformed", "")
