"""The meaning of a scenario: dangling names, what AWS refuses or advises against, plain sense."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from msgsim.model.service import ACCOUNT, Specs
from msgsim.model.spec import FieldError, Spec, read_property, refs
from msgsim.problems import Problems, did_you_mean, quote, register
from msgsim.scenario.plain import place_of
from msgsim.scenario.schema import Part, section_of
from msgsim.scenario.tree import Mapping
from msgsim.services import discover
from msgsim.units import format_duration

for _code, _title in {
    "E140": "a name that does not exist",
    "E141": "a name of the wrong kind of resource",
    "E142": "the same name twice",
    "E143": "nothing to simulate",
    "W382": "a workload, fault or action that begins after the end of the run",
}.items():
    register(_code, _title)


def unique_names(parts: list[Part], problems: Problems) -> dict[str, Part]:
    """Return the parts by name, reporting names that are taken."""
    found: dict[str, Part] = {}
    for part in parts:
        if part.name in found:
            message = f"the name {quote(part.name)} is taken: {found[part.name].kind} has it"
            named = isinstance(part.node, Mapping) and "name" in part.node
            place = place_of(part.node, ("name",)) if named else part.place
            problems.add("E142", message, place, "choose another name")
        else:
            found[part.name] = part
    return found


def check_references(
    parts: dict[str, Part], declared: Collection[str], problems: Problems
) -> dict[str, Part]:
    """Report references to what does not exist or is of the wrong kind.

    Args:
        parts: what could be read.
        declared: names that are there, though what they stand for could not be read.
        problems: collects what is wrong.

    Returns:
        The parts all of whose references are sound, so that their services can check them.
    """
    sound = dict(parts)
    for part in parts.values():
        for path, name, kinds in refs(part.spec):
            place = place_of(part.node, path)
            where = f"{part.name}.{'.'.join(str(step) for step in path)}"
            target = parts.get(name)
            if target is not None and (not kinds or target.kind in kinds):
                continue
            sound.pop(part.name, None)
            if target is None and name in declared:
                continue
            fitting = [
                other.name
                for other in parts.values()
                if other is not part and (not kinds or other.kind in kinds)
            ]
            if target is None:
                message = f"{where} names {quote(name)}, which does not exist"
                problems.add("E140", message, place, _meant(name, fitting, kinds))
            else:
                wanted = " or ".join(kinds)
                message = f"{where} names {quote(name)} of type {target.kind}; it needs {wanted}"
                problems.add("E141", message, place, _known(fitting, kinds))
    return sound


def _meant(name: str, fitting: list[str], kinds: tuple[str, ...]) -> str:
    """Guess a misspelt name, also from an ARN or from `Name.Arn`."""
    bare = name.rpartition(":")[2].partition(".")[0]
    for word in (name, bare):
        guess = did_you_mean(word, fitting)
        if guess is not None:
            asked = f"did you mean {guess}?"
            return asked if word == name else f"a reference is the bare logical name: {asked}"
    return _known(fitting, kinds)


def _known(fitting: list[str], kinds: tuple[str, ...]) -> str:
    if fitting:
        return f"known: {', '.join(fitting[:8])}"
    return f"add a resource of type {' or '.join(kinds)}" if kinds else "add it under resources:"


def check_services(
    parts: dict[str, Part], sound: dict[str, Part], account: Spec, problems: Problems, advise: bool
) -> None:
    """Let each service say what AWS would refuse or advises against, about its sound parts.

    Advice is left out while parts of the scenario could not be read, or names lead nowhere: it
    would speak of gaps that are none, such as a topic whose only subscription is misspelt.
    """
    services = discover()
    specs = {ACCOUNT: account, **{part.name: part.spec for part in parts.values()}}
    for part in sound.values():
        service = services[part.kind]
        for finding in service.check(part.name, part.spec, specs):
            if not advise and finding.code.startswith("W"):
                continue
            place = place_of(part.node, finding.path) if finding.path else part.place
            problems.add(finding.code, finding.message, place, finding.hint)
    for part in sound.values():
        if part.kind == "action":
            _check_change(part, parts, specs, problems)


def _check_change(action: Part, parts: dict[str, Part], specs: Specs, problems: Problems) -> None:
    """Let the service say what AWS would refuse about a property as an action leaves it."""
    spec: Any = action.spec
    target = parts.get(spec.target)
    if spec.set_ is None or target is None or spec.changed not in target.spec.live:
        return
    try:
        value = read_property(type(target.spec), spec.changed, spec.to)
    except FieldError:
        return  # the action's own check says so
    changed = target.spec.model_copy(update={spec.changed: value})
    for finding in discover()[target.kind].check(
        target.name, changed, {**specs, target.name: changed}
    ):
        if finding.code.startswith("E") and finding.path[:1] == (spec.changed,):
            place = place_of(action.node, ("to",))
            problems.add(finding.code, finding.message, place, finding.hint)


def check_sense(parts: dict[str, Part], duration_ns: int, problems: Problems) -> None:
    """Report a scenario in which nothing can happen, and what comes after its end."""
    if not any(section_of(part.kind) == "workload" for part in parts.values()):
        message = "nothing is sent: there is no workload"
        receivers = ("sns.topic", "sqs.queue", "kinesis.stream", "firehose.delivery_stream")
        name = next((part.name for part in parts.values() if part.kind in receivers), "NAME")
        problems.add("E143", message, None, f"add workload: [{{to: {name}, rate: 50/s}}]")
    for part in parts.values():
        if section_of(part.kind) == "resources":
            continue
        begins = "from_" if section_of(part.kind) == "workload" else "at"
        begins_ns = getattr(part.spec, begins, 0)
        if begins_ns >= duration_ns:
            word = begins.rstrip("_")
            message = f"{part.kind} {part.name} comes after the end: the run lasts "
            message += (
                f"{format_duration(duration_ns)}, this begins at {format_duration(begins_ns)}"
            )
            hint = f"lengthen duration, or lower {word}"
            problems.add("W382", message, place_of(part.node, (word,)), hint)


def register_codes() -> None:
    """Make the codes of all services known to `explain`."""
    for service in discover().values():
        for code, title in service.codes.items():
            register(code, title)


register_codes()
