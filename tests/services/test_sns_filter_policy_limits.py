"""SNS filter policies that AWS refuses, with which words, and how it counts their limits.

Sources: SNS developer guide, page subscription-filter-policy-constraints; "recorded" = AWS's answer
in LocalStack's AWS-validated test_sns_filter_policy snapshots of 2024-05-14 and 2024-05-15.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.services.sns.filter_policy import FilterPolicy, FilterPolicyError

REFUSED = [
    ([["value"]], "Match value must be String, number, true, false, or null"),
    ([{"wrong-operator": True}], "Unrecognized match type wrong-operator"),
    ([{"suffix": "v", "prefix": "w"}], "Only one key allowed in match expression"),
    ([{"suffix": 100}], "suffix match pattern must be a string"),
    ([{"suffix": None}], "suffix match pattern must be a string"),
    ([{"suffix": []}], "suffix match pattern must be a string"),
    ({"suffix": "value"}, '"suffix" must be an object or an array'),
    ("value", '"key" must be an object or an array'),
    ([], "Empty arrays are not allowed"),
    ([{"numeric": []}], "Invalid member in numeric match: ]"),
    ([{"numeric": ["operator"]}], "Unrecognized numeric range operator: operator"),
    ([{"numeric": [1, "<="]}], "Invalid member in numeric match: 1"),
    ([{"numeric": ["=", "000"]}], "Value of equals must be numeric"),
    ([{"numeric": [">="]}], "Value of >= must be numeric"),
    ([{"numeric": ["<", 100, ">", 10]}], "Too many elements in numeric expression"),
    ([{"numeric": [">=", 1, ">", 2]}], "Bad numeric range operator: >"),
    ([{"numeric": [">", 3, "<", 1]}], "Bottom must be less than top"),
    ([{"numeric": [">", 20, "<="]}], "Value of <= must be numeric"),
    ([{"numeric": [">", 20, 30]}], "Bad value in numeric range: 30"),
    ([{"numeric": [">", 20, "test"]}], "Bad numeric range operator: test"),
    ([{"numeric": [">", "20", "<", "30"]}], "Value of > must be numeric"),
    ([{"numeric": [">", 20, "<", "30"]}], "Value of < must be numeric"),
    ([{"numeric": [">", 20, "<", 30, "<", 50]}], "Too many terms in numeric range expression"),
    ([{"exists": None}], "exists match pattern must be either true or false."),
    ([{"exists": "no"}], "exists match pattern must be either true or false."),
    ([{"anything-but": {"wrong": None}}], "Unsupported anything-but pattern: wrong"),
    ([{"anything-but": {"exists": False}}], "Unsupported anything-but pattern: exists"),
    ([{"anything-but": {"prefix": False}}], "prefix match pattern must be a string"),
    ([{"cidr": "10.0.0.0"}], "Malformed CIDR, one '/' required"),
    ([{"cidr": "bad/24"}], "Nonstandard IP address: bad"),
    ([{"cidr": "10.0.0.0/x"}], "Malformed CIDR, mask bits must be an integer"),
    ([str(number) for number in range(151)], "Filter policy is too complex"),
]


@pytest.mark.parametrize(("clause", "reason"), REFUSED)
def test_refusals_in_aws_words(clause: Any, reason: str) -> None:
    """Recorded texts; the parser's position at their end ("at [Source: …") is left out."""
    with pytest.raises(FilterPolicyError) as caught:
        FilterPolicy.parse({"key": clause})
    assert caught.value.code == "InvalidParameter"
    assert caught.value.message == f"FilterPolicy: {reason}"
    assert str(caught.value) == f"Invalid parameter: FilterPolicy: {reason}"


def test_scope_refusals() -> None:
    """Recorded: a nested policy on attributes, and an unknown scope."""
    with pytest.raises(FilterPolicyError) as nested:
        FilterPolicy.parse({"object": {"key": ["x"]}}, "MessageAttributes")
    assert nested.value.message == (
        "Filter policy scope MessageAttributes does not support nested filter policy"
    )
    with pytest.raises(FilterPolicyError) as scope:
        FilterPolicy.parse({"k": ["x"]}, "RandomValue")  # type: ignore[arg-type]
    assert scope.value.message == (
        "FilterPolicyScope: Invalid value [RandomValue]. "
        "Please use either MessageBody or MessageAttributes"
    )


def test_at_most_five_leaf_keys() -> None:
    """Recorded text; only leaf keys of a nested policy count (constraints page, 2026)."""
    nested = {"a": {"b": ["x"], "c": ["x"], "d": ["x"]}, "e": ["x"], "f": ["x"]}
    keys = FilterPolicy.parse(nested, "MessageBody").keys
    assert keys == {"a.b", "a.c", "a.d", "e", "f"}
    with pytest.raises(FilterPolicyError, match="can not have more than 5 keys"):
        FilterPolicy.parse({key: ["x"] for key in "abcdef"})


