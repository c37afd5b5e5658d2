"""`FilterCriteria`: which events a mapping hands to its function, in Lambda's pattern grammar.

A pattern is a JSON object of keys; a leaf is a list of rules, of which one must hold. Several keys
must all hold, several filters are alternatives. Rules: a literal (string, number, boolean, null),
`prefix`, `suffix`, `equals-ignore-case`, `anything-but`, `numeric`, `exists`, and `$or` over keys.

The format comes first: a pattern of keys below `body` or `data` is for JSON, one of rules for plain
text, and a payload of the other format is dropped whatever the rules say, `exists: false` included.
Source: Lambda developer guide, invocation-eventfiltering.html, with-sqs-filtering.html.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgsim.model.message import Message

MOST_FILTERS = 10
LONGEST_PATTERN = 4096
PAYLOADS = ("body", "data")

Rule = Callable[[Any], bool]
"""Says whether a value that is there fits; absence is `_ABSENT`."""

Match = Callable[[Any], bool]

_ABSENT: Any = object()
_COMPARISONS = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class FilterError(ValueError):
    """A pattern that CreateEventSourceMapping refuses (InvalidParameterValueException)."""


class EventFilter:
    """The filters of one mapping; an event passes when one of them holds.

    Args:
        patterns: each a JSON text or the object itself.

    Raises:
        FilterError: AWS would refuse one of them.

    Attributes:
        keys: the keys at the top of the patterns.
        count: how many filters there are.
    """

    def __init__(self, patterns: Sequence[Any]) -> None:
        if len(patterns) > MOST_FILTERS:
            raise FilterError(f"{len(patterns)} filters; at most {MOST_FILTERS} are allowed")
        read = [_object(pattern) for pattern in patterns]
        self.keys = {key for pattern in read for key in pattern}
        self.count = len(read)
        self._matches = [_all_of(pattern, "") for pattern in read]

    def matches(self, event: Any) -> bool:
        """Say whether the event passes: a mapping of keys, payloads parsed by `payload`."""
        return any(match(event) for match in self._matches)

    @staticmethod
    def read(criteria: Any) -> EventFilter | None:
        """Read `FilterCriteria: {Filters: [{Pattern: …}]}`; None without filters.

        Raises:
            FilterError: AWS would refuse it.
        """
        if criteria is None:
            return None
        sound = isinstance(criteria, Mapping) and not set(criteria) - {"Filters"}
        filters = criteria.get("Filters", []) if sound else None
        if not isinstance(filters, Sequence) or isinstance(filters, str):
            raise FilterError("write FilterCriteria: {Filters: [{Pattern: …}]}")
        patterns = []
        for entry in filters:
            if not isinstance(entry, Mapping) or set(entry) - {"Pattern"}:
                raise FilterError("each of Filters is {Pattern: …}")
            if "Pattern" in entry:
                patterns.append(entry["Pattern"])
        return EventFilter(patterns) if patterns else None


def payload(text: str) -> Any:
    """Return what a pattern looks at: the JSON value of the text, or the text itself."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, (dict, list)) else text


def queue_event(message: Message) -> dict[str, Any]:
    """Return a message of a queue as patterns see it.

    AWS documents the key `body`. A message without a text, as workloads make them, shows its
    attributes there, as if they were the fields of a JSON body.
    """
    attributes = message.attributes
    body = dict(attributes) if message.body is None else payload(message.body)
    return {
        "body": body,
        "messageAttributes": {name: _typed(value) for name, value in attributes.items()},
    }


def stream_event(message: Message) -> dict[str, Any]:
    """Return a record of a stream as patterns see it: `data` decoded, and the partition key.

    Source: Lambda developer guide, with-kinesis-filtering.html. A record without a text shows its
    attributes, as if they were the fields of a JSON document.
    """
    attributes = message.attributes
    data = dict(attributes) if message.body is None else payload(message.body)
    return {"data": data, "partitionKey": message.key.name}


def item_event(message: Message) -> dict[str, Any]:
    """Return a record of a DynamoDB stream as patterns see it: the new image, typed.

    Source: Lambda developer guide, with-ddb-filtering.html.
    """
    image = {name: _item_value(value) for name, value in message.attributes.items()}
    return {"eventName": "INSERT", "dynamodb": {"NewImage": image}}


def _item_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, (int, float)):
        return {"N": json.dumps(value)}
    return {"S": value if isinstance(value, str) else json.dumps(value)}


def _typed(value: Any) -> dict[str, Any]:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = value if isinstance(value, str) else json.dumps(value)
    return {"stringValue": text, "dataType": "Number" if number else "String"}


# Reading patterns ------------------------------------------------------------------------------


def _object(pattern: Any) -> dict[str, Any]:
    if isinstance(pattern, str):
        if len(pattern) > LONGEST_PATTERN:
            raise FilterError(f"a pattern has at most {LONGEST_PATTERN:,} characters")
        try:
            pattern = json.loads(pattern)
        except ValueError as error:
            raise FilterError(f"Invalid filter pattern definition: {error}") from error
    if not isinstance(pattern, Mapping) or not pattern:
        raise FilterError("Invalid filter pattern definition: a pattern is a JSON object of keys")
    return dict(pattern)


