"""Actions: entries of the section `actions:`, each of which does one thing at one moment.

A service that can be acted upon declares a kind `action.NAME`, whose spec has a moment `at` and one
reference for each verb, such as `split: Clicks`. The verb an entry is written with picks the kind;
a kind `action`, where there is one, has all others.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf

from msgsim.model.service import Service
from msgsim.model.spec import RefTo
from msgsim.problems import Problems, did_you_mean, quote, register
from msgsim.scenario.tree import Mapping, Node

register("E144", "an action that nothing can do", "an action that nothing can do")

ANY, PREFIX = "action", "action."
COMMON = {"at", "name", "to"}
"""Fields that say when and where to, not what."""


def verbs(service: Service) -> list[str]:
    """Return the verbs of an action's spec: its references."""
    fields = service.spec.model_fields.items()
    return [
        info.alias or name
        for name, info in fields
        if any(isinstance(item, RefTo) for item in info.metadata)
    ]


def kind_of(item: Node, services: MappingOf[str, Service], problems: Problems) -> str | None:
    """Return the kind of an entry, or report that no service knows its verb."""
    known = {
        verb: kind
        for kind, service in services.items()
        if kind.startswith(PREFIX)
        for verb in verbs(service)
    }
    written = item.names() if isinstance(item, Mapping) else []
    for name in written:
        if name in known:
            return known[name]
    plain = services[ANY].spec.model_fields.items() if ANY in services else ()
    others = {info.alias or name for name, info in plain}
    if (ANY in services and (others - COMMON).intersection(written)) or not set(written) - COMMON:
        return ANY
    known |= dict.fromkeys(others - COMMON, ANY)
    guesses = [did_you_mean(name, known) for name in written if name not in COMMON]
    guess = next((found for found in guesses if found is not None), None)
    hint = f"did you mean {guess}?" if guess else f"known: {', '.join(sorted(known))}"
    named = [name for name in written if name not in COMMON]
    what = quote(", ".join(named)) if named else "this"
    problems.add("E144", f"{what} is no action", item.place, hint)
    return None
