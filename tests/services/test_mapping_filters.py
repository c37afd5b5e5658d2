"""FilterCriteria: Lambda's pattern grammar, and what becomes of messages that do not match."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.services.event_source_mapping.filters import EventFilter, FilterError, payload
from tests.services.hand_built import codes
from tests.services.lambda_built import built, function, mapping

STATUS = {"Filters": [{"Pattern": '{"body": {"status": ["paid"]}}'}]}


def passes(pattern: Any, body: Any) -> bool:
    text = body if isinstance(body, str) else json.dumps(body)
    return EventFilter([{"body": pattern}]).matches({"body": payload(text)})


@pytest.mark.parametrize(
    ("pattern", "body", "expected"),
    [
        ({"name": ["Alice"]}, {"name": "Alice"}, True),
        ({"name": ["Alice"]}, {"name": "alice"}, False),
        ({"name": ["Alice", "Bob"]}, {"name": "Bob"}, True),
        ({"name": [{"equals-ignore-case": "alice"}]}, {"name": "Alice"}, True),
        ({"id": [None]}, {"id": None}, True),
        ({"id": [None]}, {}, False),
        ({"id": [""]}, {"id": ""}, True),
        ({"place": ["New York"], "day": ["Monday"]}, {"place": "New York", "day": "Monday"}, True),
        ({"place": ["New York"], "day": ["Monday"]}, {"place": "New York", "day": "Friday"}, False),
        ({"weather": [{"anything-but": ["Raining"]}]}, {"weather": "Sunny"}, True),
        ({"weather": [{"anything-but": ["Raining"]}]}, {"weather": "Raining"}, False),
        ({"weather": [{"anything-but": ["Raining"]}]}, {}, False),
        ({"price": [{"numeric": ["=", 100]}]}, {"price": 100}, True),
        ({"price": [{"numeric": [">", 10, "<=", 20]}]}, {"price": 20}, True),
        ({"price": [{"numeric": [">", 10, "<=", 20]}]}, {"price": 10}, False),
        ({"price": [{"numeric": ["=", 100]}]}, {"price": "100"}, False),
        ({"price": [300]}, {"price": 300}, True),
        ({"price": [300]}, {"price": 300.0}, False),
        ({"name": [{"exists": True}]}, {"name": "x"}, True),
        ({"name": [{"exists": False}]}, {"name": "x"}, False),
        ({"name": [{"exists": False}]}, {"other": "x"}, True),
        ({"region": [{"prefix": "us-"}]}, {"region": "us-east-1"}, True),
        ({"file": [{"suffix": ".png"}]}, {"file": "a.png"}, True),
        ({"$or": [{"a": ["1"]}, {"b": ["2"]}]}, {"b": "2"}, True),
        ({"$or": [{"a": ["1"]}, {"b": ["2"]}]}, {"b": "1"}, False),
        ({"tags": ["red"]}, {"tags": ["blue", "red"]}, True),
        ({"a": {"b": ["1"]}}, {"a": {"b": "1"}}, True),
        ({"a": {"b": ["1"]}}, {"a": "1"}, False),
        (["plain"], "plain", True),
        ([{"prefix": "pl"}], "plain", True),
        ({"status": ["paid"]}, "not JSON", False),
        (["plain"], {"status": "plain"}, False),
    ],
)
def test_patterns(pattern: Any, body: Any, expected: bool) -> None:
    """The table of comparison operators and of body formats: numbers compare by their text, a JSON
    pattern drops a body that is no JSON, and a text pattern one that is.

    Source: Lambda developer guide, invocation-eventfiltering.html, with-sqs-filtering.html.
    """
    assert passes(pattern, body) is expected


def test_filters_are_alternatives() -> None:
    """Several filters are ORed, several keys of one are ANDed; source: with-sqs-filtering.html."""
    found = EventFilter(['{"body": {"a": ["1"]}}', '{"body": {"b": ["1"]}}'])
    assert found.matches({"body": {"b": "1"}}) and not found.matches({"body": {"c": "1"}})


@pytest.mark.parametrize(
    "wrong",
    [
        "simple string",
        {},
        {"body": "paid"},
        {"body": []},
        {"body": {"a": [{"unknown": 1}]}},
        {"body": {"a": [{"numeric": [">", "x"]}]}},
        {"body": {"a": [{"prefix": 1}]}},
        {"body": {"a": [{"exists": "yes"}]}},
        {"body": {"$or": [{"a": ["1"]}]}},
        '{"body": {"a": ["' + "x" * 5000 + '"]}}',
    ],
)
def test_patterns_that_aws_refuses(wrong: Any) -> None:
    """InvalidParameterValueException; source: LocalStack's AWS-validated
    test_sqs_invalid_event_filter (2025-11-25) for the first two, the grammar for the others.
    """
    with pytest.raises(FilterError):
        EventFilter([wrong])
    resources = {"Orders": {"type": "sqs.queue", "VisibilityTimeout": 90}, "Fn": function()}
    criteria = {"Filters": [{"Pattern": wrong}]}
    assert codes({**resources, "Map": mapping(FilterCriteria=criteria)}) == ["E218"]


def test_advice_about_filters() -> None:
    """Five filters unless the quota was raised; the key `body` alone (with-sqs-filtering.html)."""
    resources = {"Orders": {"type": "sqs.queue", "VisibilityTimeout": 90}, "Fn": function()}
    six = {"Filters": [{"Pattern": {"body": {"a": [str(n)]}}} for n in range(6)]}
    assert codes({**resources, "Map": mapping(FilterCriteria=six)}) == ["W218"]
    key = {"Filters": [{"Pattern": {"messageAttributes": {"a": {"stringValue": ["1"]}}}}]}
    assert codes({**resources, "Map": mapping(FilterCriteria=key)}) == ["W217"]


WORDS = st.text("ab", max_size=2)


@given(WORDS, WORDS, st.lists(WORDS, min_size=1, max_size=3))
def test_rules_agree_with_their_definitions(value: str, affix: str, listed: list[str]) -> None:
    """Each rule against the plain Python expression of its meaning."""
    event = {"x": value}
    assert passes({"x": listed}, event) == (value in listed)
    assert passes({"x": [{"anything-but": listed}]}, event) == (value not in listed)
    if affix:
        assert passes({"x": [{"prefix": affix}]}, event) == value.startswith(affix)
        assert passes({"x": [{"suffix": affix}]}, event) == value.endswith(affix)


def test_what_does_not_match_is_deleted_and_invokes_nothing() -> None:
    """A message that no filter wants is consumed, not left: the queue is empty afterwards. Source:
    with-sqs-filtering.html; LocalStack's AWS-validated filter tests (2025-11-25).
    """
    system = built(
        {
            "Orders": {"type": "sqs.queue"},
            "Fn": function(),
            "Map": mapping(FilterCriteria=STATUS),
        }
    )
    system.send("Orders", body='{"status": "open"}')
    system.send("Orders", body="no JSON")
    system.send("Orders", body='{"status": "paid"}')
    system.send("Orders", attributes={"status": "paid"})
    system.run("2m")
    assert len(system.log.of("Map", "filtered")) == 2
    assert len(system.log.of("Orders", "deleted")) == 4
    assert sum(fact[1] for fact in system.log.of("Fn", "started")) == 2
    assert list(system["Orders"].holds()) == []


def test_nothing_is_invoked_when_nothing_matches() -> None:
    system = built(
        {
            "Orders": {"type": "sqs.queue"},
            "Fn": function(),
            "Map": mapping(FilterCriteria=STATUS),
        }
    )
    for _ in range(30):
        system.send("Orders", attributes={"status": "open"})
    system.run("2m")
    assert system.log.of("Fn", "started") == []
    assert sum(fact[1] for fact in system.log.of("Map", "batch_deleted")) == 30