def _all_of(pattern: Mapping[str, Any], path: str) -> Match:
    """Read an object: every key must hold."""
    parts = [_key(key, wanted, f"{path}.{key}".lstrip(".")) for key, wanted in pattern.items()]
    return lambda event: all(part(event) for part in parts)


def _key(key: str, wanted: Any, path: str) -> Match:
    if key == "$or":
        return _one_of(wanted, path)
    if isinstance(wanted, Mapping):
        if not wanted:
            raise FilterError(f"{path}: an empty object matches nothing")
        inner = _all_of(wanted, path)
        if path in PAYLOADS:
            return lambda event: isinstance(_get(event, key), Mapping) and inner(event[key])
        return lambda event: inner(_get(event, key))
    if not isinstance(wanted, Sequence) or isinstance(wanted, str) or not wanted:
        raise FilterError(f'{path}: Match value must be an array of rules, such as ["a"]')
    rules = [_rule(rule, path) for rule in wanted]
    if path in PAYLOADS:
        return lambda event: not _is_json(_get(event, key)) and _leaf(_get(event, key), rules)
    return lambda event: _leaf(_get(event, key), rules)


def _is_json(value: Any) -> bool:
    """Say whether a payload is JSON rather than plain text, as `payload` reads it."""
    return isinstance(value, (Mapping, list))


def _one_of(wanted: Any, path: str) -> Match:
    if not isinstance(wanted, Sequence) or isinstance(wanted, str) or len(wanted) < 2:
        raise FilterError(f"{path}: $or needs an array of at least two objects")
    parts = []
    for item in wanted:
        if not isinstance(item, Mapping) or not item:
            raise FilterError(f"{path}: $or takes objects")
        parts.append(_all_of(item, path.removesuffix("$or").rstrip(".")))
    return lambda event: any(part(event) for part in parts)


def _get(event: Any, key: str) -> Any:
    return event.get(key, _ABSENT) if isinstance(event, Mapping) else _ABSENT


def _leaf(value: Any, rules: Sequence[Rule]) -> bool:
    """Apply the rules of a leaf: to a scalar, or to each element of an array; never to objects."""
    if isinstance(value, list):
        return any(rule(item) for item in value for rule in rules)
    return any(rule(value) for rule in rules)


def _rule(rule: Any, path: str) -> Rule:
    if not isinstance(rule, Mapping):
        if isinstance(rule, Sequence) and not isinstance(rule, str):
            raise FilterError(f"{path}: a rule is a value or an object, not an array")
        return lambda value: _same(value, rule)
    if len(rule) != 1:
        raise FilterError(f"{path}: a rule has one operator")
    name, wanted = next(iter(rule.items()))
    make = _OPERATORS.get(name)
    if make is None:
        raise FilterError(f"{path}: Unrecognized match type {name}")
    return make(wanted, path)


def _same(value: Any, wanted: Any) -> bool:
    """Compare as Lambda does, by their text: 300 is not 300.0, and "1" is not 1."""
    return type(value) is type(wanted) and bool(value == wanted)


def _text_rule(test: Callable[[str, str], bool]) -> Callable[[Any, str], Rule]:
    def make(wanted: Any, path: str) -> Rule:
        if not isinstance(wanted, str) or not wanted:
            raise FilterError(f"{path}: this operator takes a string")
        return lambda value: isinstance(value, str) and test(value, wanted)

    return make


def _anything_but(wanted: Any, path: str) -> Rule:
    values = wanted if isinstance(wanted, list) else [wanted]
    if not values or any(
        isinstance(value, (Mapping, list, bool)) or value is None for value in values
    ):
        raise FilterError(f"{path}: anything-but takes strings or numbers")
    return lambda value: (
        value is not _ABSENT
        and not isinstance(value, Mapping)
        and not any(_same(value, one) for one in values)
    )


def _numeric(wanted: Any, path: str) -> Rule:
    """Read `["=", 5]`, or a range such as `[">", 0, "<=", 5]`."""
    sound = isinstance(wanted, list) and len(wanted) in (2, 4)
    if not sound:
        raise FilterError(f"{path}: numeric takes operator and number, once or twice")
    tests = []
    for name, limit in zip(wanted[::2], wanted[1::2], strict=True):
        if name not in _COMPARISONS or not _is_number(limit):
            raise FilterError(f"{path}: numeric does not know {name!r} {limit!r}")
        tests.append((_COMPARISONS[name], limit))
    return lambda value: _is_number(value) and all(test(value, limit) for test, limit in tests)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _exists(wanted: Any, path: str) -> Rule:
    """Read `exists`, which looks at leaves only: an object does not exist for it."""
    if not isinstance(wanted, bool):
        raise FilterError(f"{path}: exists is true or false")
    return lambda value: (value is not _ABSENT and not isinstance(value, Mapping)) == wanted


_OPERATORS: dict[str, Callable[[Any, str], Rule]] = {
    "prefix": _text_rule(str.startswith),
    "suffix": _text_rule(str.endswith),
    "equals-ignore-case": _text_rule(lambda value, wanted: value.lower() == wanted.lower()),
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
}
