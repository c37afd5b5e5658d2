"""SNS subscription filter policies: which messages a subscription wants (content-based routing).

A policy is parsed and compiled once; `matches` is a chain of closures. Rules and limits:
https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html,
https://docs.aws.amazon.com/sns/latest/dg/and-or-logic.html; refusal texts as in `filter_match`.

Assumptions, where AWS says nothing: several conditions on an array of objects may be met by
different elements; an empty array counts as an absent field; a policy's keys are its distinct
leaf paths, those inside `$or` included.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import Any, Literal

from msgsim.model.message import AttributeValue
from msgsim.services.sns.filter_match import (
    OPERATORS,
    Expression,
    FilterPolicyError,
    Test,
    atom,
    parse_expression,
    refuse,
)

__all__ = ["FilterPolicy", "FilterPolicyError", "Scope"]

Scope = Literal["MessageAttributes", "MessageBody"]

MAX_KEYS = 5
MAX_COMBINATIONS = 150
MAX_WILDCARD_POINTS = 100
MAX_SIZE_BYTES = 262_144

_Fields = Mapping[str, Any]
_Rule = Callable[[_Fields], bool]
_ABSENT = object()


class FilterPolicy:
    """A filter policy: a predicate on messages (a probabilistic or key-based split of a stream).

    Attributes:
        scope: where it looks, `MessageAttributes` or `MessageBody`.
        keys: the distinct leaf fields it names, dotted paths for nested ones.
        combinations: its complexity as AWS counts it, at most 150.
    """

    __slots__ = ("_accepts", "combinations", "keys", "scope")

    def __init__(
        self, scope: Scope, accepts: _Rule | None, keys: frozenset[str], combinations: int
    ) -> None:
        self.scope = scope
        self.keys = keys
        self.combinations = combinations
        self._accepts = accepts

    @classmethod
    def parse(
        cls, policy: Mapping[str, Any] | str, scope: Scope = "MessageAttributes"
    ) -> FilterPolicy:
        """Check and compile a policy; `{}` and `""` filter nothing.

        Raises:
            FilterPolicyError: AWS would refuse it (`InvalidParameter`).
        """
        if scope not in ("MessageAttributes", "MessageBody"):
            raise FilterPolicyError(
                f"FilterPolicyScope: Invalid value [{scope}]. "
                "Please use either MessageBody or MessageAttributes"
            )
        try:
            document = _document(policy or {})
            if not document:
                return cls(scope, None, frozenset(), 0)
            rules = _PolicyParser()
            accepts, combinations = rules.policy(document, "", 1)
        except RecursionError:
            raise refuse("Filter policy is too complex") from None
        rules.check_limits(scope, combinations)
        return cls(scope, accepts, frozenset(rules.keys), combinations)

    def matches(self, attributes: Mapping[str, AttributeValue], body: str | None) -> bool:
        """Say whether a message with these attributes and this body is to be delivered.

        With scope `MessageBody`, a body that is not a JSON object is never delivered.
        """
        accepts = self._accepts
        if accepts is None:
            return True
        if self.scope == "MessageAttributes":
            return accepts(attributes)
        fields = None if body is None else _body_fields(body)
        return fields is not None and accepts(fields)


def _document(policy: Mapping[str, Any] | str) -> dict[str, Any]:
    """Return the policy as JSON reads it, within AWS's size."""
    try:
        text = policy if isinstance(policy, str) else _to_json(policy)
        if len(text.encode(errors="surrogatepass")) > MAX_SIZE_BYTES:
            raise refuse(f"a filter policy can not be larger than {MAX_SIZE_BYTES} bytes")
        document = json.loads(text, parse_constant=_no_constant)
    except FilterPolicyError:
        raise
    except (TypeError, ValueError) as error:
        raise refuse(f"failed to parse JSON. {error}") from None
    if not isinstance(document, dict):
        raise refuse("Filter is not an object")
    return document


def _to_json(policy: Mapping[str, Any]) -> str:
    return json.dumps(dict(policy), ensure_ascii=False, separators=(",", ":"))


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


