"""Overrides: one value at a path, from `--set` or a variant."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.problems import Place, ProblemError, render
from msgsim.scenario.overrides import (
    SET_FILE,
    apply_override,
    apply_override_node,
    apply_sets,
    parse_path,
    set_source,
)
from msgsim.scenario.reader import read_text
from msgsim.scenario.tree import Mapping, Sequence

BASE = """\
seed: 1
warm_up: 10s
resources:
  Billing: {type: sqs.queue, VisibilityTimeout: 30}
  BillingDlq: {type: sqs.queue}
  Filter: {type: sns.subscription, FilterPolicy: {order.type: [a]}}
workload:
  - {to: Billing, rate: 5/s}
  - {to: BillingDlq, rate: 6/s}
"""


def plain(node):
    """A tree without its places."""
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node}
    if isinstance(node, Sequence):
        return [plain(item) for item in node]
    return None if node.null else node.text


@pytest.fixture
def base():
    return read_text(BASE, "f.yaml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Billing.VisibilityTimeout", ("Billing", "VisibilityTimeout")),
        ("workload[0].rate", ("workload", 0, "rate")),
        ("workload.0.rate", ("workload", "0", "rate")),
        ("a[1][2]", ("a", 1, 2)),
        ('F.FilterPolicy."order.type"', ("F", "FilterPolicy", "order.type")),
        ("seed", ("seed",)),
    ],
)
def test_a_path_is_names_dots_and_indices(text, expected):
    assert parse_path(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        ".a",
        "a.",
        "a..b",
        "[0]",
        "a[",
        "a[x]",
        "a[-1]",
        "a b",
        "a[0]b",
        '"a',
        "a." * 60 + "a",
    ],
)
def test_what_is_no_path_is_refused(text):
    with pytest.raises(ProblemError) as error:
        parse_path(text)
    assert [p.code for p in error.value.problems] == ["E121"]


@pytest.mark.parametrize(
    "path",
    [
        "Billing.VisibilityTimeout",
        "Billing.visibilityTimeout",
        "Billing.visibility_timeout",
        "billing.VISIBILITYTIMEOUT",
        "resources.Billing.VisibilityTimeout",
        "Resources.billing.visibility_timeout",
    ],
)
def test_a_key_that_is_there_may_be_spelled_in_any_case(base, path):
    changed = apply_override(base, f"{path}=60")
    assert plain(changed["resources"]["Billing"]) == {
        "type": "sqs.queue",
        "VisibilityTimeout": "60",
    }
    assert changed["resources"].names() == ["Billing", "BillingDlq", "Filter"]


def test_values_are_yaml(base):
    policy = "{deadLetterTargetArn: BillingDlq, maxReceiveCount: 5}"
    changed = apply_override(base, f"Billing.RedrivePolicy={policy}")
    assert plain(changed["resources"]["Billing"]["RedrivePolicy"]) == {
        "deadLetterTargetArn": "BillingDlq",
        "maxReceiveCount": "5",
    }
    assert plain(apply_override(base, "expect=[a == 0, b < 5s]")["expect"]) == ["a == 0", "b < 5s"]
    assert apply_override(base, "question='a: b?'")["question"].text == "a: b?"


def test_entries_of_lists(base):
    for path in ("workload[1].rate", "workload.1.rate"):
        changed = apply_override(base, f"{path}=9/s")
        assert [plain(entry["rate"]) for entry in changed["workload"]] == ["5/s", "9/s"]


def test_a_new_key_is_taken_as_written_for_the_schema_to_judge(base):
    changed = apply_override(base, "Billing.RedrivePolicy.maxReceiveCount=3")
    assert plain(changed["resources"]["Billing"]["RedrivePolicy"]) == {"maxReceiveCount": "3"}
    assert plain(apply_override(base, "duration=5m")["duration"]) == "5m"
    assert plain(apply_override(base, "account.region=eu-west-1")["account"]) == {
        "region": "eu-west-1"
    }
    assert "New" in apply_override(base, "resources.New={type: sqs.queue}")["resources"]


def test_a_key_with_a_dot_is_quoted(base):
    changed = apply_override(base, 'Filter.FilterPolicy."order.type"=[b]')
    assert plain(changed["resources"]["Filter"]["FilterPolicy"]) == {"order.type": ["b"]}


def test_null_removes(base):
    assert "VisibilityTimeout" not in apply_override(base, "Billing.VisibilityTimeout=null")[
        "resources"
    ]["Billing"]  # fmt: skip
    assert "Billing" not in apply_override(base, "Billing=~")["resources"]
    assert len(apply_override(base, "workload[0]=null")["workload"]) == 1
    assert apply_override(base, "seed='null'")["seed"].text == "null"


def test_the_given_tree_is_never_changed(base):
    before = plain(base)
    for assignment in ("seed=2", "Billing=null", "workload[0].rate=1/s", "Billing.x.y.z=1"):
        apply_override(base, assignment)
    assert plain(base) == before


def test_an_anchored_node_changes_only_where_the_path_leads():
    root = read_text("resources: {A: &q {type: sqs.queue, n: 1}, B: *q}", "f")
    changed = apply_override(root, "A.n=2")
    assert plain(changed["resources"]) == {
        "A": {"type": "sqs.queue", "n": "2"},
        "B": {"type": "sqs.queue", "n": "1"},
    }


def test_a_section_wins_over_a_resource_of_its_name_unless_only_the_resource_is_spelled_so():
    root = read_text("resources: {seed: {n: 1}, Workload: {n: 1}}\nseed: 1", "f")
    assert plain(apply_override(root, "seed=2")["seed"]) == "2"
    assert plain(apply_override(root, "Workload.n=2")["resources"]["Workload"]) == {"n": "2"}


@pytest.mark.parametrize(
    ("assignment", "code", "words"),
    [
        ("Bilinng.VisibilityTimeout=1", "E120", "did you mean Billing?"),
        ("wrokload[0].rate=1/s", "E120", "did you mean workload?"),
        ("resources.Biling.x=1", "E120", "did you mean Billing?"),
        ("workload[2].rate=1/s", "E120", "entries 0 to 1: there is no entry 2"),
        ("workload.rate=1/s", "E120", "say which entry, such as workload[0]"),
        ("resources[0]=1", "E120", "not a list"),
        ("seed.x=1", "E120", "is one value, `1`"),
        ("Billing.VisibiltyTimeout=null", "E120", "did you mean VisibilityTimeout?"),
        ("seed", "E121", "is not PATH=VALUE"),
        ("seed=", "E121", "`null` removes a key"),
        ("=1", "E121", "is not a path"),
        ("seed=[1", "E113", "never closed"),
        ("seed=*x", "E113", "repeats an anchor"),
        ("seed={a: 1, a: 2}", "E115", "given twice"),
        ("seed=" + "[" * 1_000, "E116", "levels deep"),
        ("seed=\x00", "E111", "control character"),
    ],
)
def test_a_bad_override_is_a_problem_with_a_place(base, assignment, code, words):
    with pytest.raises(ProblemError) as error:
        apply_override(base, assignment)
    (problem,) = error.value.problems
    assert problem.code == code
    assert problem.place.file == SET_FILE
    assert words in render(error.value.problems, error.value.sources)


def test_all_bad_overrides_come_at_once_each_on_its_own_line(base):
    assignments = ["Bilinng.x=1", "seed=3", "workload[9].rate=[1"]
    with pytest.raises(ProblemError) as error:
        apply_sets(base, assignments)
    assert [(p.code, p.place.line) for p in error.value.problems] == [("E120", 1), ("E113", 3)]
    assert error.value.sources == {SET_FILE: set_source(assignments)}
    assert plain(apply_sets(base, ["seed=3", "seed=4"])["seed"]) == "4"


def test_a_value_knows_where_it_was_written(base):
    value = apply_sets(base, ["seed=3", "Billing.VisibilityTimeout=60"])["resources"]["Billing"][
        "VisibilityTimeout"
    ]  # fmt: skip
    assert value.place == Place(SET_FILE, 2, len("Billing.VisibilityTimeout=") + 1, 2)


def test_a_variant_hands_over_its_own_node_and_place(base):
    variants = read_text("v: {Billing.FifoQueue: true, Nope.x: 1, seed: null, warm_up: }", "g.yaml")
    paths = variants["v"]
    changed = apply_override_node(base, "Billing.FifoQueue", paths["Billing.FifoQueue"])
    assert changed["resources"]["Billing"]["FifoQueue"] is paths["Billing.FifoQueue"]
    assert "seed" not in apply_override_node(base, "seed", paths["seed"])
    with pytest.raises(ProblemError) as error:
        apply_override_node(base, "Nope.x", paths["Nope.x"], paths.key("Nope.x").place)
    assert error.value.problems[0].place == paths.key("Nope.x").place
    with pytest.raises(ProblemError, match="has no value"):
        apply_override_node(base, "warm_up", paths["warm_up"])


@given(st.text(max_size=30) | st.from_regex(r'[a-zB."\[\]0-9=:{} ]{0,20}', fullmatch=True))
@settings(max_examples=200, deadline=None)
def test_any_text_is_applied_or_refused_and_never_crashes(assignment):
    root = read_text(BASE, "f.yaml")
    shown = "applied"
    try:
        apply_override(root, assignment)
    except ProblemError as error:
        shown = render(error.problems, error.sources)
    assert shown


def test_an_empty_list_is_a_value():
    """`null` removes a key; `[]` is a list without entries."""
    changed = apply_override(read_text(BASE, "base.yaml"), "workload=[]")
    assert plain(changed["workload"]) == []
