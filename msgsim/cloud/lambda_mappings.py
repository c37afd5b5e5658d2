"""Lambda operations on event source mappings: create, change, delete, list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgsim.cloud.account import Account
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import moment, short_name
from msgsim.cloud.lambda_functions import FunctionEntry, paged
from msgsim.cloud.lambda_refusals import refusal, sentence
from msgsim.cloud.lambda_shapes import CONFLICT, INVALID, NOT_FOUND
from msgsim.cloud.lambda_sources import (
    CHANGEABLE,
    ONLY_AT_FIRST,
    ONLY_SHOWN,
    Source,
    destination_of,
    source_of,
)
from msgsim.kernel.signals import Listener, Signal
from msgsim.services import discover

Parameters = Mapping[str, Any]

KIND = "lambda.event_source_mapping"
TAKEN = (*CHANGEABLE, *ONLY_SHOWN)
TWICE, SHARED = "E217", "E270"
RESULTS = {"completed": "OK", "failed": "PROBLEM: Function call failed"}


@dataclass(eq=False)
class MappingEntry:
    """An event source mapping: what was asked for, and the component that does it.

    Attributes:
        result: `LastProcessingResult`, which streams show.
    """

    uuid: str
    source: Source
    entry: FunctionEntry
    given: dict[str, Any]
    spec: Any
    mapping: Any
    modified_ns: int
    result: str = "No records processed"

    def listener(self, component: Any, signal: Signal) -> Listener | None:
        """Keep how the last record ended."""
        result = RESULTS.get(signal.name)
        if result is None:
            return None

        def note(now: int, *carried: Any) -> None:
            self.result = result

        return note


class MappingOperations:
    """What can be done to event source mappings. Their sources are queues and streams."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._mappings: dict[str, MappingEntry] = {}

    def create_event_source_mapping(self, p: Parameters) -> dict[str, Any]:
        """Let a mapping bring messages of a queue, or records of a stream, to a function."""
        account = self._account
        entry = account.function(p["FunctionName"])
        source = source_of(account, p.get("EventSourceArn", ""))
        given = {name: p[name] for name in (*TAKEN, *ONLY_AT_FIRST) if name in p}
        made = self._make(account.ids.uuid(), source, entry, given, None)
        self._mappings[made.uuid] = made
        return self._shown(made, "Creating")

    def _make(
        self,
        uuid: str,
        source: Source,
        entry: FunctionEntry,
        given: dict[str, Any],
        old: MappingEntry | None,
    ) -> MappingEntry:
        """Make a mapping and let it begin, after `old` where there is one."""
        account = self._account
        properties = {
            "EventSourceArn": source.arn,
            "FunctionName": entry.arn,
            **source.properties({k: v for k, v in given.items() if k not in ONLY_SHOWN}),
        }
        specs = source.specs()
        self._check(uuid, specs, source, entry, properties)
        name = f"{source.arn.rpartition(':')[2].rpartition('/')[2]}->{entry.name}"
        component, spec = account.build(KIND, name, properties, specs)
        found = {**source.components(), entry.arn: source.door(entry, spec)}
        target = destination_of(account, given)
        if target:
            found[target] = account.destination(target)
            given = {**given, "DestinationConfig": {"OnFailure": {"Destination": target}}}
        account.connect(KIND, component, spec, found.__getitem__, specs)
        source.furnish(component, entry, given)
        made = MappingEntry(uuid, source, entry, given, spec, component, account.sim.now)
        if old is not None:
            source.replace(old.mapping, component)
        account.observe(component, made)
        return made

    def _check(
        self,
        uuid: str,
        specs: dict[str, Any],
        source: Source,
        entry: FunctionEntry,
        properties: dict[str, Any],
    ) -> None:
        """Refuse what AWS refuses: ranges, and what does not fit the source or the function."""
        service = discover()[KIND]
        try:
            spec = service.spec.model_validate(properties)
        except ValueError as error:
            raise refusal(error) from None
        others = {other.uuid: other.spec for other in self._mappings.values() if other.uuid != uuid}
        everything = {**specs, entry.arn: entry.spec, **others, uuid: spec}
        for finding in service.check(uuid, spec, everything):
            if finding.code == TWICE:
                twin = next(
                    other
                    for other in self._mappings.values()
                    if other.source.arn == source.arn and other.entry is entry
                )
                raise Refused(CONFLICT, source.exists_already(entry.name, twin.uuid))
            if finding.code == SHARED:
                raise Refused(CONFLICT, sentence(finding.message))
            if finding.code.startswith("E"):
                raise Refused(INVALID, sentence(finding.message))

    def update_event_source_mapping(self, p: Parameters) -> dict[str, Any]:
        """Change a mapping: what it has in hand goes on to its end, and then the new one works."""
        old = self._find(p["UUID"])
        entry = self._account.function(p.get("FunctionName", old.entry.name))
        given = {**old.given, **{name: p[name] for name in TAKEN if name in p}}
        given = {name: value for name, value in given.items() if value != {}}
        made = self._make(old.uuid, old.source, entry, given, old)
        made.result = old.result
        self._mappings[old.uuid] = made
        return self._shown(made, "Updating")

    def delete_event_source_mapping(self, p: Parameters) -> dict[str, Any]:
        """Stop reading; what the mapping has in hand goes on to its end."""
        found = self._find(p["UUID"])
        found.source.stop(found.mapping)
        del self._mappings[found.uuid]
        return self._shown(found, "Deleting")

    def get_event_source_mapping(self, p: Parameters) -> dict[str, Any]:
        """Return a mapping."""
        return self._shown(self._find(p["UUID"]))

    def list_event_source_mappings(self, p: Parameters) -> dict[str, Any]:
        """Return the mappings of a source, of a function, or all of them."""
        arn, name = p.get("EventSourceArn"), p.get("FunctionName")
        found = [
            self._shown(each)
            for each in self._mappings.values()
            if _names(arn, each.source.arn) and _names(name, each.entry.arn)
        ]
        return paged("EventSourceMappings", found, p)

    def _find(self, uuid: str) -> MappingEntry:
        found = self._mappings.get(uuid)
        if found is None:
            raise Refused(NOT_FOUND, "The resource you requested does not exist.")
        return found

    def _shown(self, each: MappingEntry, state: str = "") -> dict[str, Any]:
        shown = {
            "UUID": each.uuid,
            "EventSourceMappingArn": self._account.place.mapping_arn(each.uuid),
            "EventSourceArn": each.source.arn,
            "FunctionArn": each.entry.arn,
            **each.source.defaults,
            **{name: value for name, value in each.given.items() if name != "Enabled"},
            "LastModified": moment(each.modified_ns),
            "State": state or ("Enabled" if each.spec.Enabled else "Disabled"),
            "StateTransitionReason": each.source.reason,
        }
        if "StartingPosition" in each.given:
            shown["LastProcessingResult"] = each.result
        return shown


def _names(asked: str | None, arn: str) -> bool:
    """Say whether an ARN, a URL or the name at its end means this resource; None means all."""
    if asked is None or asked == arn:
        return True
    last = short_name(asked)
    return ":kinesis:" not in asked and last == arn.rpartition(":")[2].rpartition("/")[2]
