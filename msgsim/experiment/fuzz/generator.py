"""Whole scenarios from a seed: a system, what is sent through it, and what befalls it."""

from __future__ import annotations

from typing import Any

import yaml

from msgsim.experiment.fuzz.dice import Dice
from msgsim.experiment.fuzz.happenings import draw_actions, draw_faults, draw_workloads
from msgsim.experiment.fuzz.topology import draw_resources

Tree = dict[str, Any]


def draw_scenario(seed: int) -> Tree:
    """Return the scenario of that seed, as plain data."""
    dice = Dice(seed)
    duration_s = dice.pick((20, 45, 90, 400))
    parts = draw_resources(dice)
    tree: Tree = {
        "msgsim": 1,
        "question": "Does anything that must never happen?",
        "seed": dice.between(0, 1_000_000),
        "duration": f"{duration_s}s",
    }
    if dice.chance(0.2):
        reserved = sum(part.get("ReservedConcurrentExecutions", 0) for part in parts.values())
        tree["account"] = {"ConcurrentExecutions": reserved + dice.between(101, 110)}
    if dice.chance(0.2):
        tree["warm_up"] = "5s"
    tree["resources"] = parts
    tree["workload"] = draw_workloads(dice, parts, duration_s)
    for section, draw in (("faults", draw_faults), ("actions", draw_actions)):
        entries = draw(dice, parts, duration_s)
        if entries:
            tree[section] = entries
    return tree


def text_of(tree: Tree) -> str:
    """Return a scenario as its author would have to write it."""
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=100)
