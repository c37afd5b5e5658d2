"""Topology: a scenario's components as a tree of text, in the direction in which messages go."""

from __future__ import annotations

from collections.abc import Iterator

from msgsim.model.spec import refs
from msgsim.scenario.schema import Part, Scenario, section_of

SOURCES = {"TopicArn", "EventSourceArn", "StreamARN", "KinesisStreamARN", "queue"}
"""Fields that name where a part gets its messages from; all other references lead onwards."""
_DEAD = ("deadLetter", "DeadLetter", "OnFailure", "DestinationConfig")


def topology_text(scenario: Scenario) -> str:
    """Return a tree for each workload, then the parts that no message reaches from there."""
    onwards, letters = _edges(scenario)
    parts = scenario.parts
    seen: set[str] = set()
    lines: list[str] = []
    roots = [part.name for part in scenario.of_section("workload")]
    taken = {name for names in letters.values() for name in names}
    rest = [part.name for part in scenario.of_section("resources") if part.name not in taken]
    for root in [*roots, *rest]:
        if root not in seen:
            lines.append(_label(parts[root], letters))
            lines += _below(root, parts, onwards, letters, seen, "")
    return "\n".join(lines)


def _edges(scenario: Scenario) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return part → where its messages go, and part → where its dead letters go."""
    onwards: dict[str, list[str]] = {}
    letters: dict[str, list[str]] = {}
    for part in scenario.parts.values():
        if section_of(part.kind) == "faults":
            continue
        for path, name, _ in refs(part.spec):
            if any(str(step).startswith(_DEAD) for step in path):
                letters.setdefault(part.name, []).append(name)
            elif path[-1] in SOURCES:
                onwards.setdefault(name, []).append(part.name)
            else:
                onwards.setdefault(part.name, []).append(name)
    return onwards, letters


def _label(part: Part, letters: dict[str, list[str]]) -> str:
    dead = ", ".join(dict.fromkeys(letters.get(part.name, ())))
    return f"{part.name} ({part.kind})" + (f", dead letters: {dead}" if dead else "")


def _below(
    name: str,
    parts: dict[str, Part],
    onwards: dict[str, list[str]],
    letters: dict[str, list[str]],
    seen: set[str],
    indent: str,
) -> Iterator[str]:
    seen.add(name)
    below = [each for each in dict.fromkeys(onwards.get(name, ())) if each in parts]
    for place, each in enumerate(below):
        last = place == len(below) - 1
        again = " …" if each in seen and onwards.get(each) else ""
        yield f"{indent}{'└─ ' if last else '├─ '}{_label(parts[each], letters)}{again}"
        if each not in seen:
            deeper = indent + ("   " if last else "│  ")
            yield from _below(each, parts, onwards, letters, seen, deeper)
