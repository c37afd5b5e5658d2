"""Shrinking: a failing scenario made small, so that what is left is the reason.

Greedy and deterministic: parts are left out one after another, with all that refers to them, then
properties, then numbers are made plain; each step stays if the same thing still goes wrong.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

from msgsim.experiment.fuzz.generator import Tree

Fails = Callable[[Tree], bool]
LISTED = ("workload", "faults", "actions")
KEPT = {"type", "to", "duration", "resources", "workload", "handler", "queue"}
"""What every scenario, part or workload needs: not worth a try without it."""

PLAIN: dict[str, tuple[Any, ...]] = {
    "count": (1, 3, 10, 50),
    "workers": (1,),
    "keys": (1, 3),
    "MaxNumberOfMessages": (1,),
    "BatchSize": (1,),
    "batch": (2,),
    "time": ("5ms", "300ms", "1s"),
    "arrivals": ({"steady": "1/s"}, {"steady": "20/s"}, {"burst": 20}),
    "duration": ("5s", "10s", "20s", "45s", "90s"),
    "seed": (1,),
}
"""Values that are easier to think about, the plainest first."""


def shrink(tree: Tree, fails: Fails, most_s: float = 60.0) -> Tree:
    """Return a smaller scenario that fails in the same way.

    Args:
        tree: the scenario that fails.
        fails: runs a scenario and says whether it fails in that way; scenarios that do not
            validate must not.
        most_s: stop after so many seconds, with what there is.
    """
    ends = time.monotonic() + most_s
    smaller = True
    while smaller:
        smaller = False
        for simplify in (_without_parts, _without_properties, _plainer):
            found = _exhaust(tree, simplify, fails, ends)
            if found is not tree:
                tree, smaller = found, True
            if time.monotonic() > ends:
                return tree
    return tree


def _exhaust(
    tree: Tree, simplify: Callable[[Tree], Iterator[Tree]], fails: Fails, ends: float
) -> Tree:
    """Take the first simplification that still fails, again and again."""
    progress = True
    while progress:
        progress = False
        for candidate in simplify(tree):
            if time.monotonic() > ends:
                return tree
            if fails(candidate):
                tree, progress = candidate, True
                break
    return tree


def _without_parts(tree: Tree) -> Iterator[Tree]:
    for section in LISTED:
        entries = tree.get(section, [])
        for index in reversed(range(len(entries))):
            if section == "workload" and len(entries) == 1:
                continue
            candidate = copy.deepcopy(tree)
            del candidate[section][index]
            if not candidate[section]:
                del candidate[section]
            yield candidate
    for name in reversed(list(tree["resources"])):
        candidate = _without(tree, name)
        if "workload" in candidate:
            yield candidate


def _without(tree: Tree, name: str) -> Tree:
    """Leave a resource out, with the parts and properties that name it."""
    candidate = copy.deepcopy(tree)
    gone = {name}
    resources = candidate["resources"]
    while gone:
        lost = gone.pop()
        resources.pop(lost, None)
        for other, part in list(resources.items()):
            for key, value in list(part.items()):
                if not _names(value, lost):
                    continue
                if key in NEEDED:
                    gone.add(other)
                else:
                    del part[key]
        for section in LISTED:
            kept = [each for each in candidate.get(section, []) if not _names(each, lost)]
            if section in candidate:
                candidate[section] = kept
                if not kept:
                    del candidate[section]
    return candidate


NEEDED = {
    "queue",
    "TopicArn",
    "Endpoint",
    "EventSourceArn",
    "FunctionName",
    "StreamARN",
    "KinesisStreamSourceConfiguration",
    "Dimensions",
    "deadLetterTargetArn",
}


def _names(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return any(_names(each, name) for each in value.values())
    if isinstance(value, list):
        return any(_names(each, name) for each in value)
    return isinstance(value, str) and (value == name or value.startswith(f"{name}."))


def _without_properties(tree: Tree) -> Iterator[Tree]:
    for path in _paths(tree):
        if path[-1] in KEPT or path[-1] in NEEDED:
            continue
        if len(path) == 1 and path[0] in LISTED:
            continue
        if len(path) == 2 and path[0] == "resources":
            continue
        candidate = copy.deepcopy(tree)
        del _at(candidate, path[:-1])[path[-1]]
        yield candidate


def _plainer(tree: Tree) -> Iterator[Tree]:
    for path in _paths(tree):
        value = _at(tree, path)
        choices = PLAIN.get(str(path[-1]), ())
        better = choices[: choices.index(value)] if value in choices else choices
        for choice in better:
            candidate = copy.deepcopy(tree)
            _at(candidate, path[:-1])[path[-1]] = choice
            yield candidate


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all keys of mappings, inner ones last."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield (*path, key)
            yield from _paths(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _paths(each, (*path, index))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value
