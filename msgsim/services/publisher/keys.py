"""Keys: which identity each message gets, by its number in the workload."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heapreplace
from math import lcm
from typing import Annotated, Any

from msgsim import units
from msgsim.kernel.sampling import zipf_weights
from msgsim.kernel.simulation import Simulation
from msgsim.model.spec import FieldError, Parsed
from msgsim.problems import did_you_mean, quote

MAX_KEYS = 1_000_000
DEFAULT_PREFIX = "key-"
_OPTIONS = {
    "uniform": {"uniform", "prefix"},
    "zipf": {"zipf", "exponent", "prefix"},
    "round_robin": {"round_robin", "prefix"},
    "weighted": {"weighted", "draw"},
}

PickKey = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Keys:
    """How keys are chosen.

    Attributes:
        form: `uniform`, `zipf`, `round_robin` or `weighted`.
        names: the keys.
        weights: how often each is drawn, relative to the others.
        exact: take turns in proportion to the weights instead of drawing.
    """

    form: str
    names: tuple[str, ...]
    weights: tuple[Fraction, ...] = ()
    exponent: float = 1.0
    exact: bool = False


def read_keys(value: Any) -> Keys:
    """Read `keys:` of a workload.

    Raises:
        FieldError: E130 for a wrong number, E134 for a form that does not exist.
    """
    if isinstance(value, Keys):
        return value
    if not isinstance(value, Mapping):
        return Keys("uniform", _numbered(value, DEFAULT_PREFIX))
    forms = [form for form in _OPTIONS if form in value]
    if not forms:
        return _weighted(value, exact=False)
    form = forms[0]
    for option in value:
        if option not in _OPTIONS[form]:
            guess = did_you_mean(str(option), _OPTIONS[form])
            allowed = ", ".join(sorted(_OPTIONS[form]))
            hint = f"did you mean {guess}?" if guess else f"with {form}: {allowed}"
            raise FieldError("E134", f"keys: {quote(str(option))} does not go with {form}", hint)
    if form == "weighted":
        draw = str(value.get("draw", "random"))
        if draw not in ("random", "exact"):
            raise FieldError("E134", f"keys: unknown draw {quote(draw)}", "draw: random or exact")
        return _weighted(value["weighted"], draw == "exact")
    names = _numbered(value[form], str(value.get("prefix", DEFAULT_PREFIX)))
    exponent = float(units.number(str(value.get("exponent", "1"))))
    if exponent < 0:
        raise FieldError("E130", f"keys: a Zipf exponent is not negative, but this is {exponent:g}")
    return Keys(form, names, exponent=exponent)


def _numbered(value: Any, prefix: str) -> tuple[str, ...]:
    if isinstance(value, (Mapping, list)) or value is None:
        raise FieldError("E134", "keys: expected the number of keys", "such as keys: 120")
    number = units.number(str(value))
    if number != int(number) or not 1 <= number <= MAX_KEYS:
        message = f"keys: from 1 to {MAX_KEYS:,} keys are possible, but this is {value}"
        raise FieldError("E130", message)
    return tuple(f"{prefix}{index}" for index in range(int(number)))


def _weighted(value: Any, exact: bool) -> Keys:
    if not isinstance(value, Mapping) or not value:
        hint = "such as keys: {gold: 10%, basic: 90%}"
        raise FieldError("E134", "keys: expected names with their weights", hint)
    names = tuple(str(name) for name in value)
    weights = tuple(
        read_weight(item, f"keys: the weight of {name}") for name, item in value.items()
    )
    check_weights(list(value.values()), weights, "keys")
    return Keys("weighted", names, weights, exact=exact)


def read_weight(value: Any, what: str) -> Fraction:
    """Read a weight: a share such as `2.5%` or a number; exact for what is written in decimals.

    Raises:
        FieldError: E130, below zero or no number.
    """
    if isinstance(value, (Mapping, list)) or value is None:
        raise FieldError("E130", f"{what} must be a share or a number", "such as 40%")
    text = str(value).strip()
    number = units.share(text) if text.endswith("%") else units.number(text)
    if number < 0:
        raise FieldError("E130", f"{what} is below zero")
    return Fraction(number).limit_denominator(1_000_000)


def check_weights(written: list[Any], weights: tuple[Fraction, ...], what: str) -> None:
    """Refuse weights that sum to nothing, and percentages that do not make 100.

    Raises:
        FieldError: E130.
    """
    total = sum(weights, Fraction(0))
    if total <= 0:
        raise FieldError("E130", f"{what}: the weights sum to 0")
    percents = all(str(value).strip().endswith("%") for value in written)
    if percents and abs(total - 1) > Fraction(1, 1_000):
        hint = "make them 100%, or write plain numbers as relative weights"
        raise FieldError("E130", f"{what}: the shares sum to {float(total) * 100:g}%", hint)


KeysField = Annotated[
    Keys,
    Parsed(read_keys, {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "object"}]}),
]


def picker(keys: Keys, sim: Simulation, workload: str) -> PickKey:
    """Return what gives the key of message n; the substream is `<workload>/keys`."""
    names = keys.names
    size = len(names)
    if size == 1:
        return lambda n: names[0]
    if keys.form == "round_robin":
        return lambda n: names[n % size]
    if keys.exact:
        return InTurn(names, keys.weights)
    if keys.form == "uniform":
        uniform = sim.integers(workload, "keys", size)
        return lambda n: names[uniform.at(n)]
    if keys.form == "zipf":
        weights = zipf_weights(size, keys.exponent)
    else:
        weights = [float(weight) for weight in keys.weights]
    drawn = sim.choice(workload, "keys", weights)
    return lambda n: names[drawn.at(n)]


class InTurn:
    """Names in proportion to their weights without chance, spread as evenly as possible.

    Each name's j-th turn is due at (j + 1/2) / weight, and the earliest due comes next (a
    weighted round robin; with integer weights every cycle holds each name exactly that often).
    """

    def __init__(self, names: tuple[str, ...], weights: tuple[Fraction, ...]) -> None:
        common = lcm(*(weight.denominator for weight in weights))
        whole = [int(weight * common) for weight in weights]
        self._names = names
        self._turns = [(0.5 / share, index, share) for index, share in enumerate(whole) if share]
        self._taken = [0] * len(names)
        heapify(self._turns)

    def __call__(self, n: int) -> str:
        """Return the name for the next message; messages ask in order."""
        _, index, share = self._turns[0]
        self._taken[index] += 1
        heapreplace(self._turns, ((self._taken[index] + 0.5) / share, index, share))
        return self._names[index]
