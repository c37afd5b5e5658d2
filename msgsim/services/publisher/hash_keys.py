"""Explicit hash keys: which place in a stream's hash space each message is put at.

With an `ExplicitHashKey` the partition key no longer says which shard a record goes to; it is still
stored with the record. Source: Kinesis API Reference, PutRecord.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from msgsim.kernel.distributions import Uniform
from msgsim.kernel.simulation import Simulation
from msgsim.model.catalog import Page
from msgsim.model.spec import FieldError, Parsed
from msgsim.problems import quote

RANDOM = "random"
_DECIMAL = re.compile(r"-?[0-9]{1,60}")
_EXAMPLE = "such as 0, [0, 170141183460469231731687303715884105728], random, or {gold: 0}"

PickHash = Callable[[int, str], str | None]
"""(number in the workload, key) → the hash key in decimal, or None to hash the partition key."""


@dataclass(frozen=True, slots=True)
class HashKeys:
    """How explicit hash keys are chosen.

    Attributes:
        in_turn: hash keys that messages take in turn; one for a constant.
        by_key: the hash key of each of these keys; messages with other keys have none.
        random: whether each message has one of its own, anywhere in the hash space.
    """

    in_turn: tuple[str, ...] = ()
    by_key: Mapping[str, str] | None = None
    random: bool = False


def hash_keys_field(page: Page) -> Any:
    """Return the type of `ExplicitHashKey`, with the range that the page gives."""
    limit = page.limit("ExplicitHashKey")

    def number(value: Any) -> str:
        text = str(value).strip()
        if isinstance(value, (Mapping, list)) or not _DECIMAL.fullmatch(text):
            shown = "a mapping or a list" if isinstance(value, (Mapping, list)) else quote(text)
            message = f"ExplicitHashKey: expected a whole number in decimal, but found {shown}"
            raise FieldError("E130", message, _EXAMPLE)
        if not limit.low <= int(text) <= limit.high:
            raise FieldError(
                "E201",
                f"AWS refuses this ({limit.error}): ExplicitHashKey is {text}, allowed is "
                f"{limit.low} to {limit.high} (2^128 - 1)",
                f"source: {limit.source}",
            )
        return str(int(text))

    def parse(value: Any) -> HashKeys:
        if isinstance(value, HashKeys):
            return value
        if isinstance(value, Mapping) and value:
            return HashKeys(by_key={str(key): number(item) for key, item in value.items()})
        if isinstance(value, (list, tuple)) and value:
            return HashKeys(in_turn=tuple(number(item) for item in value))
        if str(value) == RANDOM:
            return HashKeys(random=True)
        return HashKeys(in_turn=(number(value),))

    schema = {"anyOf": [{"type": kind} for kind in ("integer", "string", "array", "object")]}
    return Annotated[HashKeys, Parsed(parse, schema)]


def hash_picker(found: HashKeys, sim: Simulation, workload: str, space: int) -> PickHash:
    """Return what gives the hash key of message n; the substream is `<workload>/hash keys`."""
    if found.by_key is not None:
        by_key = found.by_key
        return lambda n, key: by_key.get(key)
    if found.random:
        drawn = sim.sampler(workload, "hash keys", Uniform(0, 1))
        return lambda n, key: str(min(int(drawn.at(n) * space), space - 1))
    in_turn = found.in_turn
    return lambda n, key: in_turn[n % len(in_turn)]
