"""Match expressions of SNS filter policies: one element of a clause, compiled to a test.

Operators: https://docs.aws.amazon.com/sns/latest/dg/string-value-matching.html and
https://docs.aws.amazon.com/sns/latest/dg/numeric-value-matching.html. Refusal texts are those AWS
returned on 2024-05-14 and -15 as recorded in LocalStack's AWS-validated tests; where no recording
exists they are the words of AWS's open-source Event Ruler, whose texts the recordings share.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

Test = Callable[[Any], bool]
"""Says whether one scalar value (string, number, true, false, null) satisfies an expression."""

NUMERIC_BOUND = 1_000_000_000
"""Numbers range from -10^9 to 10^9 (SNS guide, filter policy constraints)."""

NUMERIC_STEPS = 100_000
"""… with five digits after the decimal point (same page)."""

MAX_ASTERISKS = 3
"""Wildcards per pattern (same page)."""

OPERATORS = frozenset(
    {
        "prefix",
        "suffix",
        "equals-ignore-case",
        "wildcard",
        "anything-but",
        "numeric",
        "exists",
        "cidr",
    }
)

_LITERALS: dict[bool | None, Hashable] = {True: ("true",), False: ("false",), None: ("null",)}
_NOT_A_POLICY_NUMBER = ("beyond",)
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "=": int.__eq__,
    "<": int.__lt__,
    "<=": int.__le__,
    ">": int.__gt__,
    ">=": int.__ge__,
}
_MASK = re.compile(r"[+-]?[0-9]{1,9}")


class FilterPolicyError(ValueError):
    """A filter policy that AWS refuses with `InvalidParameter`.

    Attributes:
        message: what follows "Invalid parameter: " in AWS's answer to SetSubscriptionAttributes.
    """

    code = "InvalidParameter"

    def __init__(self, message: str) -> None:
        super().__init__(f"Invalid parameter: {message}")
        self.message = message


def refuse(reason: str) -> FilterPolicyError:
    """Return the error whose text is AWS's prefix and this reason."""
    return FilterPolicyError(f"FilterPolicy: {reason}")


@dataclass(frozen=True, slots=True)
class Expression:
    """One compiled element of a clause.

    Attributes:
        test: for a value that is there; None when `atoms` say it all.
        atoms: the values it equals exactly (see `atom`).
        absent: whether an absent field satisfies it (`exists: false`).
        values: how many values it adds to the complexity.
        patterns: how many wildcard patterns it holds.
        points: their wildcard points.
    """

    test: Test | None = None
    atoms: frozenset[Hashable] = frozenset()
    absent: bool = False
    values: int = 1
    patterns: int = 0
    points: int = 0


def atom(value: Any) -> Hashable:
    """Return what two scalars share exactly when a policy holds them equal.

    The string "1", the number 1 and the literal true differ; 301.5 equals 3.015e2.
    """
    if type(value) is str:
        return value
    if value is None or type(value) is bool:
        return _LITERALS[value]
    steps = _steps(value)
    return _NOT_A_POLICY_NUMBER if steps is None else steps


def _steps(value: Any) -> int | None:
    """Return a number in steps of 10^-5, None for what no numeric rule covers."""
    kind = type(value)
    if (kind is not int and kind is not float) or not -NUMERIC_BOUND <= value <= NUMERIC_BOUND:
        return None
    steps: int = round(value * NUMERIC_STEPS)
    return steps


def parse_expression(match: Any) -> Expression:
    """Compile one element of a clause.

    Raises:
        FilterPolicyError: AWS would refuse it.
    """
    if not isinstance(match, dict):
        return Expression(atoms=frozenset((_policy_atom(match),)))
    name, operand = _only_item(match)
    match name:
        case "exists":
            return _exists(operand)
        case "anything-but":
            return _anything_but(operand)
        case "numeric":
            return Expression(test=_numeric(operand))
        case "cidr":
            return Expression(test=_cidr(operand))
        case "wildcard":
            return _wildcard(operand)
        case "prefix" | "suffix" | "equals-ignore-case":
            return Expression(test=_string_test(name, operand))
    raise refuse(f"Unrecognized match type {name}")


def _only_item(match: dict[str, Any]) -> tuple[str, Any]:
    if len(match) != 1:
        raise refuse("Only one key allowed in match expression")
    return next(iter(match.items()))


def _policy_atom(value: Any) -> Hashable:
    if isinstance(value, list | dict):
        raise refuse("Match value must be String, number, true, false, or null")
    found = atom(value)
    if found is _NOT_A_POLICY_NUMBER:
        raise refuse(f"Numbers must be between -1e9 and 1e9, got {value}")
    return found


def _exists(operand: Any) -> Expression:
    if not isinstance(operand, bool):
        raise refuse("exists match pattern must be either true or false.")
    return Expression(test=lambda value: operand, absent=not operand)


def _text(name: str, operand: Any) -> str:
    if not isinstance(operand, str):
        raise refuse(f"{name} match pattern must be a string")
    return operand


def _string_test(name: str, operand: Any) -> Test:
    text = _text(name, operand)
    if name == "prefix":
        return lambda value: type(value) is str and value.startswith(text)
    if name == "suffix":
        return lambda value: type(value) is str and value.endswith(text)
    lowered = text.lower()
    return lambda value: type(value) is str and value.lower() == lowered