class _PolicyParser:
    """Compiles the structure of one policy and adds up what the limits are about."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.nested = False
        self.wildcard_points = 0

    def policy(self, document: dict[str, Any], path: str, level: int) -> tuple[_Rule, int]:
        """Return the rule (all keys must match) and its number of combinations.

        The sum over the branches of an `$or`, expanded, is the product of the sums.
        """
        if not document:
            raise refuse("Empty objects are not allowed")
        rules, combinations = [], 1
        for key, clause in document.items():
            if key == "$or" and _is_or(clause):
                rule, count = self._or(clause, path, level)
            else:
                rule, count = self._key(key, clause, path, level)
            rules.append(rule)
            combinations *= count
        return _all_of(rules), combinations

    def _or(self, branches: list[dict[str, Any]], path: str, level: int) -> tuple[_Rule, int]:
        compiled = [self.policy(branch, path, level) for branch in branches]
        rules = [rule for rule, _ in compiled]
        return _any_of(rules), sum(count for _, count in compiled)

    def _key(self, key: str, clause: Any, path: str, level: int) -> tuple[_Rule, int]:
        dotted = f"{path}.{key}" if path else key
        if isinstance(clause, dict):
            self.nested = True
            return self.policy(clause, dotted, level + 1)
        if not isinstance(clause, list):
            raise refuse(f'"{key}" must be an object or an array')
        if not clause:
            raise refuse("Empty arrays are not allowed")
        return self._leaf(dotted, [parse_expression(match) for match in clause], level)

    def _leaf(self, path: str, matches: list[Expression], level: int) -> tuple[_Rule, int]:
        self.keys.add(path)
        points = sum(match.points for match in matches)
        self.wildcard_points += points * sum(match.patterns for match in matches)
        absent = any(match.absent for match in matches)
        rule = _field_rule(path, _any_test(matches), absent)
        return rule, level * sum(match.values for match in matches)

    def check_limits(self, scope: Scope, combinations: int) -> None:
        """Raise what AWS answers to a policy that is well formed but not allowed."""
        if self.nested and scope == "MessageAttributes":
            raise FilterPolicyError(
                "Filter policy scope MessageAttributes does not support nested filter policy"
            )
        if len(self.keys) > MAX_KEYS:
            raise refuse(f"Filter policy can not have more than {MAX_KEYS} keys")
        if combinations > MAX_COMBINATIONS:
            raise refuse("Filter policy is too complex")
        if self.wildcard_points > MAX_WILDCARD_POINTS:
            raise refuse(
                f"wildcard complexity of {self.wildcard_points} points exceeds "
                f"{MAX_WILDCARD_POINTS}"
            )


def _is_or(clause: Any) -> bool:
    """AWS's three conditions; otherwise `$or` is an ordinary field name."""
    return (
        isinstance(clause, list)
        and len(clause) >= 2
        and all(isinstance(branch, dict) and OPERATORS.isdisjoint(branch) for branch in clause)
    )


def _all_of(rules: list[_Rule]) -> _Rule:
    if len(rules) == 1:
        return rules[0]
    if len(rules) == 2:
        first, second = rules
        return lambda fields: first(fields) and second(fields)
    return lambda fields: all(rule(fields) for rule in rules)


def _any_of(rules: list[_Rule]) -> _Rule:
    return lambda fields: any(rule(fields) for rule in rules)


def _any_test(matches: list[Expression]) -> Test:
    """Return the test of a clause: one look-up for all exact values, then the operators."""
    atoms: frozenset[Hashable] = frozenset().union(*(match.atoms for match in matches))
    tests = [match.test for match in matches if match.test is not None]
    if not tests:
        return lambda value: (value if type(value) is str else atom(value)) in atoms
    if not atoms and len(tests) == 1:
        return tests[0]
    return lambda value: atom(value) in atoms or any(test(value) for test in tests)


def _field_rule(path: str, test: Test, absent: bool) -> _Rule:
    """Return the rule of one field; of an array, one element that matches suffices."""

    def rule(fields: _Fields) -> bool:
        value = fields.get(path, _ABSENT)
        if type(value) is str:
            return test(value)
        if type(value) is list:
            return any(map(test, value)) if value else absent
        if value is _ABSENT or isinstance(value, bytes):  # attributes of type Binary are ignored
            return absent
        return test(value)

    return rule


@lru_cache(maxsize=32)
def _body_fields(body: str) -> dict[str, list[Any]] | None:
    """Return the leaves of a JSON object by dotted path, None when the body is none.

    Kept for a few bodies, because every subscription of a topic looks at the same one.
    """
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return _leaves(document) if isinstance(document, dict) else None


def _leaves(document: dict[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    waiting: list[tuple[str, Any]] = list(document.items())
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend((f"{path}.{key}", inner) for key, inner in value.items())
        elif isinstance(value, list):
            waiting.extend((path, element) for element in value)
        else:
            found.setdefault(path, []).append(value)
    return found