def test_complexity_of_a_nested_policy() -> None:
    """Four values at level 3 and three at level 2 are 4 * 3 * 3 * 2 = 72 (constraints page)."""
    policy = {"a": {"b": {"c": list("1234")}, "e": list("123")}}
    assert FilterPolicy.parse(policy, "MessageBody").combinations == 72


@pytest.mark.parametrize(
    ("clause", "combinations"),
    [([{"anything-but": ["a", "b", "c"]}], 3), ([{"anything-but": "a"}, "b"], 2)],
)
def test_anything_but_counts_one_combination_per_element(
    clause: list[Any], combinations: int
) -> None:
    """A choice of ours where AWS does not say."""
    assert FilterPolicy.parse({"k": clause}).combinations == combinations


def test_complexity_of_or_is_the_sum_of_its_branches() -> None:
    """Recorded: 3*6 + 3*4*4 + 3*4*7 = 150 is accepted, 24 + 72 + 16 + 48 = 160 is refused."""
    metric = {
        "metricType": list("abcd"),
        "$or": [{"metricId": [1, 2, 3, 4]}, {"spaceId": [1, 2, 3, 4, 5, 6, 7]}],
    }
    accepted = {"source": list("abc"), "$or": [{"metricName": list("abcdef")}, metric]}
    assert FilterPolicy.parse(accepted).combinations == 150
    refused = {
        "$or": [{"metricName": list("abc")}, {"namespace": list("ab")}],
        "detail": {"scope": list("ab"), "$or": [{"source": ["a"]}, {"type": list("abc")}]},
    }
    with pytest.raises(FilterPolicyError, match="Filter policy is too complex"):
        FilterPolicy.parse(refused, "MessageBody")


def test_size_limit_is_256_kib_of_text() -> None:
    """262,144 bytes are accepted, one more is refused (constraints page)."""
    filler = "x" * (262_144 - len('{"k":[""]}'))
    FilterPolicy.parse(f'{{"k":["{filler}"]}}')
    with pytest.raises(FilterPolicyError, match="262144 bytes"):
        FilterPolicy.parse({"k": [filler + "x"]})


def test_wildcard_points() -> None:
    """Σ points x number of patterns per field, at most 100; `*` once 1, oftener 3 points each.

    Six patterns of three points: 18 * 6 = 108. Ten of one point: 10 * 10 = 100. Constraints page.
    """
    FilterPolicy.parse({"k": [{"wildcard": f"{n}*"} for n in range(10)]})
    FilterPolicy.parse({"k": [{"anything-but": {"wildcard": f"*{n}*"}} for n in range(10)]})
    with pytest.raises(FilterPolicyError, match="108 points"):
        FilterPolicy.parse({"k": [{"wildcard": f"*{n}*"} for n in range(6)]})
    FilterPolicy.parse({"k": [{"wildcard": "*a*b*"}]})
    with pytest.raises(FilterPolicyError, match="more than 3"):
        FilterPolicy.parse({"k": [{"wildcard": "*a*b*c*"}]})


@pytest.mark.parametrize(
    "policy",
    [
        "{",
        "[]",
        "null",
        '{"k": [NaN]}',
        '{"k": [1e999]}',
        '{"k": [1000000000.1]}',
        {"k": [float("nan")]},
        {"k": [object()]},
        {"k": [{"cidr": "1.2.3.4/" + "9" * 5000}]},
        {"k": ["9" * 5000, int("1" + "0" * 4000)]},
        {"k": {}},
        "[" * 100_000,
        '{"a":' * 20_000 + "[1]" + "}" * 20_000,
    ],
)
def test_what_is_no_policy_is_refused_cleanly(policy: Any) -> None:
    """A bad policy is one error type, never another exception."""
    with pytest.raises(FilterPolicyError):
        FilterPolicy.parse(policy, "MessageBody")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NAMES = st.sampled_from(
    ["$or", "a", "a.b", "prefix", "suffix", "numeric", "exists", "anything-but", "cidr", "wildcard"]
) | st.text(max_size=3)
OPERANDS = SCALARS | st.sampled_from(["<", ">=", "=", "10.0.0.0/8", "*a*", "::/0"])
JSON = st.recursive(
    OPERANDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
BODIES = st.dictionaries(st.sampled_from(["a", "b", "$or"]), JSON, max_size=3)


@given(policy=st.dictionaries(NAMES, JSON, max_size=4), body=BODIES)
@settings(max_examples=200, deadline=None)
def test_no_json_raises_anything_else(policy: dict[str, Any], body: dict[str, Any]) -> None:
    """Parsing gives a policy or a `FilterPolicyError`; matching gives an answer."""
    for scope in ("MessageAttributes", "MessageBody"):
        try:
            parsed = FilterPolicy.parse(policy, scope)
        except FilterPolicyError:
            continue
        assert parsed.matches(body, json.dumps(body)) in (True, False)
