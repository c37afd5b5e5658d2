"""Lambda operations on event source mappings: create, change, delete, list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgsim.cloud.account import Account, QueueEntry
from msgsim.cloud.errors import Refused
from msgsim.cloud.identity import EPOCH_S, short_name
from msgsim.cloud.lambda_events import QueueDoor
from msgsim.cloud.lambda_functions import FunctionEntry, paged
from msgsim.cloud.lambda_refusals import refusal, sentence
from msgsim.cloud.lambda_shapes import CONFLICT, INVALID, NOT_FOUND
from msgsim.cloud.sqs_attributes import specified
from msgsim.kernel.simulation import NS_PER_S
from msgsim.services import discover

Parameters = Mapping[str, Any]

KIND = "lambda.event_source_mapping"
CHANGEABLE = (
    "Enabled",
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "FilterCriteria",
    "FunctionResponseTypes",
    "ScalingConfig",
    "ProvisionedPollerConfig",
)


@dataclass(eq=False)
class MappingEntry:
    """An event source mapping: what was asked for, and the component that does it."""

    uuid: str
    queue: QueueEntry
    entry: FunctionEntry
    given: dict[str, Any]
    spec: Any
    mapping: Any
    modified_ns: int


class MappingOperations:
    """What can be done to event source mappings. Their sources are queues."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._mappings: dict[str, MappingEntry] = {}

    def create_event_source_mapping(self, p: Parameters) -> dict[str, Any]:
        """Let a mapping bring a queue's messages to a function, from now on."""
        account = self._account
        entry = account.function(p["FunctionName"])
        queue = self._queue(p.get("EventSourceArn", ""))
        uuid = account.ids.uuid()
        given = {name: p[name] for name in CHANGEABLE if name in p}
        made = self._make(uuid, queue, entry, given)
        self._mappings[uuid] = made
        return self._shown(made, "Creating")

    def _queue(self, arn: str) -> QueueEntry:
        queue = self._account.queues.get(short_name(arn))
        if queue is None:
            raise Refused(
                INVALID, f"Error occurred while ReceiveMessage. There is no queue {arn!r}."
            )
        return queue

    def _make(
        self, uuid: str, queue: QueueEntry, entry: FunctionEntry, given: dict[str, Any]
    ) -> MappingEntry:
        account = self._account
        properties = {"EventSourceArn": queue.name, "FunctionName": entry.name, **given}
        self._check(uuid, queue, entry, properties)
        name = f"{queue.name}->{entry.name}"
        component, spec = account.build(KIND, name, properties)
        door = QueueDoor(account, entry, queue, spec.partial)
        found = {queue.name: queue.queue, entry.name: door}
        account.connect(KIND, component, spec, found.__getitem__)
        account.observe(component)
        return MappingEntry(uuid, queue, entry, given, spec, component, account.sim.now)

    def _check(
        self, uuid: str, queue: QueueEntry, entry: FunctionEntry, properties: dict[str, Any]
    ) -> None:
        """Refuse what AWS refuses: ranges, and what does not fit the queue or the function."""
        services = discover()
        try:
            spec = services[KIND].spec.model_validate(properties)
        except ValueError as error:
            raise refusal(error) from None
        specs: dict[str, Any] = {
            queue.name: services["sqs.queue"].spec.model_validate(specified(queue.attributes)),
            entry.name: entry.spec,
        }
        for other in self._mappings.values():
            if other.uuid != uuid:
                specs[other.uuid] = other.spec
        specs[uuid] = spec
        for finding in services[KIND].check(uuid, spec, specs):
            if finding.code == "E217":
                raise Refused(CONFLICT, "An event source mapping with SQS arn and function exists.")
            if finding.code.startswith("E"):
                raise Refused(INVALID, sentence(finding.message))

    def update_event_source_mapping(self, p: Parameters) -> dict[str, Any]:
        """Change a mapping: what it has in hand goes on to its end, and then the new one works."""
        old = self._find(p["UUID"])
        entry = self._account.function(p.get("FunctionName", old.entry.name))
        given = {**old.given, **{name: p[name] for name in CHANGEABLE if name in p}}
        given = {name: value for name, value in given.items() if value != {}}
        made = self._make(old.uuid, old.queue, entry, given)
        old.mapping.enable(False)
        self._mappings[old.uuid] = made
        return self._shown(made, "Updating")

    def delete_event_source_mapping(self, p: Parameters) -> dict[str, Any]:
        """Stop polling; what the mapping has in hand goes on to its end."""
        found = self._find(p["UUID"])
        found.mapping.enable(False)
        del self._mappings[found.uuid]
        return self._shown(found, "Deleting")

    def get_event_source_mapping(self, p: Parameters) -> dict[str, Any]:
        """Return a mapping."""
        return self._shown(self._find(p["UUID"]))

    def list_event_source_mappings(self, p: Parameters) -> dict[str, Any]:
        """Return the mappings of a queue, of a function, or all of them."""
        found = [
            self._shown(each)
            for each in self._mappings.values()
            if short_name(p.get("EventSourceArn", each.queue.arn)) == each.queue.name
            and short_name(p.get("FunctionName", each.entry.arn)) == each.entry.name
        ]
        return paged("EventSourceMappings", found, p)

    def _find(self, uuid: str) -> MappingEntry:
        found = self._mappings.get(uuid)
        if found is None:
            raise Refused(NOT_FOUND, "The resource you requested does not exist.")
        return found

    def _shown(self, each: MappingEntry, state: str = "") -> dict[str, Any]:
        account = self._account
        return {
            "UUID": each.uuid,
            "EventSourceMappingArn": account.place.mapping_arn(each.uuid),
            "EventSourceArn": each.queue.arn,
            "FunctionArn": each.entry.arn,
            "BatchSize": 10,
            "MaximumBatchingWindowInSeconds": 0,
            "FunctionResponseTypes": [],
            **{name: value for name, value in each.given.items() if name != "Enabled"},
            "LastModified": EPOCH_S + each.modified_ns / NS_PER_S,
            "State": state or ("Enabled" if each.spec.Enabled else "Disabled"),
            "StateTransitionReason": "USER_INITIATED",
        }
