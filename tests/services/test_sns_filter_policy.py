"""SNS filter policies: what is delivered, what AWS refuses, and with which words.

Sources: SNS developer guide, pages string-value-matching, numeric-value-matching, and-or-logic,
subscription-filter-policy-constraints, sns-subscription-filter-policies; "recorded" = AWS's answer
in LocalStack's AWS-validated test_sns_filter_policy snapshots of 2024-05-14 and 2024-05-15.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msgsim.services.sns.filter_policy import FilterPolicy, FilterPolicyError


def attributes_match(policy: dict[str, Any], attributes: dict[str, Any]) -> bool:
    return FilterPolicy.parse(policy).matches(attributes, None)


def body_matches(policy: dict[str, Any], body: Any) -> bool:
    text = body if isinstance(body, str) else json.dumps(body)
    return FilterPolicy.parse(policy, "MessageBody").matches({}, text)


STORE_AND_PRICE = {"store": ["a", "b"], "price": [{"numeric": [">", 0, "<=", 100]}]}


@pytest.mark.parametrize(
    ("attributes", "delivered"),
    [
        ({"store": "a", "price": 100}, True),
        ({"store": "b", "price": 0}, False),
        ({"store": "c", "price": 50}, False),
        ({"store": "a"}, False),
        ({"store": "a", "price": 50, "extra": "x"}, True),
    ],
)
def test_keys_are_and_values_are_or(attributes: dict[str, Any], delivered: bool) -> None:
    """Every key must match, any value of a key suffices, other attributes are ignored.

    Source: sns-subscription-filter-policies, numeric-value-matching (conformance case 6).
    """
    assert attributes_match(STORE_AND_PRICE, attributes) is delivered


@pytest.mark.parametrize("policy", [STORE_AND_PRICE, {"k": [{"anything-but": "x"}]}, {"k": [None]}])
def test_a_message_without_attributes_is_filtered_out(policy: dict[str, Any]) -> None:
    """Metric NumberOfNotificationsFilteredOut-NoMessageAttributes (conformance case 7)."""
    assert not attributes_match(policy, {})


MATCHES = [
    # exact (string-value-matching; case-sensitive: constraints page)
    (["rugby", "tennis"], "rugby", True),
    (["rugby", "tennis"], "baseball", False),
    (["rugby"], "Rugby", False),
    (["rugby", "tennis"], ["rugby", "tennis"], True),
    (["rugby", "tennis"], ["baseball"], False),
    ([100], 100, True),
    ([100], 100.0, True),
    ([100], "100", False),
    ([True], True, True),
    ([True], 1, False),
    ([True], "true", False),
    ([1], True, False),
    ([None], [None], True),
    # anything-but (string-value-matching, numeric-value-matching)
    ([{"anything-but": ["rugby", "tennis"]}], "baseball", True),
    ([{"anything-but": ["rugby", "tennis"]}], "rugby", False),
    ([{"anything-but": ["rugby", "tennis"]}], ["rugby", "baseball"], True),
    ([{"anything-but": ["rugby", "tennis"]}], ["rugby", "tennis"], False),
    ([{"anything-but": "rugby"}], "rugby", False),
    ([{"anything-but": [100, 500]}], 101, True),
    ([{"anything-but": [100, 500]}], 100.1, True),
    ([{"anything-but": [100, 500]}], 100, False),
    ([{"anything-but": [100, 500]}], [100, 50], True),
    ([{"anything-but": {"prefix": "order-"}}], "data-entry", True),
    ([{"anything-but": {"prefix": "order-"}}], "order-number", False),
    ([{"anything-but": {"suffix": ".png"}}], "a.png", False),
    ([{"anything-but": {"suffix": ".png"}}], "a.jpg", True),
    ([{"anything-but": {"wildcard": "*ball"}}], "baseball", False),
    ([{"anything-but": {"wildcard": "*ball"}}], "rugby", True),
    # prefix, suffix, equals-ignore-case, wildcard (string-value-matching)
    ([{"prefix": "bas"}], "baseball", True),
    ([{"prefix": "bas"}], "rugby", False),
    ([{"prefix": "1"}], 12, False),
    ([{"suffix": "ball"}], "baseball", True),
    ([{"suffix": "ball"}], "rugby", False),
    ([{"equals-ignore-case": "tennis"}], "TeNnis", True),
    ([{"equals-ignore-case": "tennis"}], "table tennis", False),
    ([{"wildcard": "*ball"}], "football", True),
    ([{"wildcard": "a*b*c"}], "a-b-c", True),
    ([{"wildcard": "a*b*c"}], "a-c-b", False),
    ([{"wildcard": "ab*ba"}], "aba", False),
    ([{"wildcard": "plain"}], "plain", True),
    # numeric (numeric-value-matching)
    ([{"numeric": ["=", 301.5]}], 3.015e2, True),
    ([{"numeric": ["=", 301.5]}], "301.5", False),
    ([{"numeric": ["<", 0]}], -0.00001, True),
    ([{"numeric": ["<", 0]}], 0, False),
    ([{"numeric": [">=", 0, "<", 10]}], 0, True),
    ([{"numeric": [">=", 0, "<", 10]}], 10, False),
    ([{"numeric": [">", 0]}], True, False),
    # cidr (string-value-matching)
    ([{"cidr": "10.0.0.0/24"}], "10.0.0.255", True),
    ([{"cidr": "10.0.0.0/24"}], "10.0.1.0", False),
    ([{"cidr": "10.0.0.0/24"}], "not an address", False),
    ([{"cidr": "2001:db8::/32"}], "2001:db8:1::5", True),
    ([{"cidr": "2001:db8::/32"}], "10.0.0.1", False),
    # exists, and OR inside a clause (and-or-logic)
    ([{"exists": True}], "anything", True),
    ([{"exists": False}], "anything", False),
    (["x", {"prefix": "bas"}, {"numeric": [">", 5]}], 6, True),
    (["x", {"prefix": "bas"}, {"numeric": [">", 5]}], "x", True),
    (["x", {"prefix": "bas"}, {"numeric": [">", 5]}], "y", False),
]


@pytest.mark.parametrize(("clause", "value", "delivered"), MATCHES)
def test_operators_agree_in_both_scopes(clause: list[Any], value: Any, delivered: bool) -> None:
    """Each operator on an attribute, and on the same value as a property of the body."""
    assert attributes_match({"key": clause}, {"key": value}) is delivered
    assert body_matches({"key": clause}, {"key": value}) is delivered


def test_exists_false_matches_absence_only() -> None:
    """Recorded: `exists: false` delivers a message without the attribute, and no other."""
    assert attributes_match({"store": [{"exists": False}]}, {"def": 99})
    assert not attributes_match({"store": [{"exists": False}]}, {"def": 99, "store": 99})
    assert not attributes_match({"store": [{"exists": True}]}, {"def": 99})


def test_null_or_anything_but_does_not_match_absence() -> None:
    """Recorded: `[null, {"anything-but": …}]` does not deliver when the attribute is absent."""
    assert not attributes_match({"attr1": [None, {"anything-but": "whatever"}]}, {})


def test_binary_attributes_are_ignored() -> None:
    """Only String, String.Array and Number are compared (constraints page)."""
    policy = FilterPolicy.parse({"k": [{"exists": True}]})
    assert not policy.matches({"k": b"raw"}, None)  # type: ignore[dict-item]


@pytest.mark.parametrize("policy", ["", "{}", {}])
def test_an_empty_policy_filters_nothing(policy: Any) -> None:
    """An empty policy removes the filter (message-filtering-apply)."""
    assert FilterPolicy.parse(policy).matches({}, None)


@pytest.mark.parametrize("body", ["text", "[1]", '"s"', "", "{", "NaN"])
def test_a_body_that_is_no_json_object_is_filtered_out(body: str) -> None:
    """Metric NumberOfNotificationsFilteredOut-InvalidMessageBody, whatever the policy."""
    assert not body_matches({"k": [{"exists": False}]}, body)
    assert not FilterPolicy.parse({"k": [{"exists": False}]}, "MessageBody").matches({}, None)


@pytest.mark.parametrize(
    "body",
    [
        {"object": {"nested": {"test": "v"}}},
        {"object.nested.test": "v"},
        {"object.nested": {"test": "v"}},
        {"object": {"nested.test": "v"}},
    ],
)
@pytest.mark.parametrize(
    "policy", [{"object.nested.test": ["v"]}, {"object": {"nested": {"test": ["v"]}}}]
)
def test_a_dot_in_a_key_is_a_path(policy: dict[str, Any], body: dict[str, Any]) -> None:
    """Recorded: a dotted policy key matches the literal key and every nesting of it."""
    assert body_matches(policy, body)


def test_arrays_of_objects_are_descended_into() -> None:
    """Recorded: even a list of a list of objects is searched."""
    policy = {
        "Records": {
            "s3": {"object": {"key": [{"prefix": "auto-"}]}},
            "eventName": [{"prefix": "ObjectCreated:"}],
        }
    }
    created = {"eventName": "ObjectCreated:Put", "s3": {"object": [[{"key": "auto-1"}]]}}
    removed = {"eventName": "ObjectRemoved:Delete", "s3": {"object": {"key": "home-1"}}}
    assert body_matches(policy, {"Records": [created, removed]})
    assert not body_matches(policy, {"Records": [removed]})


@pytest.mark.parametrize(
    ("attributes", "delivered"),
    [
        ({"source": "aws.cloudwatch", "metricName": "CPUUtilization"}, True),
        ({"source": "aws.cloudwatch", "namespace": "AWS/EC2"}, True),
        ({"source": "aws.cloudwatch"}, False),
        ({"metricName": "CPUUtilization"}, False),
    ],
)
def test_or_operator(attributes: dict[str, Any], delivered: bool) -> None:
    """`source` AND (`metricName` OR `namespace`): the example of and-or-logic."""
    policy = {
        "source": ["aws.cloudwatch"],
        "$or": [{"metricName": ["CPUUtilization", "ReadLatency"]}, {"namespace": ["AWS/EC2"]}],
    }
    assert attributes_match(policy, attributes) is delivered


def test_or_is_a_field_name_unless_it_looks_like_the_operator() -> None:
    """`$or` needs two objects or more, none with a reserved word as a field (and-or-logic)."""
    assert attributes_match({"$or": ["a", {"prefix": "b"}]}, {"$or": "bc"})
    with pytest.raises(FilterPolicyError, match="Unrecognized match type source"):
        FilterPolicy.parse({"$or": [{"source": ["a"]}]})
    with pytest.raises(FilterPolicyError, match="Unrecognized match type source"):
        FilterPolicy.parse({"$or": [{"source": ["a"]}, {"prefix": "x"}]})


TEXT = st.text("ab*", max_size=4)


@given(listed=st.lists(TEXT, min_size=1, max_size=3), value=TEXT)
@settings(max_examples=100, deadline=None)
def test_anything_but_negates_exact_for_one_present_string(listed: list[str], value: str) -> None:
    """For a single string that is there, exactly one of the two forms delivers."""
    exact = attributes_match({"k": listed}, {"k": value})
    assert attributes_match({"k": [{"anything-but": listed}]}, {"k": value}) is not exact


@pytest.mark.parametrize("operator", ["prefix", "suffix"])
@given(pattern=st.text("ab", max_size=3), value=st.text("ab", max_size=5))
@settings(max_examples=50, deadline=None)
def test_wildcard_generalises_prefix_and_suffix(operator: str, pattern: str, value: str) -> None:
    """`p*` is prefix p, `*s` is suffix s; anything-but of each is its negation."""
    wildcard = f"{pattern}*" if operator == "prefix" else f"*{pattern}"
    expected = attributes_match({"k": [{operator: pattern}]}, {"k": value})
    assert attributes_match({"k": [{"wildcard": wildcard}]}, {"k": value}) is expected
    assert attributes_match({"k": [{"anything-but": {operator: pattern}}]}, {"k": value}) is (
        not expected
    )


@given(
    low=st.integers(-50, 49),
    width=st.integers(1, 50),
    value=st.decimals(-100, 100, places=5).map(float),
)
@settings(max_examples=100, deadline=None)
def test_a_numeric_range_is_the_conjunction_of_its_ends(low: int, width: int, value: float) -> None:
    """`[">", a, "<=", b]` delivers exactly a < value <= b, to five decimals."""
    policy = {"k": [{"numeric": [">", low, "<=", low + width]}]}
    assert attributes_match(policy, {"k": value}) is (low < value <= low + width)
