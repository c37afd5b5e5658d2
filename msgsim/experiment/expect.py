"""`expect`: rules about a run, compiled before it and judged after it.

Grammar: `rule = comparison {and comparison}`, `comparison = expr op expr | expr in lo..hi`,
`expr` = metrics, numbers with units, `+ - *`. A metric is `Target[selector].metric[.stat]`, where a
target is a resource, a workload, `consumer` or `total`; windows are stats: `at(3m)`,
`between(1m,2m)`. A metric nobody knows is an error before the run; a metric without data fails.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from msgsim import units
from msgsim.model.spec import FieldError

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<range>\.\.)
    | (?P<op><=|>=|==|!=|<|>)
    | (?P<arith>[+*()-])
    | (?P<word>and\b|in\b)
    | (?P<quantity>\d[\d_]*(?:\.\d+)?(?:[A-Za-zµ%/]+(?:\d+(?:\.\d+)?[A-Za-zµ]+)*)?)
    | (?P<metric>[A-Za-z_](?:[\w-]|\.(?!\.)|\[[^\]]*\]|\([^()]*\))*)
    )""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

Lookup = Callable[["MetricName"], float | None]


@dataclass(frozen=True, slots=True)
class Window:
    """A stat that looks at a moment or a stretch of the run.

    Attributes:
        kind: `at` or `between`.
        begin_ns: the moment, or the beginning.
        end_ns: the end of the stretch; the moment again for `at`.
    """

    kind: str
    begin_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class MetricName:
    """A metric as written, taken apart.

    Attributes:
        text: as written.
        target: first word.
        selectors: `("group", "A")` and the like, in order.
        path: the words after the target, without windows.
        window: the window, if one is written.
    """

    text: str
    target: str
    selectors: tuple[tuple[str, str], ...]
    path: tuple[str, ...]
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class _Number:
    value: float
    dimension: str


@dataclass(frozen=True, slots=True)
class _Operation:
    sign: str
    left: Expression
    right: Expression


Expression = _Number | MetricName | _Operation


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left op right`, or `left in low..high`."""

    left: Expression
    op: str
    right: Expression
    high: Expression | None = None

    def holds(self, look_up: Lookup) -> bool | None:
        """Say whether it holds; None when a metric has no data."""
        left, right = evaluate(self.left, look_up), evaluate(self.right, look_up)
        high = evaluate(self.high, look_up) if self.high is not None else right
        if left is None or right is None or high is None:
            return None
        if self.op == "in":
            return right <= left <= high
        return _COMPARE[self.op](left, right)

    def margin(self, look_up: Lookup) -> float | None:
        """Return how far inside (positive) or outside (negative) the bound the left side is."""
        left, right = evaluate(self.left, look_up), evaluate(self.right, look_up)
        high = evaluate(self.high, look_up) if self.high is not None else None
        if left is None or right is None:
            return None
        if self.op == "in" and high is not None:
            return min(left - right, high - left)
        if self.op in {"<", "<="}:
            return right - left
        if self.op in {">", ">="}:
            return left - right
        return -abs(left - right)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule ready to be judged.

    Attributes:
        text: the rule as written.
        comparisons: joined by `and`.
    """

    text: str
    comparisons: tuple[Comparison, ...]

    def metrics(self) -> Iterator[MetricName]:
        """Yield every metric the rule names."""
        for comparison in self.comparisons:
            for side in (comparison.left, comparison.right, comparison.high):
                if side is not None:
                    yield from metrics_in(side)


def metrics_in(expression: Expression) -> Iterator[MetricName]:
    """Yield the metrics of an expression."""
    if isinstance(expression, MetricName):
        yield expression
    elif isinstance(expression, _Operation):
        yield from metrics_in(expression.left)
        yield from metrics_in(expression.right)


def evaluate(expression: Expression, look_up: Lookup) -> float | None:
    """Return the value of an expression in base units, or None without data."""
    if isinstance(expression, _Number):
        return expression.value
    if isinstance(expression, MetricName):
        return look_up(expression)
    left, right = evaluate(expression.left, look_up), evaluate(expression.right, look_up)
    if left is None or right is None:
        return None
    if expression.sign == "*":
        return left * right
    return left + right if expression.sign == "+" else left - right


def dimension_of(expression: Expression, dimension: Callable[[MetricName], str]) -> str:
    """Return the dimension of an expression (`time`, `size`, `rate`, `share` or `number`).

    Raises:
        FieldError: times and counts are added, or the like.
    """
    if isinstance(expression, _Number):
        return expression.dimension
    if isinstance(expression, MetricName):
        return dimension(expression)
    left = dimension_of(expression.left, dimension)
    right = dimension_of(expression.right, dimension)
    if expression.sign == "*":
        return right if left == "number" else left
    _same(left, right, "add or subtract")
    return left


def check_dimensions(rule: Compiled, dimension: Callable[[MetricName], str]) -> None:
    """Refuse a rule that compares a time with a count, and the like.

    Raises:
        FieldError: E151.
    """
    for comparison in rule.comparisons:
        left = dimension_of(comparison.left, dimension)
        for side in (comparison.right, comparison.high):
            if side is not None:
                _same(left, dimension_of(side, dimension), "compare")


def _same(left: str, right: str, verb: str) -> None:
    kinds = {left, right}
    if len(kinds) == 1 or kinds <= {"number", "share"} or kinds <= {"number", "rate"}:
        return
    hint = "write numbers with units, such as 5s, 1%, 50/s" if "number" in kinds else None
    raise FieldError("E151", f"cannot {verb} a {left} and a {right}", hint)


def compile_rule(text: str) -> Compiled:
    """Read a rule.

    Raises:
        FieldError: E150, the rule is not of the grammar.
    """
    return _Reader(text).rule()


def compile_expression(text: str) -> Expression:
    """Read a metric, or an expression of metrics, on its own.

    Raises:
        FieldError: E150, the text is not of the grammar, or names no metric.
    """
    found = _Reader(text).expression()
    if next(metrics_in(found), None) is None:
        raise FieldError("E150", f"{text!r} names no metric", "for example Billing.latency.p99")
    return found


MOST_WORDS = 500
"""Numbers, metrics and signs of one rule; what is calculated descends into each of them."""

LONGEST_SHOWN = 300
"""Characters of a rule that cannot be read, in the message about it."""

DEEPEST = 20
"""Brackets and minus signs within each other."""


class _Reader:
    """A small recursive-descent reader of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(islice(self._split(text), MOST_WORDS + 1))
        if len(self.tokens) > MOST_WORDS:
            raise self._error(f"has more than {MOST_WORDS} numbers, metrics and signs")
        self.position = 0
        self.depth = 0

    def _split(self, text: str) -> Iterator[tuple[str, str]]:
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            found = _TOKEN.match(stripped, position)
            if found is None:
                raise self._error(f"does not understand {stripped[position:].strip()[:20]!r}")
            assert found.lastgroup is not None
            yield found.lastgroup, found.group(found.lastgroup)
            position = found.end()

    def _error(self, why: str) -> FieldError:
        shown = self.text if len(self.text) <= LONGEST_SHOWN else f"{self.text[:LONGEST_SHOWN]}…"
        return FieldError(
            "E150",
            f"the rule {shown!r} {why}",
            "for example: Billing.latency.p99 < 5s, Dlq.arrived == 0, Billing.drain_time in 4s..6s",
        )

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self.position += 1
        return token

    def expression(self) -> Expression:
        found = self._sum()
        if self._peek()[0] != "end":
            raise self._error(f"goes on with {self._peek()[1]!r} where it should end")
        return found

    def rule(self) -> Compiled:
        comparisons = [self._comparison()]
        while self._peek() == ("word", "and"):
            self._next()
            comparisons.append(self._comparison())
        if self._peek()[0] != "end":
            raise self._error(f"goes on with {self._peek()[1]!r} where it should end")
        return Compiled(self.text, tuple(comparisons))

    def _comparison(self) -> Comparison:
        left = self._sum()
        group, word = self._next()
        if group == "op":
            return Comparison(left, word, self._sum())
        if (group, word) != ("word", "in"):
            raise self._error("compares nothing: it needs < <= > >= == != or in lo..hi")
        low = self._sum()
        if self._next()[0] != "range":
            raise self._error("needs a range after `in`, such as 4s..6s")
        return Comparison(left, "in", low, self._sum())

    def _sum(self) -> Expression:
        found = self._product()
        while self._peek() in (("arith", "+"), ("arith", "-")):
            _, sign = self._next()
            found = _Operation(sign, found, self._product())
        return found

    def _product(self) -> Expression:
        found = self._atom()
        while self._peek() == ("arith", "*"):
            self._next()
            found = _Operation("*", found, self._atom())
        return found

    def _atom(self) -> Expression:
        group, word = self._next()
        if group == "quantity":
            try:
                value, dimension = units.parse_quantity(word)
            except units.UnitError as error:
                raise FieldError("E130", str(error)) from None
            return _Number(value, dimension)
        if group == "metric":
            return self._metric(word)
        if (group, word) == ("arith", "("):
            inner = self._within(self._sum)
            if self._next() != ("arith", ")"):
                raise self._error("has an open bracket")
            return inner
        if (group, word) == ("arith", "-"):
            inner = self._within(self._atom)
            if isinstance(inner, _Number):
                return _Number(-inner.value, inner.dimension)
            return _Operation("*", _Number(-1.0, "number"), inner)
        raise self._error("ends too early" if group == "end" else f"has {word!r} in a wrong place")

    def _within(self, read: Callable[[], Expression]) -> Expression:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._error(f"has brackets or signs more than {DEEPEST} deep in each other")
        found = read()
        self.depth -= 1
        return found

    def _metric(self, word: str) -> MetricName:
        steps = re.findall(r"[\w-]+(?:\[[^\]]*\])?(?:\([^()]*\))?", word)
        selectors: list[tuple[str, str]] = []
        path: list[str] = []
        window = None
        for step in steps:
            found = re.fullmatch(r"([\w-]+)(?:\[([^\]]*)\])?(?:\(([^()]*)\))?", step)
            assert found is not None
            name, selector, arguments = found.groups()
            if arguments is not None:
                window = self._window(name, arguments)
            elif selector is not None:
                selectors.append((name, selector.strip()))
            else:
                path.append(name)
        if not path or (len(path) < 2 and window is None and not selectors):
            raise self._error(f"needs a metric after {word!r}, as in {word}.latency.p99")
        return MetricName(word, path[0], tuple(selectors), tuple(path[1:]), window)

    def _window(self, name: str, arguments: str) -> Window:
        wanted = {"at": 1, "between": 2}
        moments = [part.strip() for part in arguments.split(",")]
        if wanted.get(name) != len(moments):
            raise self._error(f"has {name}({arguments}); windows are at(3m) and between(1m,2m)")
        try:
            times = [units.duration_ns(moment) for moment in moments]
        except units.UnitError as error:
            raise FieldError("E130", str(error)) from None
        if times[-1] < times[0]:
            raise self._error(f"has {name}({arguments}), which ends before it begins")
        return Window(name, times[0], times[-1])
