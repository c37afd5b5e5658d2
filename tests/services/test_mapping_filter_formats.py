"""FilterCriteria and the format of a payload: JSON patterns for JSON, text patterns for text.

Lambda drops a payload whose format is not the pattern's. Source: Lambda developer guide,
with-sqs-filtering.html, with-kinesis-filtering.html ("properly filtering messages").
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msgsim.services.event_source_mapping.filters import EventFilter, payload
from tests.services.lambda_built import built, function, mapping

NO_STATUS = {"status": [{"exists": False}]}
NOTHING_THERE = [{"exists": False}]


def passes(pattern: Any, event: Any) -> bool:
    return EventFilter([pattern]).matches(event)


@pytest.mark.parametrize("key", ["body", "data"])
@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (NO_STATUS, '{"total": 3}', True),
        (NO_STATUS, '{"status": "paid"}', False),
        (NO_STATUS, "plain text", False),
        (NO_STATUS, "", False),
        (NO_STATUS, '[{"total": 3}]', False),
        ({"order": NO_STATUS}, '{"order": "text"}', True),
        ({"order": NO_STATUS}, "plain text", False),
        (NOTHING_THERE, '{"total": 3}', False),
        (["red"], '["red", "blue"]', False),
        ([{"anything-but": "red"}], '["blue"]', False),
        (["red"], "red", True),
        ([{"anything-but": "red"}], "blue", True),
    ],
)
def test_the_other_format_is_dropped_whatever_the_rules(
    key: str, pattern: Any, text: str, expected: bool
) -> None:
    """Plain text has no fields, but `exists: false` does not let it pass: JSON patterns drop it
    before any rule is looked at, and text patterns drop JSON. Source: with-sqs-filtering.html.
    """
    assert passes({key: pattern}, {key: payload(text)}) is expected


def test_the_format_counts_within_or_too() -> None:
    """`$or` over keys: neither alternative takes a payload of the other format."""
    either = {"$or": [{"body": NO_STATUS}, {"body": ["red"]}]}
    assert not passes(either, {"body": "blue"})
    assert passes(either, {"body": "red"})
    assert passes(either, {"body": {"total": 3}})


def test_a_field_named_body_inside_the_body_is_a_field() -> None:
    """The format is that of the payload; what is below it may lack fields."""
    assert passes({"body": {"body": NO_STATUS}}, {"body": {"body": "text"}})


def test_plain_text_is_deleted_and_no_handler_sees_it() -> None:
    """A JSON filter never matches plain text, so it is deleted. Source: with-sqs-filtering.html."""
    criteria = {"Filters": [{"Pattern": {"body": NO_STATUS}}]}
    system = built(
        {
            "Orders": {"type": "sqs.queue"},
            "Fn": function(),
            "Map": mapping(FilterCriteria=criteria),
        }
    )
    system.send("Orders", body="plain text")
    system.run("1m")
    assert system.log.of("Fn", "started") == []
    assert len(system.log.of("Map", "filtered")) == 1
    assert list(system["Orders"].holds()) == []


LEAVES = st.sampled_from([{"exists": False}, {"exists": True}, {"anything-but": "a"}, "a", None])
PATTERNS = st.recursive(
    st.lists(LEAVES, min_size=1, max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("xyz"), inner, min_size=1, max_size=2),
    max_leaves=4,
)
JSON = st.dictionaries(st.sampled_from("xyz"), st.sampled_from(["a", "b", None, 1]), max_size=3)


@given(PATTERNS, JSON, st.text("ab {", max_size=4))
def test_no_pattern_takes_both_formats(pattern: Any, document: Any, text: str) -> None:
    """A pattern of keys never takes plain text, and one of rules never takes JSON."""
    event = text if isinstance(pattern, dict) else json.dumps(document)
    assert not passes({"body": pattern}, {"body": payload(event)})