def _wildcard(operand: Any) -> Expression:
    pattern = _text("wildcard", operand)
    asterisks = pattern.count("*")
    if asterisks > MAX_ASTERISKS:
        raise refuse(f"a wildcard pattern can not have more than {MAX_ASTERISKS} '*'")
    points = 3 if asterisks > 1 else 1
    return Expression(test=_wildcard_test(pattern), patterns=1, points=points)


def _wildcard_test(pattern: str) -> Test:
    head, *middle = pattern.split("*")
    if not middle:
        return lambda value: value == head
    tail = middle.pop()
    least = len(head) + len(tail)

    def test(value: Any) -> bool:
        if type(value) is not str or len(value) < least:
            return False
        if not (value.startswith(head) and value.endswith(tail)):
            return False
        at, end = len(head), len(value) - len(tail)
        for part in middle:
            at = value.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return True

    return test


def _anything_but(operand: Any) -> Expression:
    if isinstance(operand, dict):
        return _anything_but_pattern(*_only_item(operand))
    listed = operand if isinstance(operand, list) else [operand]
    if not listed:
        raise refuse("Empty arrays are not allowed")
    atoms = frozenset(map(_policy_atom, listed))
    return Expression(test=lambda value: atom(value) not in atoms, values=len(listed))


def _anything_but_pattern(name: str, operand: Any) -> Expression:
    """AWS refused `suffix` here in May 2024; the guide of 2026 lists it and `wildcard`."""
    patterns = 0
    if name == "wildcard":
        inner, patterns = _wildcard(operand).test, 1
    elif name in ("prefix", "suffix"):
        inner = _string_test(name, operand)
    else:
        raise refuse(f"Unsupported anything-but pattern: {name}")
    assert inner is not None
    return Expression(test=lambda value: not inner(value), patterns=patterns, points=patterns)


def _numeric(operand: Any) -> Test:
    if not isinstance(operand, list):
        raise refuse("Value of numeric must be an array.")
    if not operand or not isinstance(operand[0], str):
        raise refuse(f"Invalid member in numeric match: {_token(operand[0]) if operand else ']'}")
    operator = operand[0]
    if operator not in _COMPARE:
        raise refuse(f"Unrecognized numeric range operator: {operator}")
    bound = _bound(operator, operand[1:2])
    if len(operand) == 2:
        return _comparison(operator, bound)
    if operator not in (">", ">="):
        raise refuse("Too many elements in numeric expression")
    return _range(operator, bound, operand[2:])


def _range(operator: str, bottom: int, upper: list[Any]) -> Test:
    closing = upper[0]
    if not isinstance(closing, str):
        raise refuse(f"Bad value in numeric range: {_token(closing)}")
    if closing not in ("<", "<="):
        raise refuse(f"Bad numeric range operator: {closing}")
    top = _bound(closing, upper[1:2])
    if bottom >= top:
        raise refuse("Bottom must be less than top")
    if len(upper) > 2:
        raise refuse("Too many terms in numeric range expression")
    lowest = bottom if operator == ">=" else bottom + 1
    highest = top if closing == "<=" else top - 1

    def test(value: Any) -> bool:
        steps = _steps(value)
        return steps is not None and lowest <= steps <= highest

    return test


def _bound(operator: str, given: list[Any]) -> int:
    number = given[0] if given else None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise refuse(f"Value of {'equals' if operator == '=' else operator} must be numeric")
    steps = _steps(number)
    if steps is None:
        raise refuse(f"Numbers must be between -1e9 and 1e9, got {number}")
    return steps


def _comparison(operator: str, bound: int) -> Test:
    compare = _COMPARE[operator]

    def test(value: Any) -> bool:
        steps = _steps(value)
        return steps is not None and compare(steps, bound)

    return test


def _token(value: Any) -> str:
    if isinstance(value, list | dict):
        return "[" if isinstance(value, list) else "{"
    return json.dumps(value)


def _cidr(operand: Any) -> Test:
    text = _text("prefix", operand)  # AWS names the wrong operator here; its words are kept
    address, slash, mask = text.partition("/")
    if not slash or not mask or "/" in mask:
        raise refuse("Malformed CIDR, one '/' required")
    if not _MASK.fullmatch(mask):
        raise refuse("Malformed CIDR, mask bits must be an integer")
    try:
        network = ipaddress.ip_address(address)
    except ValueError:
        raise refuse(f"Nonstandard IP address: {address}") from None
    return _in_network(network, int(mask))


def _in_network(network: ipaddress.IPv4Address | ipaddress.IPv6Address, bits: int) -> Test:
    width = network.max_prefixlen
    if bits < 0:
        raise refuse("Malformed CIDR, mask bits must not be negative")
    if bits >= width:
        raise refuse(f"IPv{network.version} mask bits must be < {width}")
    version, shift = network.version, width - bits
    prefix = int(network) >> shift

    def test(value: Any) -> bool:
        if type(value) is not str:
            return False
        try:
            found = ipaddress.ip_address(value)
        except ValueError:
            return False
        return found.version == version and int(found) >> shift == prefix

    return test
